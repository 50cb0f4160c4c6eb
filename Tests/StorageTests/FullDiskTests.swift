import Foundation
import RelayCore
import Storage
import Testing

/// A disk that is full: events are refused, what has become of deliveries is kept, and all goes on once there is space.
@Suite("Full disk")
struct FullDiskTests {
    private static let growing: Set<FaultyDisk.Call> = [.allocate, .write]

    private static func settle(_ sequences: [UInt64], _ run: OpenJournal) -> Bool {
        run.append(
            Fixture.progress(1, cursor: (sequences.max() ?? 0) + 1, settled: sequences),
            seen: sequences.max() ?? 0)
    }

    @Test("events are refused, settlements go to the reserve, and space makes everything as it was")
    func reserve() throws {
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            let run = try directory.open(segmentBytes: 4_096, disk: disk)
            #expect(run.append(events: [1, 2, 3], for: [1]))
            #expect(try directory.names().contains("reserve"))
            disk.fail([.allocate], code: ENOSPC)
            // Too large for what is left of the segment.
            #expect(!run.append(events: [4], for: [1], padding: 4_000))
            #expect(run.journal.failure?.isLackOfSpace == true)
            run.clock.advance(by: Limits.journalRetryTime)
            let before = run.journal.allSegments.count
            for sequence in 1...20 as ClosedRange<UInt64> { #expect(Self.settle([sequence % 3 + 1], run)) }
            #expect(run.journal.allSegments.count == before + 1, "the reserve is the only segment that is begun")
            #expect(!run.append(events: [4], for: [1]), "no events in the reserve")
            #expect(run.clock.failures == [ENOSPC])
            disk.heal()
            run.clock.advance(by: Limits.journalRetryTime)
            #expect(run.append(events: [5], for: [1]))
            #expect(run.journal.failure == nil)
            #expect(run.clock.failures == [ENOSPC, nil])
            #expect(try directory.names().contains("reserve"), "there is one for the next time")
            run.close()
            let again = try directory.open()
            #expect(try again.events(of: 1, through: 5) == [1, 2, 3, 5])
            #expect(again.recovered.state.lanes[1]?.open.isEmpty == true)
            #expect(again.recovered.state.lanes[1]?.pending == 1)
        }
    }

    @Test("a producer that sends on and on leaves no heap of segments, and costs few disk calls")
    func noHeap() throws {
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            let run = try directory.open(segmentBytes: 4_096, disk: disk)
            run.append(events: [1], for: [1])
            let before = try directory.names()
            disk.fail([.allocate], code: ENOSPC)
            for sequence in 2...200 as ClosedRange<UInt64> {
                #expect(!run.append(events: [sequence], for: [1], padding: 4_000))
                if sequence.isMultiple(of: 10) { run.clock.advance(by: Limits.journalRetryTime) }
            }
            #expect(try directory.names() == before)
            disk.heal()
            run.clock.advance(by: Limits.journalRetryTime)
            #expect(run.append(events: [201], for: [1]))
        }
    }

    @Test("a reserve that can't be written is given up: nothing counts as kept that is not")
    func brokenReserve() throws {
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            let run = try directory.open(segmentBytes: 4_096, disk: disk)
            #expect(run.append(events: [1, 2, 3], for: [1]))
            disk.fail([.allocate], code: ENOSPC)
            #expect(!run.append(events: [4], for: [1], padding: 4_000))
            run.clock.advance(by: Limits.journalRetryTime)
            #expect(Self.settle([1], run))
            disk.fail([.sync], code: EIO, lasting: false)
            #expect(!Self.settle([2], run))
            disk.fail([.allocate], code: ENOSPC)
            run.clock.advance(by: Limits.journalRetryTime)
            let isKept = Self.settle([3], run)
            disk.heal()
            run.close()
            let lane = try directory.open().recovered.state.lanes[1]
            #expect(lane?.pending == (isKept ? 1 : 2))
        }
    }

    @Test("without space taken beforehand a full disk is met in the middle of a batch, and only it is refused")
    func inTheMiddle() throws {
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            let run = try directory.open(segmentBytes: 65_536, disk: disk)
            #expect(run.append(events: [1], for: [1]))
            disk.fail([.write], code: ENOSPC, lasting: false)
            #expect(!run.append(events: [2], for: [1]))
            #expect(run.append(events: [3], for: [1]))
            #expect(run.journal.allSegments.count == 1, "the segment is as good as before")
            run.close()
            #expect(try directory.open().visited == [1, 3])
        }
    }

    @Test("a segment that somebody has removed or moved away is noticed at once")
    func removed() throws {
        try TemporaryJournal.run { directory in
            let run = try directory.open()
            #expect(run.append(events: [1], for: [1]))
            try directory.remove(try directory.segmentNames()[0])
            #expect(!run.append(events: [2], for: [1]))
            #expect(run.clock.failures == [ENOENT])
            run.clock.advance(by: Limits.journalRetryTime)
            #expect(run.append(events: [3], for: [1]))
            run.close()
            #expect(try directory.open().visited == [3])
        }
    }
}
