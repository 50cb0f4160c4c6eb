/// Text from outside made safe for a terminal: control characters and what turns text around are shown, not obeyed.
enum PrintableText {
    static func of(_ text: String, keepsNewlines: Bool = false) -> String {
        guard text.unicodeScalars.contains(where: { isUnsafe($0) }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isUnsafe(scalar) && !(keepsNewlines && scalar == "\n") {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0: true
        // Bidirectional embeddings, overrides and isolates (UAX #9), line and paragraph separators.
        case 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
