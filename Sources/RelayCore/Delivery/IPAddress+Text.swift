extension IPAddress {
    /// Reads an address strictly: the whole text, or nothing.
    ///
    /// IPv4 is four decimal octets without leading zeros (RFC 3986 `IPv4address`), so the octal, hexadecimal and short
    /// forms that `inet_aton` takes are refused. IPv6 is RFC 4291 section 2.2: eight groups of one to four hexadecimal
    /// digits, at most one `::` for one or more zero groups, and perhaps an IPv4 tail. Zone ids (`%eth0`), brackets
    /// and prefix lengths are refused.
    ///
    /// - Parameter text: For example `10.1.2.3` or `2001:db8::1`.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let address = Self.parseV6(bytes) else { return nil }
            self = address
        } else {
            guard let value = Self.parseV4(bytes[...]) else { return nil }
            self = .v4(value)
        }
    }

    private static func parseV4(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let octets = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard octets.count == 4 else { return nil }
        var value: UInt32 = 0
        for octet in octets {
            guard (1...3).contains(octet.count) else { return nil }
            guard octet.count == 1 || octet.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for byte in octet {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                number = number * 10 + UInt32(byte - UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            value = value << 8 | number
        }
        return value
    }

    private static func parseV6(_ bytes: [UInt8]) -> IPAddress? {
        let colon = UInt8(ascii: ":")
        var groups: [UInt16] = []
        var gap: Int?
        var position = 0
        if bytes.starts(with: [colon, colon]) {
            gap = 0
            position = 2
        }
        while position < bytes.count {
            var end = position
            var group: UInt16 = 0
            while end < bytes.count, end - position < 4, let digit = hexDigitValue(bytes[end]) {
                group = group << 4 | UInt16(digit)
                end += 1
            }
            if end < bytes.count, bytes[end] == UInt8(ascii: ".") {
                guard let tail = parseV4(bytes[position...]) else { return nil }
                groups += [UInt16(tail >> 16), UInt16(truncatingIfNeeded: tail)]
                break
            }
            guard end > position, groups.count < 8 else { return nil }
            groups.append(group)
            position = end
            guard position < bytes.count else { break }
            guard bytes[position] == colon, position + 1 < bytes.count else { return nil }
            position += 1
            if bytes[position] == colon {
                guard gap == nil else { return nil }
                gap = groups.count
                position += 1
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        let high = groups[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let low = groups[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return .v6(high: high, low: low)
    }

    private static func hexDigitValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// The canonical text: a dotted quad, or RFC 5952 (lower case, no leading zeros, `::` for the first longest run of
    /// at least two zero groups, an IPv4 tail for IPv4-mapped addresses).
    package var description: String {
        switch self {
        case .v4(let value):
            return Self.dottedQuad(value)
        case .v6(let high, let low):
            if case .v4(let inner) = unmapped { return "::ffff:" + Self.dottedQuad(inner) }
            let groups = [high, low].flatMap { half in
                [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> $0) }
            }
            guard let run = Self.longestZeroRun(groups) else { return Self.joined(groups[...]) }
            return Self.joined(groups[..<run.lowerBound]) + "::" + Self.joined(groups[run.upperBound...])
        }
    }

    private static func dottedQuad(_ value: UInt32) -> String {
        [24, 16, 8, 0].map { String(value >> $0 & 0xFF) }.joined(separator: ".")
    }

    private static func joined(_ groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// The first longest run of zero groups; nil when none has two groups (RFC 5952 section 4.2.2).
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > best?.count ?? 0 { best = start..<end }
            start = end + 1
        }
        return best
    }
}
