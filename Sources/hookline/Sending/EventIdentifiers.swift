/// Makes ids for events that come without one: `evt_` and 26 characters of Crockford's base 32, which sort by time.
///
/// Laid out as a ULID: 48 bits of Unix milliseconds, then 80 bits that begin at random and are counted up, so that ids
/// of one run never meet and keep their order within a millisecond.
struct EventIdentifiers {
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private static let timeMask: UInt64 = (1 << 48) - 1

    private var low: UInt64
    private var high: UInt16

    /// - Parameter seed: 80 random bits.
    init(seed: (high: UInt16, low: UInt64)) {
        high = seed.high
        low = seed.low
    }

    static func random() -> EventIdentifiers {
        EventIdentifiers(seed: (UInt16.random(in: .min ... .max), UInt64.random(in: .min ... .max)))
    }

    /// The next id.
    ///
    /// - Parameter milliseconds: Unix time.
    mutating func next(milliseconds: Int64) -> [UInt8] {
        low &+= 1
        if low == 0 { high &+= 1 }
        var text = Array("evt_".utf8)
        text.reserveCapacity(30)
        let time = UInt64(clamping: milliseconds) & Self.timeMask
        for shift in stride(from: 45, through: 0, by: -5) {
            text.append(Self.alphabet[Int(time >> UInt64(shift) & 31)])
        }
        // 80 bits in sixteen characters: the upper sixteen bits take three and a fifth of them.
        for shift in stride(from: 75, through: 0, by: -5) {
            let bits =
                shift >= 64
                ? UInt64(high) >> UInt64(shift - 64)
                : low >> UInt64(shift) | (shift > 59 ? UInt64(high) << UInt64(64 - shift) : 0)
            text.append(Self.alphabet[Int(bits & 31)])
        }
        return text
    }
}
