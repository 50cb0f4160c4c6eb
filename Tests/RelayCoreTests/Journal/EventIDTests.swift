import RelayCore
import Testing

/// Ids that the relay makes: found again, sortable, and worthless to another journal.
@Suite("Event ids")
struct EventIDTests {
    private func id(_ sequence: UInt64, _ time: Int64, _ journal: JournalID = EventFixture.journal) -> String {
        var text: [UInt8] = []
        EventID.append(sequence: sequence, acceptedAt: time, journal: journal, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private func sequence(_ id: String, _ journal: JournalID = EventFixture.journal) -> UInt64? {
        Array(id.utf8).withUnsafeBytes { EventID.sequence(of: $0, journal: journal) }
    }

    @Test(
        "round trip", arguments: [0, 1, 2, 255, 1 << 32, UInt64.max / 2, .max - 1, .max] as [UInt64],
        [0, 1, 1_777_732_330_000, (1 << 48) - 1] as [Int64])
    func roundTrip(number: UInt64, time: Int64) {
        let journals = [
            EventFixture.journal, JournalID(high: 0, low: 0), JournalID(high: .max, low: .max),
            JournalID(high: 1, low: 2),
        ]
        for journal in journals {
            let made = id(number, time, journal)
            #expect(made.utf8.count == 30)
            #expect(Identifier.isValid(made))
            #expect(sequence(made, journal) == number)
        }
    }

    @Test("later ids sort behind earlier ones")
    func sorted() {
        var random = SeededRandom(seed: 3)
        let times = [0, 1, 31, 32, 1023, 1024, 1 << 20, 1_777_732_330_000, 1_777_732_330_001, (1 << 48) - 1] as [Int64]
        for (earlier, later) in zip(times, times.dropFirst()) {
            for _ in 0..<20 { #expect(id(random.next(), earlier) < id(random.next(), later)) }
        }
    }

    @Test("another journal's ids, and damaged ones, are foreign")
    func foreign() {
        var random = SeededRandom(seed: 4)
        var taken = 0
        for number in 1...2000 as ClosedRange<UInt64> {
            let made = id(number, 1_777_732_330_000)
            if sequence(made, JournalID(high: random.next(), low: random.next())) != nil { taken += 1 }
        }
        // The check has 16 bits: one in 65,536 may pass.
        #expect(taken <= 2)
        let made = id(17, 1_777_732_330_000)
        for cut in 0..<made.utf8.count { #expect(sequence(String(made.prefix(cut))) == nil) }
        for other in [
            made + "0", made.lowercased(), "evt-" + made.dropFirst(4), "", "evt_",
            "evt_" + made.dropFirst(4).lowercased(),
        ] {
            #expect(sequence(other) == nil)
        }
        for character in ["I", "L", "O", "U", "-", "_", "*", "8"] {
            // "8" is a digit, but as the first character it would need a 131st bit.
            #expect(sequence("evt_" + character + made.dropFirst(5)) == nil)
        }
    }
}
