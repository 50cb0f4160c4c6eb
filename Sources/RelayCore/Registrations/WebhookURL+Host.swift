extension WebhookURL {
    /// The longest host name without its trailing dot, in bytes (RFC 1035 section 2.3.4: 255 octets on the wire).
    private static let nameBytesMax = 253
    /// The longest label of a host name, in bytes (RFC 1035 section 2.3.4).
    private static let labelBytesMax = 63

    /// Reads `host` or `host:port`; no credentials in it.
    static func parseAuthority(_ authority: ArraySlice<UInt8>) throws(WebhookURLError) -> (Host, UInt16?) {
        let colon = UInt8(ascii: ":")
        if authority.first == UInt8(ascii: "[") {
            guard let close = authority.firstIndex(of: UInt8(ascii: "]")) else {
                throw .badIPv6(string(authority))
            }
            let inside = authority[(authority.startIndex + 1)..<close]
            guard !inside.contains(UInt8(ascii: "%")) else { throw .zoneID }
            guard inside.contains(colon), let address = IPAddress(string(inside)) else {
                throw .badIPv6(string(inside))
            }
            let rest = authority[(close + 1)...]
            if rest.isEmpty { return (.address(address), nil) }
            guard rest.first == colon else { throw .badIPv6(string(authority)) }
            return (.address(address), try parsePort(rest.dropFirst()))
        }
        guard let separator = authority.firstIndex(of: colon) else { return (try parseHost(authority), nil) }
        let rest = authority[(separator + 1)...]
        if rest.contains(colon) { throw .badIPv6(string(authority)) }
        return (try parseHost(authority[..<separator]), try parsePort(rest))
    }

    private static func parsePort(_ digits: ArraySlice<UInt8>) throws(WebhookURLError) -> UInt16 {
        guard digits.allSatisfy({ isDigit($0) }), digits.first != UInt8(ascii: "0"),
            let port = UInt16(string(digits))
        else { throw .port(string(digits)) }
        return port
    }

    /// Reads a dotted quad or a name of letters, digits, hyphens and underscores (RFC 952, RFC 1123 section 2.1; the
    /// underscore because names in use have it).
    private static func parseHost(_ given: ArraySlice<UInt8>) throws(WebhookURLError) -> Host {
        var bytes = given
        if bytes.last == UInt8(ascii: ".") { bytes = bytes.dropLast() }
        guard !bytes.isEmpty else { throw .emptyHost }
        guard bytes.allSatisfy({ $0 < 0x80 }) else { throw .nonASCIIHost }
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if let last = labels.last, isNumber(last) {
            // The same rule as the WHATWG URL Standard's "ends in a number": a resolver would take such a host for an
            // IPv4 address, in octal, hexadecimal or with fewer parts.
            guard let address = IPAddress(string(bytes)) else { throw .ambiguousAddress(string(bytes)) }
            return .address(address)
        }
        guard bytes.count <= nameBytesMax else { throw .hostTooLong(bytes.count) }
        for label in labels {
            guard !label.isEmpty, label.count <= labelBytesMax,
                label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-"),
                label.allSatisfy({ isLabelByte($0) })
            else { throw .badLabel(string(label)) }
        }
        return .name(string(bytes).lowercased())
    }

    /// Whether a label is a number in any of the forms that `inet_aton` reads.
    private static func isNumber(_ label: ArraySlice<UInt8>) -> Bool {
        if label.isEmpty { return false }
        if label.allSatisfy({ isDigit($0) }) { return true }
        let prefix = string(label.prefix(2)).lowercased()
        return prefix == "0x" && label.dropFirst(2).allSatisfy { isHexDigit($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
