import Foundation
import RelayCore
import Storage
import Testing

/// Zeros behind small batches: what comes after them meets no block for the first time.
@Suite("Zeros behind the records")
struct ZeroingTests {
    /// Bytes that writing an event takes.
    private static func write(_ sequence: UInt64, padding: Int = 64, _ run: OpenJournal, _ disk: FaultyDisk) -> Int {
        let before = disk.written.count
        #expect(run.append(events: [sequence], for: [1], padding: padding))
        // The first one begins a segment.
        #expect(disk.written.count == before + (before == 0 ? 2 : 1), "one write a batch")
        return disk.written.last ?? 0
    }

    @Test("they are written once for many small batches, and read as the end")
    func smallBatches() throws {
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            let run = try directory.open(disk: disk)
            let first = Self.write(1, run, disk)
            let bytes = first - Limits.zeroedBytes
            #expect(bytes > 0 && bytes < 1024)
            let few = UInt64(Limits.zeroedBytes / bytes)
            for sequence in 2...few + 1 { #expect(Self.write(sequence, run, disk) == bytes) }
            #expect(Self.write(few + 2, run, disk) == bytes + Limits.zeroedBytes)
            // As after a crash: nothing was closed.
            let again = try directory.open()
            #expect(again.visited == Array(1...few + 2))
            #expect(again.recovered.damage.isEmpty)
        }
    }

    @Test("a large batch has none, and what it passes over is not written again")
    func largeBatches() throws {
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            let run = try directory.open(disk: disk)
            let large = Limits.largeBatchBytes
            #expect(Self.write(1, padding: large, run, disk) < large + 1024)
            let small = Self.write(2, run, disk)
            #expect(small > Limits.zeroedBytes && small < Limits.zeroedBytes + 1024)
            #expect(Self.write(3, padding: large, run, disk) < large + 1024)
            #expect(Self.write(4, run, disk) < 1024)
        }
    }

    @Test("none go beyond the segment's space, and there are none where it could not be taken")
    func noMoreThanThereIs() throws {
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            let run = try directory.open(segmentBytes: 4096, disk: disk)
            #expect(Self.write(1, run, disk) == 4096)
        }
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            disk.fail([.allocate], code: EOPNOTSUPP)
            let run = try directory.open(disk: disk)
            #expect(Self.write(1, run, disk) < 1024)
            #expect(Self.write(2, run, disk) < 1024)
        }
    }

    @Test("after a write that failed they are written anew")
    func failedWrite() throws {
        try TemporaryJournal.run { directory in
            let disk = FaultyDisk()
            let run = try directory.open(disk: disk)
            _ = Self.write(1, run, disk)
            disk.fail([.write], code: ENOSPC)
            #expect(!run.append(events: [2], for: [1]))
            disk.heal()
            run.clock.advance(by: Limits.journalRetryTime)
            #expect(Self.write(3, run, disk) > Limits.zeroedBytes)
            #expect(Self.write(4, run, disk) < 1024)
            let again = try directory.open()
            #expect(again.visited == [1, 3, 4])
        }
    }
}
