/// What a line says, as ranges of its bytes: nothing is copied but strings that were written with escapes.
package struct ScannedEvent: Equatable, Sendable {
    /// A short string's unescaped bytes: in the line, or in the scanner's own memory.
    package struct Text: Equatable, Sendable {
        var range: Range<Int>
        var isUnescaped: Bool
    }

    /// Index of the event type in the catalogue.
    package var type = 0
    package var tenant: Text?
    package var id: Text?
    package var timestamp: Text?
    /// The object's bytes, from its brace to its brace.
    package var data = 0..<0
}

/// Step 2 of an event's life: validates a whole line in one pass and finds the envelope's fields.
///
/// Faults of grammar come before faults of meaning: a line that is no JSON is `invalid_json`, whatever its keys say, and
/// one with a byte that is no UTF-8 anywhere is `invalid_utf8`. Of several faults of meaning the first is reported.
package struct EventScanner {
    package var catalogue: EventCatalogue
    /// Unescaped strings of the line that was scanned last. Copies of the scanner share it: only one of them scans.
    private let unescaped = RecordBuffer(capacity: 4 * Limits.eventTypeBytes)

    package init(catalogue: EventCatalogue) {
        self.catalogue = catalogue
    }

    /// Whether the last line had escaped strings, whose bytes the next call overwrites.
    var holdsUnescaped: Bool { !unescaped.isEmpty }

    /// - Parameter line: one line without its LF.
    /// - Returns: the event; where it had escaped strings valid until the next call; `tenant` is nil where the line names none.
    package mutating func scan(_ line: UnsafeRawBufferPointer) -> Result<ScannedEvent, Refusal> {
        unescaped.truncate(to: 0)
        var cursor = JSONCursor(line)
        var fields = Fields()
        guard scanObject(&cursor, line, &fields) else { return .failure(Self.describe(cursor.fault, line)) }
        return interpret(fields, line)
    }

    /// The bytes of a string that ``scan(_:)`` found in `line`; valid as long as the line, and until the next call.
    @inline(__always)
    package func bytes(of text: ScannedEvent.Text, in line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: text.isUnescaped ? unescaped.contents[text.range] : line[text.range])
    }

    package func string(of text: ScannedEvent.Text, in line: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes(of: text, in: line), as: UTF8.self)
    }

    // MARK: Grammar

    private enum Key: Int {
        case event, tenantId, data, timestamp, id
    }

    private enum Value: Equatable {
        case absent
        case text(ScannedEvent.Text)
        case object(Range<Int>)
        case other
    }

    private struct Fields {
        var values: (Value, Value, Value, Value, Value) = (.absent, .absent, .absent, .absent, .absent)
        /// The first fault of meaning met on the way.
        var problem: Refusal?

        subscript(key: Key) -> Value {
            get {
                switch key {
                case .event: values.0
                case .tenantId: values.1
                case .data: values.2
                case .timestamp: values.3
                case .id: values.4
                }
            }
            set {
                switch key {
                case .event: values.0 = newValue
                case .tenantId: values.1 = newValue
                case .data: values.2 = newValue
                case .timestamp: values.3 = newValue
                case .id: values.4 = newValue
                }
            }
        }
    }

    private mutating func scanObject(
        _ cursor: inout JSONCursor, _ line: UnsafeRawBufferPointer, _ fields: inout Fields
    ) -> Bool {
        cursor.skipWhitespace()
        guard cursor.expect(UInt8(ascii: "{")) else { return false }
        cursor.skipWhitespace()
        if cursor.position < cursor.end, line[cursor.position] == UInt8(ascii: "}") {
            cursor.position += 1
        } else {
            while true {
                guard scanField(&cursor, line, &fields) else { return false }
                cursor.skipWhitespace()
                guard cursor.position < cursor.end else { return cursor.fail(.end) }
                if line[cursor.position] == UInt8(ascii: "}") {
                    cursor.position += 1
                    break
                }
                guard cursor.expect(UInt8(ascii: ",")) else { return false }
                cursor.skipWhitespace()
            }
        }
        cursor.skipWhitespace()
        return cursor.position == cursor.end ? true : cursor.failHere()
    }

    private mutating func scanField(
        _ cursor: inout JSONCursor, _ line: UnsafeRawBufferPointer, _ fields: inout Fields
    ) -> Bool {
        guard let name = scanText(&cursor, line) else { return false }
        cursor.skipWhitespace()
        guard cursor.expect(UInt8(ascii: ":")) else { return false }
        cursor.skipWhitespace()

        let start = cursor.position
        var value = Value.other
        if start < cursor.end, line[start] == UInt8(ascii: "\"") {
            guard let text = scanText(&cursor, line) else { return false }
            value = .text(text)
        } else {
            guard cursor.skipValue() else { return false }
            if line[start] == UInt8(ascii: "{") { value = .object(start..<cursor.position) }
        }

        guard let key = Self.key(bytes(of: name, in: line)) else {
            if fields.problem == nil {
                let quoted = Self.quote(bytes(of: name, in: line))
                fields.problem = Refusal(
                    .unknownField, "unknown field \(quoted): an event has event, tenantId, data, timestamp and id")
            }
            return true
        }
        if fields[key] != .absent {
            if fields.problem == nil {
                let quoted = Self.quote(bytes(of: name, in: line))
                fields.problem = Refusal(.duplicateField, "the field \(quoted) stands there twice")
            }
            return true
        }
        fields[key] = value
        return true
    }

    /// Passes a string and says where its unescaped bytes are.
    @inline(__always)
    private mutating func scanText(_ cursor: inout JSONCursor, _ line: UnsafeRawBufferPointer) -> ScannedEvent.Text? {
        let start = cursor.position + 1
        var hasEscapes = false
        guard cursor.skipString(hasEscapes: &hasEscapes) else { return nil }
        let range = start..<cursor.position - 1
        guard hasEscapes else { return ScannedEvent.Text(range: range, isUnescaped: false) }
        let first = unescaped.count
        var text: [UInt8] = []
        JSONText.unescape(UnsafeRawBufferPointer(rebasing: line[range]), into: &text)
        unescaped.append(text)
        return ScannedEvent.Text(range: first..<unescaped.count, isUnescaped: true)
    }

    private static func key(_ name: UnsafeRawBufferPointer) -> Key? {
        switch name.count {
        case 2: matches(name, "id") ? .id : nil
        case 4: matches(name, "data") ? .data : nil
        case 5: matches(name, "event") ? .event : nil
        case 8: matches(name, "tenantId") ? .tenantId : nil
        case 9: matches(name, "timestamp") ? .timestamp : nil
        default: nil
        }
    }

    @inline(__always)
    private static func matches(_ name: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        for index in 0..<name.count where name[index] != text.utf8Start[index] { return false }
        return true
    }

    // MARK: Meaning

    private func interpret(_ fields: Fields, _ line: UnsafeRawBufferPointer) -> Result<ScannedEvent, Refusal> {
        var event = ScannedEvent()
        var refusal = fields.problem

        func refuse(_ code: RefusalCode, _ message: String) {
            if refusal == nil { refusal = Refusal(code, message) }
        }

        // The id first: a refusal for anything else repeats it.
        switch fields[.id] {
        case .absent: break
        case .text(let text) where Identifier.isValid(bytes(of: text, in: line)): event.id = text
        default: refuse(.invalidField, "id must be a text of 1 to 64 of A-Z a-z 0-9 _ -")
        }
        switch fields[.event] {
        case .absent: refuse(.missingField, "the field \"event\" is missing")
        case .text(let text):
            if let type = catalogue.index(of: bytes(of: text, in: line)) {
                event.type = type
            } else {
                let quoted = Self.quote(bytes(of: text, in: line))
                refuse(
                    .unknownEvent, "unknown event type \(quoted): known are \(catalogue.names.joined(separator: ", "))")
            }
        default: refuse(.invalidField, "event must be a text")
        }
        switch fields[.tenantId] {
        case .absent: break
        case .text(let text) where Identifier.isValid(bytes(of: text, in: line)): event.tenant = text
        default: refuse(.invalidField, "tenantId must be a text of 1 to 64 of A-Z a-z 0-9 _ -")
        }
        switch fields[.timestamp] {
        case .absent: break
        case .text(let text) where RFC3339.isValid(bytes(of: text, in: line)): event.timestamp = text
        default:
            refuse(.invalidField, "timestamp must be an RFC 3339 date and time, like 2026-05-02T14:32:10.000Z")
        }
        switch fields[.data] {
        case .absent: refuse(.missingField, "the field \"data\" is missing")
        case .object(let range): event.data = range
        default: refuse(.invalidField, "data must be an object")
        }

        guard var refusal else { return .success(event) }
        refusal.id = event.id.map { string(of: $0, in: line) }
        return .failure(refusal)
    }

    // MARK: Telling what is wrong

    private static func describe(_ fault: JSONCursor.Fault, _ line: UnsafeRawBufferPointer) -> Refusal {
        // A later byte that is no UTF-8 outranks a fault of grammar: then not even the text can be trusted.
        if let at = JSONText.firstInvalidUTF8(line) {
            return Refusal(.invalidUTF8, "the byte 0x\(Hexadecimal.encode([line[at]])) at byte \(at + 1) is not UTF-8")
        }
        switch fault {
        case .unexpected(let at):
            return Refusal(.invalidJSON, "unexpected \(quoteCharacter(line, at: at)) at byte \(at + 1)")
        case .controlCharacter(let at):
            return Refusal(
                .invalidJSON, "control character 0x\(Hexadecimal.encode([line[at]])) in a string at byte \(at + 1)")
        case .escape(let at): return Refusal(.invalidJSON, "invalid escape at byte \(at + 1)")
        case .number(let at): return Refusal(.invalidJSON, "invalid number at byte \(at + 1)")
        case .depth(let at):
            return Refusal(.invalidJSON, "nested more than \(Limits.dataDepth) deep at byte \(at + 1)")
        case .end, .none, .encoding: return Refusal(.invalidJSON, "the line ends inside the JSON text")
        }
    }

    private static func quoteCharacter(_ line: UnsafeRawBufferPointer, at index: Int) -> String {
        let byte = line[index]
        return byte > 0x20 && byte < 0x7F
            ? "'\(Character(UnicodeScalar(byte)))'" : "byte 0x\(Hexadecimal.encode([byte]))"
    }

    /// A producer's own text for a message: at most ``Limits/quotedBytes`` of it.
    private static func quote(_ bytes: UnsafeRawBufferPointer) -> String {
        let shown = String(decoding: bytes.prefix(Limits.quotedBytes), as: UTF8.self)
        return "\"\(shown)\(bytes.count > Limits.quotedBytes ? "…" : "")\""
    }
}
