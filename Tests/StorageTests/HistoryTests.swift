import RelayCore
import Storage
import Testing

@Suite("History of deliveries")
struct HistoryTests {
    private static func query(
        _ results: Set<SettlementResult> = Set(SettlementResult.allCases), since: Int64 = 0, until: Int64 = .max,
        before: Journal.HistoryPlace? = nil, limit: Int
    ) -> Journal.HistoryQuery {
        Journal.HistoryQuery(
            webhook: 1, results: results, isSkippedMeant: true, since: since, until: until, before: before,
            limit: limit)
    }

    private static func sequences(_ page: Journal.HistoryPage) -> [UInt64] {
        page.entries.map {
            switch $0 {
            case .settled(let settlement): settlement.sequence
            case .skipped(let sequence, _): sequence
            }
        }
    }

    /// Events in several segments, two of them settled with each third record, for another webhook too.
    private static func filled(_ directory: TemporaryJournal) throws -> OpenJournal {
        let run = try directory.open(segmentBytes: 8 * 1024)
        for sequence in 1...300 as ClosedRange<UInt64> {
            #expect(run.append(events: [sequence], for: [1, 2]))
            guard sequence.isMultiple(of: 3) else { continue }
            let mine = Fixture.progress(
                1, cursor: sequence, settled: [sequence - 2, sequence - 1],
                result: sequence.isMultiple(of: 2) ? .displaced : .delivered)
            let other = Fixture.progress(2, cursor: sequence, settled: [sequence - 1])
            #expect(run.append(ProgressRecord(lanes: other.lanes + mine.lanes), seen: sequence))
        }
        return run
    }

    @Test(arguments: [1, 2, 7, 50, 199, 200, 1_000])
    func pagesHoldEverythingOnce(limit: Int) throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            #expect(run.journal.allSegments.count > 3)
            let wanted = (1...300).filter { !$0.isMultiple(of: 3) }.reversed().map { UInt64($0) }
            for isHurried in [false, true] {
                var found: [UInt64] = []
                var before: Journal.HistoryPlace?
                var calls = 0
                repeat {
                    let page = try run.journal.history(Self.query(before: before, limit: limit)) { _ in isHurried }
                    #expect(page.entries.count <= limit)
                    found += Self.sequences(page)
                    if let next = page.next, let before { #expect(next < before) }
                    before = page.next
                    calls += 1
                } while before != nil && calls < 1_000
                #expect(found == wanted)
                if !isHurried { #expect(calls <= 200 / limit + 1) }
            }
            run.close()
        }
    }

    @Test func onlyWhatIsMeant() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            let displaced = try run.journal.history(Self.query([.displaced], limit: 1_000)) { _ in false }
            #expect(displaced.entries.count == 100 && displaced.next == nil)
            let none = try run.journal.history(Self.query(since: Fixture.acceptedAt + 1, limit: 9)) { _ in false }
            #expect(none.entries.isEmpty && none.next == nil)
            let all = try run.journal.history(
                Self.query(since: Fixture.acceptedAt, until: Fixture.acceptedAt + 1, limit: 1_000)
            ) { _ in false }
            #expect(all.entries.count == 200)
            run.close()
        }
    }

    @Test(arguments: [1, 7, 100, 1_000])
    func pendingEventsOfTheJournal(limit: Int) throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            for isHurried in [false, true] {
                var found: [UInt64] = []
                var bound: UInt64 = 281
                while true {
                    let part = try run.journal.pendingEvents(
                        of: 1, from: 20, below: bound, limit: limit, since: 0, until: .max
                    ) { _ in isHurried }
                    #expect(part.sequences.count <= limit)
                    found += part.sequences
                    guard let below = part.below else { break }
                    #expect(below < bound)
                    bound = below
                }
                #expect(found == Array((20...280).reversed()))
            }
            run.close()
        }
    }
}
