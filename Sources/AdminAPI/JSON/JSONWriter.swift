import RelayCore

/// Writes JSON text (RFC 8259) in UTF-8, members in their order.
package enum JSONWriter {
    /// The text in one line, without added space.
    package static func compact(_ value: JSONValue) -> [UInt8] {
        var text: [UInt8] = []
        append(value, indent: nil, to: &text)
        return text
    }

    /// The text for people: a member a line, two spaces a level, an LF at the end.
    package static func pretty(_ value: JSONValue) -> String {
        var text: [UInt8] = []
        append(value, indent: 0, to: &text)
        return String(decoding: text, as: UTF8.self) + "\n"
    }

    private static func append(_ value: JSONValue, indent: Int?, to text: inout [UInt8]) {
        switch value {
        case .null: text += "null".utf8
        case .bool(let value): text += (value ? "true" : "false").utf8
        case .integer(let value): text += String(value).utf8
        // JSON has no infinities; none is made here, and null is what other writers put for them.
        case .number(let value): text += (value.isFinite ? String(value) : "null").utf8
        case .string(let value): JSONText.append(value, to: &text)
        case .array(let elements):
            append(elements, brackets: ("[", "]"), indent: indent, to: &text) { element, inner, text in
                append(element, indent: inner, to: &text)
            }
        case .object(let object):
            append(object.members, brackets: ("{", "}"), indent: indent, to: &text) { member, inner, text in
                JSONText.append(member.name, to: &text)
                text += (inner == nil ? ":" : ": ").utf8
                append(member.value, indent: inner, to: &text)
            }
        }
    }

    private static func append<Element>(
        _ elements: [Element], brackets: (open: String, close: String), indent: Int?, to text: inout [UInt8],
        each: (Element, Int?, inout [UInt8]) -> Void
    ) {
        text += brackets.open.utf8
        let inner = indent.map { $0 + 1 }
        for (index, element) in elements.enumerated() {
            if index > 0 { text += ",".utf8 }
            breakLine(inner, &text)
            each(element, inner, &text)
        }
        if !elements.isEmpty { breakLine(indent, &text) }
        text += brackets.close.utf8
    }

    private static func breakLine(_ indent: Int?, _ text: inout [UInt8]) {
        guard let indent else { return }
        text.append(0x0A)
        text += repeatElement(0x20, count: indent * 2)
    }
}
