import Foundation
import RelayCore
import Storage
import Testing

/// After damage to records of progress nothing is lost: what was begun and not settled is delivered again.
@Suite("Damaged progress")
struct ProgressDamageTests {
    /// Events 1 to 6 for webhook 1, then four records of progress.
    ///
    /// - Returns: where each of the four begins.
    private static func make(in directory: TemporaryJournal) throws -> [Int] {
        let run = try directory.open()
        for sequence in 1...6 as ClosedRange<UInt64> { run.append(events: [sequence], for: [1]) }
        var starts: [Int] = []
        for record in [
            Fixture.progress(1, cursor: 3, settled: [1], opened: [2]),
            Fixture.progress(1, cursor: 5, settled: [3], opened: [4]),
            Fixture.progress(1, cursor: 6, settled: [5]),
            Fixture.progress(1, cursor: 6, retried: [2]),
        ] {
            starts.append(run.journal.allSegments.last?.validBytes ?? 0)
            run.append(record, seen: 6)
        }
        run.close()
        return starts
    }

    private static func pending(_ state: LaneState?) -> Set<UInt64> {
        guard let state else { return [] }
        return Set(state.open.keys).union((1...6 as ClosedRange<UInt64>).filter { $0 >= state.cursor })
    }

    @Test("undamaged, what is pending is what was opened and not settled")
    func whole() throws {
        try TemporaryJournal.run { directory in
            _ = try Self.make(in: directory)
            let state = try directory.open().recovered.state
            #expect(Self.pending(state.lanes[1]) == [2, 4, 6])
            #expect(state.doubts.isEmpty)
        }
    }

    @Test(
        "each record in turn",
        arguments: zip(
            [0, 1, 2, 3],
            [[1, 2, 4, 6], [2, 3, 4, 6], [2, 4, 5, 6], [2, 4, 6]] as [Set<UInt64>]))
    func each(record: Int, expected: Set<UInt64>) throws {
        try TemporaryJournal.run { directory in
            let start = try Self.make(in: directory)[record]
            let name = try directory.segmentNames()[0]
            var bytes = try directory.read(name)
            bytes[start + 30] ^= 1
            try directory.write(bytes, to: name)
            let again = try directory.open()
            #expect(Self.pending(again.recovered.state.lanes[1]) == expected)
            #expect(again.recovered.damage.count == 1)
            #expect(try again.events(of: 1, through: 6) == [1, 2, 3, 4, 5, 6])
        }
    }

    @Test("zeros over all records of progress at the end of a sealed segment")
    func zeroedEnd() throws {
        try TemporaryJournal.run { directory in
            let start = try Self.make(in: directory)[0]
            let run = try directory.open()
            run.append(events: [7], for: [2])
            run.append(Fixture.progress(1, cursor: 7, settled: [6]), seen: 7)
            run.close()
            let name = try directory.segmentNames()[0]
            var bytes = try directory.read(name)
            for index in start..<bytes.count { bytes[index] = 0 }
            try directory.write(bytes, to: name)
            let again = try directory.open()
            #expect(again.recovered.damage.count == 1)
            #expect(Self.pending(again.recovered.state.lanes[1]) == [1, 2, 3, 4, 5])
        }
    }
}
