import RelayCore
import Testing

/// The scanner against an independent reading of the same grammar, over seeded random lines.
///
/// The reference is written the plain way, recursive and byte by byte, so that the two share no trick.
@Suite("Scanner against a reference")
struct ScannerMutationTests {
    private static let seed: UInt64 = 0x5EED_0001

    @Test("generated events are always accepted, and their data is byte-exact")
    func generated() {
        var random = SeededRandom(seed: Self.seed)
        for turn in 0..<4000 {
            var generator = LineGenerator(random: random)
            let made = generator.event()
            random = generator.random
            let scanned = ScannedLine(made.line)
            guard scanned.code == nil, scanned.data == made.data else {
                Issue.record("seed \(Self.seed), case \(turn): \(scanned.message ?? "data differs"): \(made.line)")
                return
            }
        }
    }

    @Test("changed lines and random bytes are judged as the reference judges them")
    func mutated() {
        var random = SeededRandom(seed: Self.seed + 1)
        for turn in 0..<20_000 {
            var generator = LineGenerator(random: random)
            let line = generator.chance(15) ? generator.noise() : generator.mutation()
            random = generator.random
            let expected: RefusalCode? =
                !ReferenceJSON.isUTF8(line) ? .invalidUTF8 : (ReferenceJSON.isLine(line) ? nil : .invalidJSON)
            let code = ScannedLine(line).code
            let grammar = code == .invalidUTF8 || code == .invalidJSON ? code : nil
            guard grammar == expected else {
                Issue.record("seed \(Self.seed + 1), case \(turn): \(String(describing: code)) for \(line)")
                return
            }
        }
    }
}

/// Makes lines that are events, nearly events, or nothing of the kind.
private struct LineGenerator {
    var random: SeededRandom

    mutating func chance(_ percent: Int) -> Bool { random.chance(percent) }

    mutating func event() -> (line: [UInt8], data: [UInt8]) {
        let data = object(depth: 3)
        var fields: [[UInt8]] = [
            key("event") + Array("\"\(EventCatalogue.builtIn[random.below(6)])\"".utf8),
            key("tenantId") + Array("\"tenant-\(random.below(9))\"".utf8), key("data") + data,
        ]
        if chance(30) { fields.append(key("id") + Array("\"id_\(random.below(1000))\"".utf8)) }
        if chance(30) { fields.append(key("timestamp") + Array("\"2026-05-02T14:32:10.5+02:00\"".utf8)) }
        fields.shuffle(using: &random)
        return (space() + [0x7B] + join(fields) + [0x7D] + space(), data)
    }

    mutating func mutation() -> [UInt8] {
        var line = event().line
        for _ in 0...random.below(3) {
            let position = random.below(line.count + 1)
            switch random.below(6) {
            case 0 where position < line.count: line[position] = UInt8(truncatingIfNeeded: random.next())
            case 1 where position < line.count: line[position] ^= 1 << UInt8(random.below(8))
            case 2 where position < line.count: line.remove(at: position)
            case 3: line.insert(Self.structure[random.below(Self.structure.count)], at: position)
            case 4: line.removeSubrange(position...)
            default:
                let end = min(line.count, position + random.below(12))
                line.insert(contentsOf: line[position..<end], at: random.below(line.count + 1))
            }
        }
        return line
    }

    mutating func noise() -> [UInt8] {
        (0..<random.below(40)).map { _ in
            chance(80) ? Self.structure[random.below(Self.structure.count)] : UInt8(truncatingIfNeeded: random.next())
        }
    }

    private static let structure = Array("{}[]:,\"\\ \t\r\n0123456789-+.eEtruefalsn/u".utf8)

    private mutating func key(_ name: String) -> [UInt8] {
        Array("\"\(name)\"".utf8) + space() + [0x3A] + space()
    }

    private mutating func space() -> [UInt8] {
        chance(80) ? [] : (0...random.below(2)).map { _ in [0x20, 0x09, 0x0A, 0x0D][random.below(4)] }
    }

    private mutating func join(_ parts: [[UInt8]]) -> [UInt8] {
        var joined: [UInt8] = space()
        for (index, part) in parts.enumerated() {
            if index > 0 { joined += [0x2C] + space() }
            joined += part + space()
        }
        return joined
    }

    private mutating func object(depth: Int) -> [UInt8] {
        var members: [[UInt8]] = []
        for _ in 0..<random.below(4) { members.append(string() + space() + [0x3A] + space() + value(depth: depth - 1)) }
        return [0x7B] + join(members) + [0x7D]
    }

    private mutating func value(depth: Int) -> [UInt8] {
        switch random.below(depth > 0 ? 7 : 5) {
        case 0: return Array(["true", "false", "null"][random.below(3)].utf8)
        case 1: return Array(["0", "-0", "1.5e+10", "-12.0E-3", "18446744073709551616", "1e999"][random.below(6)].utf8)
        case 2: return Array("\(Int64(bitPattern: random.next()))".utf8)
        case 3, 4: return string()
        case 5: return object(depth: depth)
        default:
            var elements: [[UInt8]] = []
            for _ in 0..<random.below(4) { elements.append(value(depth: depth - 1)) }
            return [0x5B] + join(elements) + [0x5D]
        }
    }

    private mutating func string() -> [UInt8] {
        let pieces = [
            "a", "word", "eight888", "é", "李", "😀", #"\n"#, #"\""#, #"\\"#, #"\/"#, #"\u00e9"#, #"\uD800"#, " ",
            "\u{7F}", "'",
        ]
        var text = "\""
        for _ in 0..<random.below(6) { text += pieces[random.below(pieces.count)] }
        return Array((text + "\"").utf8)
    }
}

/// RFC 8259 read once more, by recursive descent.
private struct ReferenceJSON {
    private let bytes: [UInt8]
    private var index = 0

    static func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    /// Whether a line is one object whose members' values are at most 128 deep.
    static func isLine(_ bytes: [UInt8]) -> Bool {
        var reader = Self(bytes: bytes)
        reader.space()
        guard reader.peek == 0x7B, reader.container(depth: 0) else { return false }
        reader.space()
        return reader.index == bytes.count
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func take(_ character: UInt8) -> Bool {
        guard peek == character else { return false }
        index += 1
        return true
    }

    private mutating func space() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { index += 1 }
    }

    private mutating func value(depth: Int) -> Bool {
        switch peek {
        case 0x7B, 0x5B: return depth <= 128 && container(depth: depth)
        case 0x22: return string()
        case 0x74: return word("true")
        case 0x66: return word("false")
        case 0x6E: return word("null")
        default: return number()
        }
    }

    private mutating func container(depth: Int) -> Bool {
        let isObject = peek == 0x7B
        let close: UInt8 = isObject ? 0x7D : 0x5D
        index += 1
        space()
        if take(close) { return true }
        while true {
            if isObject {
                guard string() else { return false }
                space()
                guard take(0x3A) else { return false }
                space()
            }
            guard value(depth: depth + 1) else { return false }
            space()
            if take(close) { return true }
            guard take(0x2C) else { return false }
            space()
        }
    }

    private mutating func word(_ text: String) -> Bool {
        for byte in text.utf8 where !take(byte) { return false }
        return true
    }

    private mutating func string() -> Bool {
        guard take(0x22) else { return false }
        while let byte = peek {
            index += 1
            if byte == 0x22 { return true }
            if byte < 0x20 { return false }
            guard byte == 0x5C else { continue }
            guard let escape = peek else { return false }
            index += 1
            if escape == 0x75 {
                for _ in 0..<4 {
                    guard let digit = peek, Character(Unicode.Scalar(digit)).isHexDigit, digit < 0x80 else {
                        return false
                    }
                    index += 1
                }
            } else if !"\"\\/bfnrt".utf8.contains(escape) {
                return false
            }
        }
        return false
    }

    private mutating func digits() -> Int {
        let start = index
        while let byte = peek, (0x30...0x39).contains(byte) { index += 1 }
        return index - start
    }

    private mutating func number() -> Bool {
        _ = take(0x2D)
        let isZero = peek == 0x30
        let whole = digits()
        guard whole == 1 || (whole > 1 && !isZero) else { return false }
        if take(0x2E), digits() == 0 { return false }
        if take(0x65) || take(0x45) {
            if !take(0x2B) { _ = take(0x2D) }
            return digits() > 0
        }
        return true
    }
}
