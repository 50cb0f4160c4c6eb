import Foundation
import RelayCore
import Storage
import Testing

/// When a checkpoint is asked for, and what it makes of the segments before it.
@Suite("Rotation")
struct RotationTests {
    private static func lanes(_ count: Int) -> [WebhookNumber: LaneState] {
        Dictionary(uniqueKeysWithValues: (1...count).map { (WebhookNumber($0), LaneState(cursor: 1)) })
    }

    @Test("each new segment asks for a checkpoint, once something in it is durable")
    func asksForOne() throws {
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            let run = try directory.open(segmentBytes: 4_096, disk: disk)
            #expect(run.clock.rotations == 0)
            run.append(events: [1], for: [1])
            #expect(run.clock.rotations == 1)
            run.append(events: [2], for: [1])
            #expect(run.clock.rotations == 1)
            run.rotate()
            #expect(run.clock.rotations == 2)
            // Segments that are begun and can't be written to ask for nothing.
            for _ in 0..<10 {
                run.rotate()
                disk.fail([.write], code: EIO, at: 2, lasting: false)
                run.clock.advance(by: Limits.journalRetryTime)
                run.append(events: [3], for: [1])
                disk.heal()
            }
            #expect(run.clock.rotations <= 12)
        }
    }

    @Test("a checkpoint that fills more than half of a segment begins one, and asks for no other one")
    func largeCheckpoint() throws {
        try TemporaryJournal.run { directory in
            let run = try directory.open(segmentBytes: 4_096)
            run.append(events: [1], for: [1])
            let lanes = Self.lanes(200)
            for number in 1...5 as ClosedRange<UInt64> {
                #expect(run.checkpoint(lanes, asOf: 1, number: number))
                #expect(run.journal.checkpointOrdinal == run.journal.allSegments.last?.header.ordinal)
            }
            #expect(run.clock.rotations == 1)
            run.close()
            let again = try directory.open()
            #expect(again.recovered.state.lanes.count == 200)
        }
    }

    @Test("a checkpoint that could not be written counts for nothing")
    func failedCheckpoint() throws {
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            let run = try directory.open(segmentBytes: 4_096, disk: disk)
            run.append(events: [1], for: [1])
            disk.fail([.sync], code: EIO, lasting: false)
            #expect(!run.checkpoint([1: LaneState(cursor: 2)], asOf: 1))
            #expect(run.journal.checkpointOrdinal == 0)
            run.close()
            #expect(try directory.open().recovered.state.lanes[1]?.cursor == 1)
        }
    }
}
