import Foundation
import RelayCore
import Storage
import Testing

/// For every disk call in turn: what was refused never comes back, what was confirmed always does.
@Suite("A disk call fails")
struct FaultSweepTests {
    @Test("while events are written", arguments: [EIO, ENOSPC, EROFS, EMFILE])
    func aFailedCallCostsItsBatchAlone(code: Int32) throws {
        var call = 1
        while true {
            let disk = FaultyDisk()
            try TemporaryJournal.run { directory in
                let run = try directory.open(segmentBytes: 2_048, disk: disk)
                disk.fail([.create, .write, .sync, .syncDirectory], code: code, at: call, lasting: false)
                var confirmed: [UInt64] = []
                for sequence in 1...24 {
                    run.clock.advance(by: Limits.journalRetryTime)
                    if run.append(events: [UInt64(sequence)], for: [1]) { confirmed.append(UInt64(sequence)) }
                }
                #expect(confirmed.count >= 23, "call \(call)")
                run.close()
                let again = try directory.open()
                #expect(again.visited == confirmed, "call \(call)")
                again.close()
            }
            guard disk.hasFailed else { break }
            call += 1
        }
        #expect(call > 40)
    }
}
