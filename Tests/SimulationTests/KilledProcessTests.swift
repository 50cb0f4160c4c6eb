import RelayCore
import Storage
import Testing

/// What a killed process leaves may be in the kernel's memory only: a start that has counted it must keep it over a power
/// cut.
@Suite("Killed, and then without power")
struct KilledProcessTests {
    @Test("the snapshot of the registrations", arguments: 1...8)
    func snapshot(seed: UInt64) throws {
        let catalogue = EventCatalogue()
        var call = 0
        while true {
            call += 1
            let disk = SimulatedDisk(seed: seed << 32 | UInt64(call))
            let snapshot = RegistrationSnapshot(stateDirectory: "/state", disk: disk)
            try snapshot.write(RegistrationTable(catalogue: catalogue, revision: 1))
            disk.stopsAt = disk.calls + call
            let calls = disk.calls
            do { try snapshot.write(RegistrationTable(catalogue: catalogue, revision: 2)) } catch is DiskError {}
            let isOver = disk.calls - calls < call
            disk.restart()
            let found = try #require(try snapshot.read(catalogue: catalogue)).revision
            disk.cutPower()
            #expect(try snapshot.read(catalogue: catalogue)?.revision == found, "call \(call)")
            if isOver { break }
        }
        #expect(call > 4)
    }

    @Test("the journal", arguments: 1...4)
    func journal(seed: UInt64) throws {
        var call = 0
        while true {
            call += 1
            let disk = SimulatedDisk(seed: seed << 32 | UInt64(call))
            disk.stopsAt = call
            let script = ScriptedJournal(disk)
            do { try script.run() } catch is DiskError {}
            let isOver = disk.calls < call
            disk.restart()
            let found = try ScriptedJournal.find(on: disk, through: 22)
            let fault = script.fault(in: found)
            #expect(fault == nil, "call \(call)")
            disk.cutPower()
            let again = try ScriptedJournal.find(on: disk, through: 22)
            #expect(again.events == found.events && again.pending == found.pending, "call \(call)")
            if isOver { break }
        }
        #expect(call > 100)
    }
}
