import RelayCore
import Storage
import Testing

@Suite("Erasing on disk")
struct ErasingTests {
    private static func terms(_ run: OpenJournal) -> Housekeeping.Terms {
        Housekeeping.Terms(
            needs: JournalNeeds(), checkpointOrdinal: run.journal.checkpointOrdinal, keptSince: 0, maxBytes: .max,
            savedRevision: 0)
    }

    private static func erase(_ sequences: [UInt64], _ run: OpenJournal) throws -> (steps: Int, count: UInt64) {
        let erasure = Erasure([
            JournalTask(number: 9, madeAt: 0, kind: .eraseEvent(.init(tenant: "t", id: "x", sequences: sequences)))
        ])
        let housekeeping = Housekeeping(journal: run.journal)
        var ordinal: UInt64 = 0
        var steps = 0
        var count: UInt64 = 0
        while let step = try housekeeping.erase(erasure, terms(run), after: ordinal) {
            #expect(step.through > ordinal)
            ordinal = step.through
            steps += 1
            count += step.counts[9] ?? 0
        }
        return (steps, count)
    }

    private static func filled(_ directory: TemporaryJournal) throws -> OpenJournal {
        let run = try directory.open(segmentBytes: 8 * 1024)
        for sequence in 1...200 { #expect(run.append(events: [UInt64(sequence)], for: [1])) }
        run.rotate()
        #expect(run.checkpoint([1: LaneState(cursor: 1)], asOf: 200))
        return run
    }

    @Test func onlyTheirSegmentsAreTouched() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            let before = run.journal.allSegments.map(\.header.nonce)
            let (steps, count) = try Self.erase([3, 4, 150], run)
            #expect(steps == 2 && count == 3)
            #expect(zip(before, run.journal.allSegments.map(\.header.nonce)).count { $0 != $1 } == 2)
            #expect(try run.events(of: 1, through: 200) == (1...200).filter { ![3, 4, 150].contains($0) })
            #expect(try run.journal.event(3) == nil)
            #expect(try Self.erase([3, 4, 150], run).count == 0)
            run.close()
            let again = try directory.open()
            #expect(again.recovered.damage.isEmpty)
            #expect(try again.events(of: 1, through: 200).count == 197)
            again.close()
        }
    }

    @Test func nothingFromTheCheckpointOnIsTouched() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            #expect(run.append(events: [201], for: [1]))
            #expect(try Self.erase([201], run).count == 0)
            #expect(try run.journal.event(201) != nil)
            run.close()
        }
    }

    /// Behind a segment's end may be what was written and never acknowledged.
    @Test func tailsAreCutOff() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            run.close()
            let name = try #require(try directory.segmentNames().dropLast().last)
            let bytes = try directory.read(name)
            try directory.write(bytes + Array("unacknowledged".utf8), to: name)
            let again = try directory.open(segmentBytes: 8 * 1024)
            #expect(again.append(events: [201], for: [1]))
            #expect(again.checkpoint([1: LaneState(cursor: 1)], asOf: 201))
            _ = try Self.erase([200], again)
            #expect(try directory.read(name).count <= bytes.count)
            again.close()
        }
    }

    @Test func whatDamageHidesGoesToo() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            let segment = try #require(run.journal.allSegments.first)
            run.close()
            let name = try #require(segment.path.split(separator: "/").last.map(String.init))
            var bytes = try directory.read(name)
            // In the body of the first event.
            bytes[SegmentHeader.dataOffset + 120] ^= 1
            try directory.write(bytes, to: name)
            let again = try directory.open(segmentBytes: 8 * 1024)
            #expect(again.append(events: [201], for: [1]))
            #expect(again.checkpoint([1: LaneState(cursor: 1)], asOf: 201))
            let marker = Array(bytes[SegmentHeader.dataOffset + 100..<SegmentHeader.dataOffset + 130])
            #expect(try Self.erase([1], again).steps == 1)
            let left = try directory.read(name)
            #expect(!left.indices.contains { left[$0...].starts(with: marker) })
            again.close()
        }
    }

    @Test func unfinishedFilesAreRemoved() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.filled(directory)
            try directory.write([1, 2, 3], to: "0000000000000001-0000000000000001.seg.new")
            try directory.write([1, 2, 3], to: "0000000000000001-0000000000000001.idx.new")
            try Housekeeping(journal: run.journal).removeUnfinished()
            let names = try directory.names()
            // An index may be in the making on another thread; it holds no payload.
            #expect(names.filter { $0.hasSuffix(".new") } == ["0000000000000001-0000000000000001.idx.new"])
            run.close()
        }
    }
}
