import Glibc
import RelayCore
import Storage
import Testing

/// Every disk call in turn fails, every byte in turn is damaged, and the power goes at every moment.
@Suite("Sweeps")
struct SweepTests {
    private static let last: UInt64 = 22

    @Test("without any trouble the script ends as it says")
    func script() throws {
        let disk = SimulatedDisk(seed: 1)
        let script = ScriptedJournal(disk)
        try script.run()
        let found = try ScriptedJournal.find(on: disk, through: Self.last)
        #expect(script.fault(in: found) == nil)
        #expect(found.recovered.damage.isEmpty)
        #expect(script.confirmed.count == 22 && !script.dropped.isEmpty)
        #expect(found.pending == Set(13...22).union([10]))
        #expect(found.recovered.changes.map(\.revision) == [3])
    }

    @Test(
        "a disk call fails: what was refused never comes back, what was confirmed always does",
        arguments: [EIO, ENOSPC, EROFS, EMFILE], [false, true])
    func faults(code: Int32, isLasting: Bool) throws {
        var call = 0
        while true {
            call += 1
            let disk = SimulatedDisk(seed: UInt64(call))
            var calls = 0
            disk.plan = { _ in
                calls += 1
                return calls == call || isLasting && (call..<call + 12).contains(calls) ? code : nil
            }
            let script = ScriptedJournal(disk)
            var isBegun = true
            do { try script.run() } catch is DiskError { isBegun = false }
            disk.plan = { _ in nil }
            if isBegun {
                for isCut in [false, true] {
                    if isCut { disk.cutPower() }
                    let found = try ScriptedJournal.find(on: disk, through: Self.last)
                    let fault = script.fault(in: found)
                    #expect(fault == nil, "call \(call), code \(code), power cut \(isCut)")
                }
            }
            if calls < call { break }
        }
        #expect(call > 100)
    }

    @Test("the power goes at any disk call", arguments: 1...4)
    func powerCuts(seed: UInt64) throws {
        var call = 0
        while true {
            call += 1
            let disk = SimulatedDisk(seed: seed << 32 | UInt64(call))
            disk.stopsAt = call
            let script = ScriptedJournal(disk)
            do { try script.run() } catch is DiskError {}
            let isOver = disk.calls < call
            disk.cutPower()
            let found = try ScriptedJournal.find(on: disk, through: Self.last)
            let fault = script.fault(in: found)
            #expect(fault == nil, "call \(call)")
            // And once more, without a cut: what counted then still does.
            let again = try ScriptedJournal.find(on: disk, through: Self.last)
            #expect(again.events == found.events && again.pending == found.pending, "call \(call)")
            if isOver { break }
        }
        #expect(call > 100)
    }

    @Test("a bit flips in any byte of the journal: it costs one record at most, and no other delivery")
    func flips() throws {
        let disk = SimulatedDisk(seed: 1)
        try ScriptedJournal(disk).run()
        let whole = try ScriptedJournal.find(on: disk, through: Self.last)
        var refusals = 0
        for path in disk.paths where path.hasSuffix(".seg") {
            let bytes = try #require(disk[path])
            for offset in bytes.indices {
                // What lies between the headers' copies and the records is never looked at: a few bytes stand for it.
                if bytes[offset] == 0, offset < SegmentHeader.dataOffset, offset % 509 > 0, offset % 4096 > 96 {
                    continue
                }
                disk.flip(path, at: offset, with: 1 << UInt8(offset % 8))
                defer { disk.flip(path, at: offset, with: 1 << UInt8(offset % 8)) }
                let copy = disk.copy(seed: 1)
                do {
                    let found = try ScriptedJournal.find(on: copy, through: Self.last)
                    let lost = whole.events.subtracting(found.events)
                    #expect(lost.count <= 1 && found.events.isSubset(of: whole.events), "\(path) byte \(offset)")
                    #expect(
                        found.pending.isSuperset(of: whole.pending.subtracting(lost)),
                        "\(path) byte \(offset): \(whole.pending.subtracting(found.pending).sorted()) are forgotten")
                } catch let refusal as StorageRefusal {
                    refusals += 1
                    #expect(!refusal.reason.isEmpty && refusal.path == path, "\(path) byte \(offset)")
                }
            }
        }
        #expect(refusals <= 64, "the version's bytes alone may be refused: another format could mean them")
    }
}
