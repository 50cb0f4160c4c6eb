/// Walks over one line of JSON (RFC 8259, strictly) and validates what it passes, UTF-8 (RFC 3629) included.
///
/// Not recursive: nesting costs a bit of a two-word stack. Every method returns false at the first fault and leaves it in
/// ``fault``; nothing is allocated on the way.
struct JSONCursor {
    /// What is wrong with the text, and where: an offset from the line's start.
    enum Fault: Equatable {
        case none
        case unexpected(at: Int)
        /// The line ended where something was still due.
        case end
        case controlCharacter(at: Int)
        case escape(at: Int)
        case number(at: Int)
        case encoding(at: Int)
        case depth(at: Int)
    }

    let base: UnsafePointer<UInt8>
    let end: Int
    var position = 0
    var fault = Fault.none

    init(_ line: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; nothing is read through this one then.
        base = (line.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!).assumingMemoryBound(to: UInt8.self)
        end = line.count
    }

    @inline(__always)
    mutating func fail(_ fault: Fault) -> Bool {
        self.fault = fault
        return false
    }

    @inline(__always)
    mutating func failHere() -> Bool {
        fail(position < end ? .unexpected(at: position) : .end)
    }

    @inline(__always)
    mutating func skipWhitespace() {
        while position < end {
            switch base[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    /// Passes one character that must come next.
    @inline(__always)
    mutating func expect(_ character: UInt8) -> Bool {
        guard position < end, base[position] == character else { return failHere() }
        position += 1
        return true
    }

    /// Passes a string, from its opening quote; sets `hasEscapes` if it holds any.
    @inline(__always)
    mutating func skipString(hasEscapes: inout Bool) -> Bool {
        guard expect(UInt8(ascii: "\"")) else { return false }
        while true {
            skipPlainCharacters()
            guard position < end else { return fail(.end) }
            let byte = base[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return true
            }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                guard skipEscape() else { return false }
            } else if byte < 0x20 {
                return fail(.controlCharacter(at: position))
            } else {
                guard skipMultibyteCharacter() else { return false }
            }
        }
    }

    /// Advances over ASCII that is neither a quote, nor a backslash, nor a control character: eight bytes at a time.
    @inline(__always)
    private mutating func skipPlainCharacters() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        while position + 8 <= end {
            let word = UInt64(
                littleEndian: UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self))
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            // A byte's high bit is set where the byte is zero (for the first two) or below 0x20 (the third). A borrow can
            // set one wrongly, but only above a right one, and only the lowest is used.
            let stops =
                ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
                | ((word &- ones &* 0x20) & ~word) | word
            let found = stops & (ones &* 0x80)
            if found != 0 {
                position &+= found.trailingZeroBitCount >> 3
                return
            }
            position &+= 8
        }
        while position < end {
            let byte = base[position]
            if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
            position &+= 1
        }
    }

    /// Passes `\n`, `é` and their like. Surrogates need no partner: RFC 8259 section 8.2 allows it.
    private mutating func skipEscape() -> Bool {
        let start = position
        guard position + 1 < end else { return fail(.end) }
        switch base[position + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 2
            return true
        case UInt8(ascii: "u"):
            for offset in 2..<6 {
                guard position + offset < end else { return fail(.end) }
                guard Self.hexadecimalValue(base[position + offset]) != nil else { return fail(.escape(at: start)) }
            }
            position += 6
            return true
        default:
            return fail(.escape(at: start))
        }
    }

    /// Passes one character beyond ASCII: no overlong form, no surrogate, nothing above U+10FFFF (RFC 3629 section 4).
    @inline(__always)
    mutating func skipMultibyteCharacter() -> Bool {
        let lead = base[position]
        let count: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: count = 2
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: count = 3
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: count = 4
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: return fail(.encoding(at: position))
        }
        guard position + count <= end, second.contains(base[position + 1]) else {
            return fail(.encoding(at: position))
        }
        for offset in 2..<max(count, 2) where base[position + offset] & 0xC0 != 0x80 {
            return fail(.encoding(at: position))
        }
        position += count
        return true
    }

    /// Passes a number: no leading zeros, no bare point, any size and precision (RFC 8259 section 6).
    private mutating func skipNumber() -> Bool {
        let start = position
        if base[position] == UInt8(ascii: "-") { position += 1 }
        guard position < end else { return fail(.end) }
        if base[position] == UInt8(ascii: "0") {
            position += 1
        } else {
            guard skipDigits() else { return fail(.number(at: start)) }
        }
        if position < end, base[position] == UInt8(ascii: ".") {
            position += 1
            guard skipDigits() else { return fail(.number(at: start)) }
        }
        if position < end, base[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < end, base[position] == UInt8(ascii: "+") || base[position] == UInt8(ascii: "-") {
                position += 1
            }
            guard skipDigits() else { return fail(.number(at: start)) }
        }
        return true
    }

    private mutating func skipDigits() -> Bool {
        let start = position
        while position < end, base[position] &- 0x30 < 10 { position += 1 }
        return position > start
    }

    private mutating func skipLiteral(_ literal: StaticString) -> Bool {
        for index in 0..<literal.utf8CodeUnitCount {
            guard expect(literal.utf8Start[index]) else { return false }
        }
        return true
    }

    /// Passes a string, number or literal.
    @inline(__always)
    private mutating func skipScalar() -> Bool {
        guard position < end else { return fail(.end) }
        switch base[position] {
        case UInt8(ascii: "\""):
            var hasEscapes = false
            return skipString(hasEscapes: &hasEscapes)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return skipNumber()
        case UInt8(ascii: "t"): return skipLiteral("true")
        case UInt8(ascii: "f"): return skipLiteral("false")
        case UInt8(ascii: "n"): return skipLiteral("null")
        default: return failHere()
        }
    }

    /// Passes any value; containers up to ``Limits/dataDepth`` inside each other, the outermost counted.
    mutating func skipValue() -> Bool {
        guard position < end else { return fail(.end) }
        guard base[position] == UInt8(ascii: "{") || base[position] == UInt8(ascii: "[") else { return skipScalar() }

        var objects = NestingStack()
        while true {
            // At a value.
            let byte = position < end ? base[position] : 0
            var closed = false
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                let isObject = byte == UInt8(ascii: "{")
                guard objects.push(isObject: isObject) else { return fail(.depth(at: position)) }
                position += 1
                skipWhitespace()
                guard position < end else { return fail(.end) }
                if base[position] == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    position += 1
                    objects.pop()
                    closed = true
                } else if isObject {
                    guard skipKey() else { return false }
                    continue
                } else {
                    continue
                }
            } else {
                guard skipScalar() else { return false }
                closed = true
            }
            // After a value: close containers until one goes on.
            while closed {
                if objects.isEmpty { return true }
                skipWhitespace()
                guard position < end else { return fail(.end) }
                let isObject = objects.topIsObject
                switch base[position] {
                case UInt8(ascii: ","):
                    position += 1
                    skipWhitespace()
                    if isObject {
                        guard skipKey() else { return false }
                    } else {
                        guard position < end else { return fail(.end) }
                    }
                    closed = false
                case UInt8(ascii: "}") where isObject, UInt8(ascii: "]") where !isObject:
                    position += 1
                    objects.pop()
                default:
                    return failHere()
                }
            }
        }
    }

    /// Passes a key, its colon, and the white space up to the value.
    @inline(__always)
    private mutating func skipKey() -> Bool {
        var hasEscapes = false
        guard skipString(hasEscapes: &hasEscapes) else { return false }
        skipWhitespace()
        guard expect(UInt8(ascii: ":")) else { return false }
        skipWhitespace()
        return true
    }

    /// The value of a hexadecimal digit of either case.
    static func hexadecimalValue(_ digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(digit - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(digit - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}

/// Which of the open containers are objects: a bit each, ``Limits/dataDepth`` of them.
private struct NestingStack {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    private var depth = 0

    var isEmpty: Bool { depth == 0 }
    var topIsObject: Bool { low & 1 == 1 }

    mutating func push(isObject: Bool) -> Bool {
        guard depth < Limits.dataDepth else { return false }
        high = high << 1 | low >> 63
        low = low << 1 | (isObject ? 1 : 0)
        depth += 1
        return true
    }

    mutating func pop() {
        low = low >> 1 | high << 63
        high >>= 1
        depth -= 1
    }
}
