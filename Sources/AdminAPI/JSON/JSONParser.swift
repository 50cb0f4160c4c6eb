/// Reads one JSON text (RFC 8259), strictly: UTF-8, nothing after the value, no name twice in an object.
package struct JSONParser {
    /// Containers inside each other; the API's own bodies need three.
    package static let depthMax = 32

    /// Members of one object. Their names are compared with each other, so the bound keeps that cheap.
    package static let membersMax = 256

    /// Why a text is no JSON that the API takes.
    package struct Failure: Error, Equatable {
        /// A sentence's part for people, with the place: "unexpected '}' at byte 41".
        package let message: String
    }

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The value that the text stands for.
    package static func parse(_ bytes: some Sequence<UInt8>) throws(Failure) -> JSONValue {
        var parser = JSONParser(Array(bytes))
        guard String(validating: parser.bytes, as: UTF8.self) != nil else {
            throw Failure(message: "the text is not valid UTF-8")
        }
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == parser.bytes.count else { throw parser.unexpected() }
        return value
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte): return try number()
        default: throw unexpected()
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSONObject {
        try enter(depth)
        var object = JSONObject()
        if skip(UInt8(ascii: "}")) { return object }
        repeat {
            skipSpace()
            let start = position
            guard peek == UInt8(ascii: "\"") else { throw unexpected() }
            let name = try string()
            guard object[name] == nil else { throw Failure(message: "\"\(name)\" is there twice, at byte \(start)") }
            guard object.members.count < Self.membersMax else {
                throw Failure(message: "an object has more than \(Self.membersMax) members")
            }
            guard skip(UInt8(ascii: ":")) else { throw unexpected() }
            object[name] = try value(depth: depth)
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "}")) else { throw unexpected() }
        return object
    }

    private mutating func array(depth: Int) throws(Failure) -> [JSONValue] {
        try enter(depth)
        var elements: [JSONValue] = []
        if skip(UInt8(ascii: "]")) { return elements }
        repeat {
            elements.append(try value(depth: depth))
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "]")) else { throw unexpected() }
        return elements
    }

    private mutating func enter(_ depth: Int) throws(Failure) {
        guard depth <= Self.depthMax else { throw Failure(message: "nested deeper than \(Self.depthMax)") }
        position += 1
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = position
        var isWhole = true
        if peek == UInt8(ascii: "-") { position += 1 }
        if peek == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if peek == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            try digits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            isWhole = false
            position += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw Failure(message: "the number at byte \(start) is too large")
        }
        return .number(value)
    }

    private mutating func digits() throws(Failure) {
        guard let first = peek, Self.isDigit(first) else { throw unexpected() }
        while let next = peek, Self.isDigit(next) { position += 1 }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard peek == text.utf8Start[index] else { throw unexpected() }
            position += 1
        }
        return value
    }

    // MARK: Bytes

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private mutating func skipSpace() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard peek == byte else { return false }
        position += 1
        return true
    }

    private func unexpected() -> Failure {
        guard let byte = peek else { return Failure(message: "unexpected end at byte \(position)") }
        let isVisible = (0x21...0x7E).contains(byte)
        let shown = isVisible ? "'\(Unicode.Scalar(byte))'" : "byte 0x\(String(byte, radix: 16, uppercase: true))"
        return Failure(message: "unexpected \(shown) at byte \(position)")
    }
}

// MARK: Strings

extension JSONParser {
    /// Reads a string from its opening quote on.
    private mutating func string() throws(Failure) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &text)
            case 0..<0x20:
                throw unexpected()
            default:
                text.append(byte)
                position += 1
            }
        }
        throw unexpected()
    }

    /// Reads what follows a backslash.
    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(bytes[position])
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            position += 1
            text.append(contentsOf: Array(String(try escapedScalar()).utf8))
            return
        default: throw unexpected()
        }
        position += 1
    }

    /// Reads four hexadecimal digits, and the second half of a surrogate pair.
    private mutating func escapedScalar() throws(Failure) -> Unicode.Scalar {
        let start = position
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        if first < 0xDC00, peek == UInt8(ascii: "\\") {
            position += 1
            guard peek == UInt8(ascii: "u") else { throw unexpected() }
            position += 1
            let second = try hexadecimal()
            if (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            {
                return scalar
            }
        }
        throw Failure(message: "half a surrogate pair at byte \(start)")
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw unexpected() }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
