/// Small pieces of RFC 8259 for text that is edited or shown, not decoded.
enum LooseJSON {
    /// Section 2: the four characters that may stand between tokens.
    static func isWhitespace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    /// The text of a string's inside, its escapes undone; what is no escape stays, a lone surrogate becomes U+FFFD.
    static func unescaped(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        var units: [UInt8] = []
        var surrogate: UInt32?
        var index = bytes.startIndex
        while index < bytes.endIndex {
            guard bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.endIndex else {
                units.append(bytes[index])
                index += 1
                continue
            }
            let escape = bytes[index + 1]
            index += 2
            switch escape {
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "u"):
                guard index + 4 <= bytes.endIndex,
                    let unit = UInt32(String(decoding: bytes[index..<(index + 4)], as: UTF8.self), radix: 16)
                else {
                    units.append(contentsOf: "\u{FFFD}".utf8)
                    continue
                }
                index += 4
                switch (unit, surrogate) {
                case (0xD800..<0xDC00, _): surrogate = unit
                case (0xDC00..<0xE000, let high?):
                    surrogate = nil
                    append(0x10000 + (high - 0xD800) << 10 + (unit - 0xDC00), to: &units)
                default: append(unit, to: &units)
                }
            default: units.append(escape)
            }
        }
        return String(decoding: units, as: UTF8.self)
    }

    /// A string with its quotes, escaped as section 7 demands.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case let control where control.value < 0x20 || control.value == 0x7F:
                let digits = String(control.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func append(_ value: UInt32, to units: inout [UInt8]) {
        let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
        units.append(contentsOf: String(Character(scalar)).utf8)
    }
}
