/// Finds the members at the top level of a JSON object without reading more of it than their bounds.
///
/// It trusts that strings end and brackets match, and says nil where they don't: whether a text is valid JSON is for the
/// relay to judge.
struct ObjectScanner {
    /// A member's byte ranges: the key without its quotes, and the value.
    struct Member: Equatable {
        let key: Range<Int>
        let value: Range<Int>
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// Where the opening brace is.
    private(set) var opening = 0
    private(set) var members: [Member] = []

    /// Nil if the text is not one object with nothing but whitespace around it.
    init?(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        members.reserveCapacity(8)
        skipWhitespace()
        opening = position
        guard take("{") else { return nil }
        skipWhitespace()
        if !take("}") {
            repeat {
                skipWhitespace()
                guard let key = string() else { return nil }
                skipWhitespace()
                guard take(":") else { return nil }
                skipWhitespace()
                guard let value = value() else { return nil }
                members.append(Member(key: key, value: value))
                skipWhitespace()
            } while take(",")
            guard take("}") else { return nil }
        }
        skipWhitespace()
        guard position == bytes.count else { return nil }
    }

    /// The value of the first member with this name, escapes in the key undone.
    func value(of name: StaticString) -> Range<Int>? {
        members.first { isKey($0.key, name) }?.value
    }

    /// Whether the value is these bytes.
    func isValue(_ range: Range<Int>?, _ text: StaticString) -> Bool {
        guard let range, range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { bytes[range].elementsEqual($0) }
    }

    /// The text of a member that is a string; empty if it is missing or something else.
    func text(of name: StaticString) -> String {
        guard let range = value(of: name), range.count >= 2, bytes[range.lowerBound] == UInt8(ascii: "\"")
        else { return "" }
        return LooseJSON.unescaped(bytes[(range.lowerBound + 1)..<(range.upperBound - 1)])
    }

    // MARK: Parts

    private func isKey(_ range: Range<Int>, _ name: StaticString) -> Bool {
        if isValue(range, name) { return true }
        guard range.count > name.utf8CodeUnitCount, bytes[range].contains(UInt8(ascii: "\\")) else { return false }
        return name.withUTF8Buffer { LooseJSON.unescaped(bytes[range]).utf8.elementsEqual($0) }
    }

    private mutating func skipWhitespace() {
        while position < bytes.count, LooseJSON.isWhitespace(bytes[position]) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func string() -> Range<Int>? {
        guard take("\"") else { return nil }
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return start..<(position - 1)
            case UInt8(ascii: "\\"): position += 2
            default: position += 1
            }
        }
        return nil
    }

    private mutating func value() -> Range<Int>? {
        let start = position
        var depth = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                guard string() != nil else { return nil }
                if depth == 0 { return start..<position }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // The object's own brace ends a number or a literal.
                if depth == 0 { return position > start ? start..<position : nil }
                depth -= 1
                position += 1
                if depth == 0 { return start..<position }
            case UInt8(ascii: ","), UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
                if depth == 0 { return position > start ? start..<position : nil }
                position += 1
            default: position += 1
            }
        }
        return nil
    }
}
