import RelayCore
import Storage
import Testing

/// How deliveries ended, for as many events as a bounded memory holds.
@Suite("Endings of deliveries")
struct SettlementWindowTests {
    private static func settle(_ sequences: [UInt64], _ result: SettlementResult = .triesUsedUp) -> ProgressRecord {
        Fixture.progress(1, cursor: 1, settled: sequences, result: result)
    }

    @Test("the last word counts: given up, delivered after all, made once more")
    func lastWord() {
        var window = SettlementWindow(from: 1)
        window.add(Self.settle([1, 2, 3]))
        window.add(Self.settle([2], .delivered))
        window.add(Self.settle([3], .displaced))
        window.add(Fixture.progress(1, cursor: 4, reopened: [1]))
        #expect(window.ending(of: 1, for: 1) == nil)
        #expect(window.ending(of: 2, for: 1) == nil)
        #expect(window.ending(of: 3, for: 1)?.result == .displaced)
        #expect(window.ending(of: 3, for: 2) == nil)
        #expect(window.end == .max)
    }

    @Test("a full window ends earlier, and all of it is right", arguments: [1, 2, 10, 99, 1000])
    func bounded(countMax: Int) {
        let records = (0..<100).map { Self.settle([UInt64($0 * 37 % 100) + 1]) }
        var seen: [UInt64] = []
        var start: UInt64 = 1
        while start <= 100 {
            var window = SettlementWindow(from: start, countMax: countMax)
            for record in records { window.add(record) }
            #expect(window.end > start, "each window makes headway")
            for sequence in start..<min(window.end, 101) where window.ending(of: sequence, for: 1) != nil {
                seen.append(sequence)
            }
            start = window.end == .max ? 101 : window.end
        }
        #expect(seen == Array(1...100))
    }

    @Test("more endings of one event than are to be remembered")
    func oneEvent() {
        var window = SettlementWindow(from: 5, countMax: 3)
        for webhook in 1...10 as ClosedRange<WebhookNumber> {
            window.add(Fixture.progress(webhook, cursor: 1, settled: [5, 6], result: .tooOld))
        }
        #expect(window.end == 6)
        #expect((1...10).allSatisfy { window.ending(of: 5, for: $0)?.result == .tooOld })
    }
}
