import Foundation
import RelayCore
import Storage
import Testing

/// What a crash leaves of files in the making.
@Suite("Left-over files of the journal")
struct LeftOverFilesTests {
    /// Three sealed segments with two events each, the last of all behind a checkpoint that needs only event 3.
    private static func make(in directory: TemporaryJournal) throws -> OpenJournal {
        let run = try directory.open()
        for segment in 0..<3 as Range<UInt64> {
            if segment > 0 { run.rotate() }
            run.append(events: [segment * 2 + 1], for: [1])
            run.append(events: [segment * 2 + 2], for: [1])
        }
        run.rotate()
        var lane = LaneState(cursor: 7)
        lane.open[3] = LaneState.Open(attempts: 1, nextAt: 0, bytes: Fixture.bodyBytes())
        lane.pending = 1
        run.checkpoint([1: lane], asOf: 6)
        return run
    }

    @Test("a segment that was merged into another one, and that a crash kept from being removed")
    func merged() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.make(in: directory)
            let names = try directory.segmentNames()
            let old = try (directory.read(names[1]), directory.read(names[2]))
            let result = try run.journal.rewrite(1...3, keeping: .init(savedRevision: 0) { $0.sequence == 3 })
            #expect(result.events == 1)
            #expect(try directory.segmentNames() == [names[0], names[3]])
            run.close()
            // Both are back, as after a crash before their removal reached the disk.
            try directory.write(old.0, to: names[1])
            try directory.write(old.1, to: names[2])
            let again = try directory.open()
            #expect(again.recovered.damage.isEmpty)
            #expect(try again.events(of: 1, through: 6) == [3])
            #expect(try directory.segmentNames() == [names[0], names[3]], "they are removed")
            #expect(again.recovered.state.lanes[1]?.open.keys.sorted() == [3])
        }
    }

    @Test("a segment in the making is not taken for one, and its temporary file goes")
    func temporary() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.make(in: directory)
            run.close()
            let name = try directory.segmentNames()[0]
            try directory.write(try directory.read(name), to: name + ".new")
            let again = try directory.open()
            #expect(try again.events(of: 1, through: 6) == [1, 2, 3, 4, 5, 6])
            #expect(again.recovered.foreign.isEmpty)
            #expect(!(try directory.names().contains(name + ".new")))
        }
    }

    @Test("an index without its segment goes with it")
    func orphanedIndex() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.make(in: directory)
            while try run.journal.indexNext() {}
            #expect(run.publish(floor: 2))
            run.close()
            // Removed, but for its index.
            try directory.remove(try directory.segmentNames()[0])
            let again = try directory.open()
            #expect(again.recovered.damage.isEmpty)
            #expect(!(try directory.names().contains { $0.hasPrefix("0000000000000001-") }))
        }
    }

    @Test("a file cut off in its making gives way to the next one", arguments: [0, 100, 8191, 8192, 70_000])
    func unfinished(length: Int) throws {
        try TemporaryJournal.run { directory in
            let run = try Self.make(in: directory)
            run.close()
            try directory.write(
                [UInt8](repeating: 0, count: length), to: "0000000000000005-0000000000000007.seg")
            let again = try directory.open()
            #expect(again.recovered.damage.isEmpty)
            #expect(again.recovered.state.lastSequence == 6)
            #expect(again.append(events: [7], for: [1]))
            #expect(try again.journal.event(7)?.sequence == 7)
            again.close()
            #expect(try directory.open().recovered.state.lastSequence == 7)
        }
    }

    @Test("so does one whose header was written in part", arguments: [1, 8, 12, 50, 95])
    func unfinishedHeader(length: Int) throws {
        try TemporaryJournal.run { directory in
            let run = try Self.make(in: directory)
            run.close()
            let header = try directory.read(try directory.segmentNames()[3]).prefix(length)
            try directory.write(
                Array(header) + [UInt8](repeating: 0, count: 20_000), to: "0000000000000005-0000000000000007.seg")
            let again = try directory.open()
            #expect(again.recovered.state.lastSequence == 6)
            #expect(again.append(events: [7], for: [1]))
            again.close()
            #expect(try directory.open().recovered.state.lastSequence == 7)
        }
    }

    @Test("the reserve is no segment, whatever is in it")
    func reserve() throws {
        try TemporaryJournal.run { directory in
            let run = try Self.make(in: directory)
            run.close()
            #expect(try directory.names().contains("reserve"))
            try directory.write(try directory.read(try directory.segmentNames()[2]), to: "reserve")
            let again = try directory.open()
            #expect(again.recovered.damage.isEmpty && again.recovered.foreign.isEmpty)
            #expect(try again.events(of: 1, through: 6) == [1, 2, 3, 4, 5, 6])
        }
    }
}
