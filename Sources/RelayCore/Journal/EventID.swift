/// Ids for events whose producers gave none: `evt_` and 26 characters of Crockford's base 32, sortable by time.
///
/// ```
/// 48 bits  accepted at, Unix milliseconds
/// 16 bits  a check of the other bits under the journal's id
/// 64 bits  the event's sequence, scrambled under the journal's id
/// ```
///
/// The sequence is in it so that the journal finds an event by such an id without remembering any, and scrambled so that
/// a receiver doesn't learn how many events the host has seen.
package enum EventID {
    package static let prefix = "evt_"
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private static let characters = 26

    @inline(__always)
    package static func append(sequence: UInt64, acceptedAt: Int64, journal: JournalID, to text: inout [UInt8]) {
        let time = UInt64(bitPattern: max(0, acceptedAt)) & 0xFFFF_FFFF_FFFF
        let scrambled = scramble(sequence, journal)
        let high = time << 16 | check(scrambled, time, journal)
        text.append(contentsOf: prefix.utf8)
        // 26 characters hold 130 bits: the first has three of the high word.
        text.append(alphabet[Int(high >> 61)])
        for shift in stride(from: 56, through: 1, by: -5) {
            text.append(alphabet[Int(high >> UInt64(shift) & 31)])
        }
        text.append(alphabet[Int((high & 1) << 4 | scrambled >> 60)])
        for shift in stride(from: 55, through: 0, by: -5) {
            text.append(alphabet[Int(scrambled >> UInt64(shift) & 31)])
        }
    }

    /// Whether a text has the length and the beginning of an id that a journal makes.
    @inline(__always)
    static func hasForm(_ id: UnsafeRawBufferPointer) -> Bool {
        guard id.count == prefix.utf8.count + characters else { return false }
        for (index, byte) in prefix.utf8.enumerated() where id[index] != byte { return false }
        return true
    }

    /// The sequence of the event that this journal gave the id to; nil for any other text.
    package static func sequence(of id: UnsafeRawBufferPointer, journal: JournalID) -> UInt64? {
        guard hasForm(id) else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, character) in id.dropFirst(prefix.utf8.count).enumerated() {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            guard index > 0 || value < 8 else { return nil }
            high = high << 5 | low >> 59
            low = low << 5 | UInt64(value)
        }
        guard high & 0xFFFF == check(low, high >> 16, journal) else { return nil }
        return unscramble(low, journal)
    }

    /// A bijection of 64-bit words that looks random to whoever lacks the journal's id.
    private static func scramble(_ value: UInt64, _ journal: JournalID) -> UInt64 {
        var word = value ^ journal.high
        word = word &* (journal.low | 1)
        word ^= word >> 32
        word = word &* multiplier
        word ^= word >> 29
        return word
    }

    private static func unscramble(_ value: UInt64, _ journal: JournalID) -> UInt64 {
        var word = value
        word ^= word >> 29 ^ word >> 58
        word = word &* inverse(multiplier)
        word ^= word >> 32
        word = word &* inverse(journal.low | 1)
        return word ^ journal.high
    }

    private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// The inverse of an odd number modulo 2^64, by Newton's iteration: each step doubles the right bits, 3 at first.
    private static func inverse(_ odd: UInt64) -> UInt64 {
        var inverse = odd
        for _ in 0..<5 { inverse = inverse &* (2 &- odd &* inverse) }
        return inverse
    }

    private static func check(_ scrambled: UInt64, _ time: UInt64, _ journal: JournalID) -> UInt64 {
        var word = (scrambled ^ time &* multiplier) &* (journal.high | 1)
        word ^= word >> 31
        return (word &* multiplier) >> 48
    }
}
