/// A key of the terminal.
enum TopKey: Equatable, Sendable {
    case character(Character)
    case up, down, pageUp, pageDown, home, end, escape, enter, interrupt, suspend, redraw
}

/// Reads keys out of what a terminal sends: ECMA-48's control sequences, as xterm and its like use them.
struct TopKeyReader: Sendable {
    /// The beginning of a sequence.
    private var pending: [UInt8] = []

    /// No sequence of a key is longer.
    private static let bytesMax = 16

    mutating func take(_ bytes: [UInt8]) -> [TopKey] {
        pending += bytes
        var keys: [TopKey] = []
        while let first = pending.first {
            guard first == 0x1B else {
                guard let length = Self.length(of: first), length <= pending.count else {
                    if Self.length(of: first) == nil { pending.removeFirst() } else { return keys }
                    continue
                }
                if let key = Self.key(Array(pending.prefix(length))) { keys.append(key) }
                pending.removeFirst(length)
                continue
            }
            guard pending.count > 1 else { return keys }
            guard pending[1] == UInt8(ascii: "[") || pending[1] == UInt8(ascii: "O") else {
                keys.append(.escape)
                pending.removeFirst()
                continue
            }
            guard let end = pending.dropFirst(2).firstIndex(where: { (0x40...0x7E).contains($0) }) else {
                if pending.count > Self.bytesMax { pending.removeAll() }
                return keys
            }
            if let key = Self.sequences[String(decoding: pending[2...end], as: UTF8.self)] { keys.append(key) }
            pending.removeSubrange(...end)
        }
        return keys
    }

    /// Nothing has come for a while: an escape that stands alone was the key.
    mutating func pause() -> [TopKey] {
        defer { pending.removeAll() }
        return pending == [0x1B] ? [.escape] : []
    }

    private static let sequences: [String: TopKey] = [
        "A": .up, "B": .down, "H": .home, "F": .end, "1~": .home, "4~": .end, "5~": .pageUp, "6~": .pageDown,
        "7~": .home, "8~": .end,
    ]

    /// Bytes of a character by its first one (RFC 3629); nil: none begins so.
    private static func length(of first: UInt8) -> Int? {
        switch first {
        case 0..<0x80: 1
        case 0xC2..<0xE0: 2
        case 0xE0..<0xF0: 3
        case 0xF0..<0xF5: 4
        default: nil
        }
    }

    private static func key(_ bytes: [UInt8]) -> TopKey? {
        switch bytes[0] {
        case 0x03: .interrupt
        case 0x0C: .redraw
        case 0x0A, 0x0D: .enter
        case 0x1A: .suspend
        case 0x02: .pageUp
        case 0x06: .pageDown
        case 0..<0x20, 0x7F: nil
        default: String(decoding: bytes, as: UTF8.self).first.map { .character($0) }
        }
    }
}
