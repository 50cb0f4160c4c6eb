/// Strings in and out of JSON (RFC 8259 section 7).
package enum JSONText {
    /// Appends the UTF-8 that a validated string's content stands for. A surrogate without its partner becomes U+FFFD.
    static func unescape(_ content: UnsafeRawBufferPointer, into text: inout [UInt8]) {
        var index = 0
        while index < content.count {
            let byte = content[index]
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                index += 1
                continue
            }
            switch content[index + 1] {
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"):
                var unit = codeUnit(content, at: index + 2)
                index += 6
                if unit & 0xFC00 == 0xD800, index + 6 <= content.count, content[index] == UInt8(ascii: "\\"),
                    content[index + 1] == UInt8(ascii: "u"), case let low = codeUnit(content, at: index + 2),
                    low & 0xFC00 == 0xDC00
                {
                    unit = 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF
                    index += 6
                }
                let scalar = Unicode.Scalar(unit) ?? "\u{FFFD}"
                text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                continue
            default: text.append(content[index + 1])
            }
            index += 2
        }
    }

    /// The first byte that begins no UTF-8 character, nil if the text is UTF-8 throughout.
    package static func firstInvalidUTF8(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var cursor = JSONCursor(bytes)
        while cursor.position < cursor.end {
            if bytes[cursor.position] < 0x80 {
                cursor.position += 1
            } else if !cursor.skipMultibyteCharacter() {
                return cursor.position
            }
        }
        return nil
    }

    /// Appends a string with its quotes.
    package static func append(_ string: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(byte)
            case 0..<0x20, 0x7F:
                text.append(contentsOf: "\\u00".utf8)
                withUnsafeBytes(of: byte) { Hexadecimal.append($0, to: &text) }
            default:
                text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    /// Whether a line is nothing but JSON white space.
    package static func isBlank(_ line: UnsafeRawBufferPointer) -> Bool {
        line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
    }

    private static func codeUnit(_ content: UnsafeRawBufferPointer, at index: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 << 4 | (JSONCursor.hexadecimalValue(content[index + $1]) ?? 0) }
    }
}
