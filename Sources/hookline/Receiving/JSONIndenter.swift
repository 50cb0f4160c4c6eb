/// Spreads JSON over lines for reading. Only whitespace between tokens changes, so numbers and escapes look as sent.
enum JSONIndenter {
    /// - Parameter body: valid JSON, or anything, which then may look odd but loses nothing but whitespace.
    static func indented(_ body: [UInt8], prefix: String) -> String {
        var text: [UInt8] = Array(prefix.utf8)
        var depth = 0
        var isInString = false
        var isEscaped = false
        func newLine() {
            text.append(UInt8(ascii: "\n"))
            text.append(contentsOf: prefix.utf8)
            // Deeper than any screen is wide, it stays where it is.
            text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * min(max(depth, 0), 32)))
        }
        for (index, byte) in body.enumerated() {
            if isInString {
                text.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                isInString = true
                text.append(byte)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                text.append(byte)
                depth += 1
                if !isClosing(next(after: index, in: body)) { newLine() }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if !isOpening(previous(before: index, in: body)) { newLine() }
                text.append(byte)
            case UInt8(ascii: ","):
                text.append(byte)
                newLine()
            case UInt8(ascii: ":"):
                text.append(contentsOf: ": ".utf8)
            case let space where LooseJSON.isWhitespace(space): break
            default: text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func next(after index: Int, in body: [UInt8]) -> UInt8? {
        body[(index + 1)...].first { !LooseJSON.isWhitespace($0) }
    }

    private static func previous(before index: Int, in body: [UInt8]) -> UInt8? {
        body[..<index].last { !LooseJSON.isWhitespace($0) }
    }

    private static func isOpening(_ byte: UInt8?) -> Bool {
        byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[")
    }

    private static func isClosing(_ byte: UInt8?) -> Bool {
        byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
    }
}
