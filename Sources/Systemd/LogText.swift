/// Text in log lines. Part of it is of strangers: what receivers answer, names of files.
enum LogText {
    /// Bytes of one value.
    static let maxValueBytes = 1_024

    /// On one line, without control characters: they could end the line, or move a terminal's cursor.
    static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where isControl(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Of bounded size: whole characters, and a mark where something is missing.
    static func bounded(_ text: String) -> String {
        guard text.utf8.count > maxValueBytes else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: maxValueBytes)
        while end > text.startIndex, String.Index(end, within: text.unicodeScalars) == nil {
            end = text.utf8.index(before: end)
        }
        return String(text[..<end]) + "…"
    }

    /// A value behind `key=`: with spaces or quotes in quotes.
    static func quoted(_ value: String) -> String {
        let value = bounded(value)
        let isPlain = value.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" && !isControl($0) }
        guard !isPlain || value.isEmpty else { return value }
        let escaped = escaped(value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))
        return "\"\(escaped)\""
    }

    /// C0, DEL, C1, and Unicode's own line ends.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value || 0x2028...0x2029 ~= scalar.value
    }
}
