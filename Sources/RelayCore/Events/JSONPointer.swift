/// A JSON pointer (RFC 6901) into the body of deliveries, and the look-up of what it points at in the raw bytes.
///
/// Of members that have the same name the last one counts, as it does for the parsers that receivers use.
package struct JSONPointer: Equatable, Hashable, Sendable {
    /// As it was written.
    package let text: String
    /// Its reference tokens, unescaped.
    let tokens: [[UInt8]]

    /// Members of a delivery's body.
    private static let members = ["event", "timestamp", "tenantId", "data"]

    /// Reads a pointer that can find something in a delivery's body.
    package init(_ text: String) throws(JSONPointerError) {
        guard text.utf8.count <= Limits.pointerBytes else { throw .tooLong }
        guard text.utf8.first == UInt8(ascii: "/") else { throw .noSlash }
        var tokens: [[UInt8]] = []
        for part in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let token = Self.unescape(part) else { throw .badEscape }
            tokens.append(token)
        }
        guard Self.members.contains(where: { tokens[0].elementsEqual($0.utf8) }) else { throw .noMember }
        guard tokens.count == 1 || tokens[0].elementsEqual("data".utf8) else { throw .inText }
        self.text = text
        self.tokens = tokens
    }

    /// `~1` stands for `/`, `~0` for `~`; nil: another character follows a `~`.
    private static func unescape(_ part: some Sequence<UInt8>) -> [UInt8]? {
        var token: [UInt8] = []
        var isEscaped = false
        for byte in part {
            guard isEscaped else {
                isEscaped = byte == UInt8(ascii: "~")
                if !isEscaped { token.append(byte) }
                continue
            }
            switch byte {
            case UInt8(ascii: "0"): token.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): token.append(UInt8(ascii: "/"))
            default: return nil
            }
            isEscaped = false
        }
        return isEscaped ? nil : token
    }

    // MARK: Look-up

    /// A fingerprint of the value that an event has there: equal for equal values. Nil: there is none, or it is null.
    ///
    /// Strings are compared by what they stand for, whatever their escapes; all other values as they are written.
    package func key(of event: EventRecord) -> UInt64? {
        guard tokens.count == 1, !tokens[0].elementsEqual("data".utf8) else {
            return Self.value(at: tokens.dropFirst(), in: event.data).flatMap { Self.fingerprint($0) }
        }
        return Self.value(at: tokens[...], in: event.body).flatMap { Self.fingerprint($0) }
    }

    /// The bytes of the value that a text of JSON has there; nil: there is none, or the text is none.
    func value(in json: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        Self.value(at: tokens[...], in: json)
    }

    private static func value(
        at tokens: ArraySlice<[UInt8]>, in json: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        var value = trimmed(json)
        for token in tokens {
            guard let found = child(token, of: value) else { return nil }
            value = found
        }
        return value
    }

    private static func trimmed(_ json: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var cursor = JSONCursor(json)
        cursor.skipWhitespace()
        let start = cursor.position
        guard cursor.skipValue() else { return nil }
        return UnsafeRawBufferPointer(rebasing: json[start..<cursor.position])
    }

    private static func child(_ token: [UInt8], of value: UnsafeRawBufferPointer?) -> UnsafeRawBufferPointer? {
        switch value?.first {
        case UInt8(ascii: "{"): member(token, of: value!)
        case UInt8(ascii: "["): index(token).flatMap { element($0, of: value!) }
        default: nil
        }
    }

    private static func member(_ name: [UInt8], of object: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var cursor = JSONCursor(object)
        var found: UnsafeRawBufferPointer?
        cursor.position = 1
        cursor.skipWhitespace()
        while cursor.position < cursor.end, object[cursor.position] != UInt8(ascii: "}") {
            let start = cursor.position
            var hasEscapes = false
            guard cursor.skipString(hasEscapes: &hasEscapes) else { return nil }
            let content = UnsafeRawBufferPointer(rebasing: object[start + 1..<cursor.position - 1])
            cursor.skipWhitespace()
            guard cursor.expect(UInt8(ascii: ":")) else { return nil }
            cursor.skipWhitespace()
            let valueStart = cursor.position
            guard cursor.skipValue() else { return nil }
            if hasEscapes ? unescaped(content).elementsEqual(name) : content.elementsEqual(name) {
                found = UnsafeRawBufferPointer(rebasing: object[valueStart..<cursor.position])
            }
            guard skipSeparator(&cursor, object) else { return nil }
        }
        return found
    }

    private static func element(_ index: Int, of array: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var cursor = JSONCursor(array)
        cursor.position = 1
        cursor.skipWhitespace()
        var position = 0
        while cursor.position < cursor.end, array[cursor.position] != UInt8(ascii: "]") {
            let start = cursor.position
            guard cursor.skipValue() else { return nil }
            if position == index { return UnsafeRawBufferPointer(rebasing: array[start..<cursor.position]) }
            guard skipSeparator(&cursor, array) else { return nil }
            position += 1
        }
        return nil
    }

    /// Passes what stands between two entries of a container, or stops before its end.
    private static func skipSeparator(_ cursor: inout JSONCursor, _ json: UnsafeRawBufferPointer) -> Bool {
        cursor.skipWhitespace()
        guard cursor.position < cursor.end else { return false }
        if json[cursor.position] == UInt8(ascii: ",") {
            cursor.position += 1
            cursor.skipWhitespace()
        }
        return cursor.position < cursor.end
    }

    /// An array's index: digits without a leading zero (RFC 6901 section 4). `-`, the element after the last, never exists.
    private static func index(_ token: [UInt8]) -> Int? {
        guard (1...9).contains(token.count), token.count == 1 || token[0] != UInt8(ascii: "0") else { return nil }
        var index = 0
        for byte in token {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            index = index * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return index
    }

    private static func unescaped(_ content: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        JSONText.unescape(content, into: &text)
        return text
    }

    /// FNV-1a of 64 bits (Fowler, Noll, Vo). Should two values ever have the same, they are in one order: no harm.
    private static func fingerprint(_ value: UnsafeRawBufferPointer) -> UInt64? {
        if value.elementsEqual("null".utf8) { return nil }
        guard value.first == UInt8(ascii: "\""), value.contains(UInt8(ascii: "\\")) else { return hash(value) }
        let content = unescaped(UnsafeRawBufferPointer(rebasing: value[1..<value.count - 1]))
        // As it would be written without escapes.
        return hash([UInt8(ascii: "\"")] + content + [UInt8(ascii: "\"")])
    }

    private static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}

/// Why a text is no pointer into a delivery's body.
package enum JSONPointerError: Error, Equatable, Sendable {
    case tooLong
    case noSlash
    /// A `~` that neither `0` nor `1` follows.
    case badEscape
    /// Its first token is no member of the body.
    case noMember
    /// It goes on below a member that is a text.
    case inText

    /// A sentence's end, for the person who wrote the text.
    package var message: String {
        switch self {
        case .tooLong: "must have at most \(Limits.pointerBytes) bytes"
        case .noSlash: "must be a JSON pointer (RFC 6901) such as /data/applicationId: it begins with /"
        case .badEscape: "must be a JSON pointer (RFC 6901): after ~ comes 0 (for ~) or 1 (for /)"
        case .noMember:
            "must point into the delivery's body: its members are event, timestamp, tenantId and data, as in "
                + "/data/applicationId"
        case .inText: "must not go on behind /event, /timestamp or /tenantId, which are texts"
        }
    }
}

extension JSONPointer: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do throws(JSONPointerError) {
            self = try JSONPointer(text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.message)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
