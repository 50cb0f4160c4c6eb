import RelayCore
import Storage
import Testing

/// Finding an event and what became of it: by index files, without them, and with damaged ones.
@Suite("Finding events")
struct EventFindingTests {
    /// Events with ids in several segments; what became of some stands right behind them, of others segments later.
    private static func filled(_ directory: TemporaryJournal) throws -> OpenJournal {
        let run = try directory.open(segmentBytes: 8 * 1024)
        for sequence in 1...400 as ClosedRange<UInt64> {
            let buffer = RecordBuffer()
            Fixture.append(sequence, [1, 2], id: "id-\(sequence % 390)", to: buffer)
            #expect(run.submit(buffer, kind: .events, lastSequence: sequence))
            if sequence.isMultiple(of: 4) {
                run.append(Fixture.progress(1, cursor: sequence, settled: [sequence - 1, sequence]), seen: sequence)
            }
            if sequence.isMultiple(of: 10) {
                run.append(
                    Fixture.progress(2, cursor: sequence, settled: [max(1, sequence / 2)], retried: [sequence - 3]),
                    seen: sequence)
            }
        }
        run.rotate()
        #expect(run.checkpoint([1: LaneState(cursor: 1), 2: LaneState(cursor: 1)], asOf: 400))
        return run
    }

    private static func told(_ run: OpenJournal, of sequence: UInt64) throws -> [ProgressRecord] {
        var records: [ProgressRecord] = []
        try run.journal.forEachProgress(of: sequence) { record in
            let rest = record.filtered { $0 == sequence }
            if !rest.lanes.isEmpty { records.append(rest) }
        }
        return records
    }

    private static func check(_ run: OpenJournal, isAll: Bool = true) throws {
        #expect(run.journal.allSegments.count > 5)
        for sequence in stride(from: 1, through: 400, by: isAll ? 1 : 37) {
            let sequence = UInt64(sequence)
            let found = try run.journal.events(withID: "id-\(sequence % 390)", tenant: nil).map(\.sequence)
            let wanted = [sequence % 390 + 390, sequence % 390].filter { (1...400).contains($0) }
            #expect(found == wanted)
            let told = try Self.told(run, of: sequence)
            let settled = told.flatMap(\.lanes).filter { !$0.progress.settled.isEmpty }
            #expect(settled.contains { $0.webhook == 1 } == (sequence % 4 == 3 || sequence % 4 == 0))
            let late = (sequence * 2).isMultiple(of: 10) && sequence * 2 <= 400
            #expect(settled.contains { $0.webhook == 2 } == late, "\(sequence)")
            let retried = told.flatMap(\.lanes).contains { !$0.progress.retried.isEmpty }
            #expect(retried == (sequence + 3).isMultiple(of: 10))
        }
        #expect(try run.journal.events(withID: "id-1", tenant: "t").map(\.sequence) == [391, 1])
        #expect(try run.journal.events(withID: "id-1", tenant: "u").isEmpty)
        #expect(try run.journal.events(withID: "id-390", tenant: nil).isEmpty)
    }

    @Test func withIndicesAndWithout() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            try Self.check(run)
            while try run.journal.indexNext() {}
            try Self.check(run)
            run.close()
            let again = try directory.open(segmentBytes: 8 * 1024)
            try Self.check(again)
            again.close()
        }
    }

    @Test func withDamagedIndices() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            while try run.journal.indexNext() {}
            for name in try directory.names().filter({ $0.hasSuffix(".idx") }) {
                var bytes = try directory.read(name)
                // All but what it is opened by.
                for index in SegmentIndexFormat.blockBytes..<bytes.count { bytes[index] ^= 0x55 }
                try directory.write(bytes, to: name)
            }
            try Self.check(run, isAll: false)
            run.close()
        }
    }

    @Test func afterRewriting() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            while try run.journal.indexNext() {}
            let ordinals = run.journal.allSegments.map(\.header.ordinal).filter { $0 < run.journal.checkpointOrdinal }
            try run.journal.rewrite(
                ordinals[0]...ordinals[2],
                keeping: Journal.Survivors(savedRevision: 0, event: { $0.sequence != 5 }))
            #expect(try run.journal.events(withID: "id-5", tenant: nil).map(\.sequence) == [395])
            #expect(try Self.told(run, of: 5).isEmpty)
            #expect(try run.journal.events(withID: "id-7", tenant: nil).map(\.sequence) == [397, 7])
            #expect(try Self.told(run, of: 7).flatMap(\.lanes).map(\.webhook).sorted() == [1, 2])
            run.close()
        }
    }

    /// A stretch of an entry ends at its bound, and what lies between two of them is not told of.
    @Test func stretchesAreExactAtTheirEnds() throws {
        try TemporaryJournal.run { directory in
            let header = SegmentHeader(
                journal: JournalID(high: 1, low: 2), nonce: 9, ordinal: 1, firstSequence: 1, createdAt: 0,
                previousOrdinal: 0, previousBytes: 0)
            var builder = SegmentIndexBuilder(firstSequence: 1, coveredBytes: 1 << 20)
            builder.add(Fixture.progress(1, cursor: 1, settled: [2_000, 3_023, 3_024, 9_000]), at: 8_192)
            builder.add(Fixture.progress(1, cursor: 1, retried: [3_023]), at: 16_384)
            builder.add(Fixture.progress(1, cursor: 1, opened: [5]), at: 24_576)
            let path = directory.file("made.idx")
            let file = try SystemDisk().create(path)
            try builder.finish(seed: RecordFormat.seed(nonce: 9)) { bytes, offset throws(DiskError) in
                try file.write([bytes], at: offset)
            }
            let index = try #require(try SegmentIndex.open(path, disk: SystemDisk(), header: header))
            let wanted: [(UInt64, [Int])] = [
                (0, []), (5, []), (1_999, []), (2_000, [8_192]), (2_001, [8_192]), (3_022, [8_192]),
                (3_023, [8_192, 16_384]), (3_024, [8_192]), (3_025, []), (8_999, []), (9_000, [8_192]), (9_001, []),
            ]
            for (sequence, offsets) in wanted {
                #expect(try index.progressOffsets(of: sequence) == offsets, "\(sequence)")
            }
        }
    }
}
