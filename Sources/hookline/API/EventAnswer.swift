import AdminAPI

/// An event as the API shows it, its data left as it is: what producers may send can say more than a parsed value, such as
/// the same key twice.
struct EventAnswer {
    /// All of it.
    let text: [UInt8]
    /// All but the data.
    let json: JSONValue
    let data: [UInt8]

    private static let beforeData = Array(",\"data\":".utf8)

    /// Nil if it is no such answer.
    init?(_ text: [UInt8]) {
        // In a string the quotes would have backslashes, and no other member of the answer has this name.
        guard let start = Self.firstIndex(of: Self.beforeData, in: text), text.last == UInt8(ascii: "}"),
            let json = try? JSONParser.parse(text[..<start] + [UInt8(ascii: "}")])  // No other answer has this form.
        else { return nil }
        self.text = text
        self.json = json
        data = Array(text[(start + Self.beforeData.count)...].dropLast())
    }

    private static func firstIndex(of needle: [UInt8], in text: [UInt8]) -> Int? {
        var index = 0
        while index + needle.count <= text.count {
            if text[index] == needle[0], text[index..<index + needle.count].elementsEqual(needle) { return index }
            index += 1
        }
        return nil
    }
}
