/// Gives an event's line an `id` where it has none, leaving every other byte as it is.
enum LineIdentifier {
    enum Insertion: Equatable {
        /// Nothing but JSON whitespace: the relay ignores such a line and sends no reply.
        case blank
        /// The line has an `id`, or is no object: it goes as it is.
        case none
        /// Text for an `id` member goes in before this byte.
        case at(Int, isOnlyMember: Bool)
    }

    /// Where an id goes in the line (LF not counted).
    static func insertion(in line: UnsafeRawBufferPointer) -> Insertion {
        guard let scanner = ObjectScanner(line) else {
            return line.allSatisfy(LooseJSON.isWhitespace) ? .blank : .none
        }
        if scanner.value(of: "id") != nil { return .none }
        return .at(scanner.opening + 1, isOnlyMember: scanner.members.isEmpty)
    }

    /// The line with its LF, and with an id if it had none; nil for a blank line.
    static func identified(
        _ line: UnsafeRawBufferPointer, makeIdentifier: () -> [UInt8]
    ) -> [UInt8]? {
        var result: [UInt8] = []
        switch insertion(in: line) {
        case .blank: return nil
        case .none:
            result.reserveCapacity(line.count + 1)
            result.append(contentsOf: line)
        case .at(let position, let isOnlyMember):
            result.reserveCapacity(line.count + 48)
            result.append(contentsOf: line[..<position])
            result.append(contentsOf: "\"id\":\"".utf8)
            result.append(contentsOf: makeIdentifier())
            result.append(contentsOf: (isOnlyMember ? "\"" : "\",").utf8)
            result.append(contentsOf: line[position...])
        }
        result.append(UInt8(ascii: "\n"))
        return result
    }
}
