import Foundation
import RelayCore
import Storage
import Testing

@Suite("Journal on disk")
struct JournalTests {
    @Test func whatIsSyncedIsFoundAgain() throws {
        try TemporaryJournal.run { directory in
            let first = try directory.open()
            for sequence in 1...5 { #expect(first.append(events: [UInt64(sequence)], for: [1, 2])) }
            first.close()
            let second = try directory.open()
            #expect(second.recovered.state.lastSequence == 5)
            #expect(second.recovered.state.lanes[1]?.pending == 5)
            #expect(second.recovered.state.lanes[2]?.cursor == 1)
            #expect(second.recovered.damage.isEmpty)
            #expect(try second.journal.event(3)?.sequence == 3)
            #expect(try second.journal.event(6) == nil)
            second.close()
        }
    }

    /// Progress records lag behind the events around them, and some begin a segment: neither may hide an event.
    @Test func aLaneReadsAllItsEventsOverSegmentsAndBetweenOtherRecords() throws {
        try TemporaryJournal.run { directory in
            let run = try directory.open(segmentBytes: 32 * 1024)
            for sequence in 1...1_200 {
                #expect(run.append(events: [UInt64(sequence)], for: sequence.isMultiple(of: 3) ? [7] : [1]))
                guard sequence.isMultiple(of: 5) else { continue }
                #expect(run.append(ProgressRecord(), seen: UInt64(max(1, sequence - 40))))
            }
            #expect(run.journal.allSegments.count > 4)
            var found: [UInt64] = []
            var from: UInt64 = 1
            while from <= 1_200 {
                let read = DeliveryScheduler.Read(webhook: 7, from: from, through: 1_200, maxEvents: 9)
                let part = try run.journal.events(read, maxBytes: 4_096)
                #expect(part.next > from)
                found += part.events.map(\.sequence)
                from = part.next
            }
            #expect(found == (1...400).map { UInt64($0 * 3) })
            for sequence in [1, 599, 600, 1_200] as [UInt64] {
                #expect(try run.journal.event(sequence)?.sequence == sequence)
            }
            run.close()
        }
    }

    @Test func settledSegmentsAreRemovedAndOnlyThose() throws {
        try TemporaryJournal.run { directory in
            let run = try directory.open(segmentBytes: 8 * 1024)
            for sequence in 1...200 { #expect(run.append(events: [UInt64(sequence)], for: [1])) }
            run.rotate()
            #expect(run.checkpoint([1: LaneState(cursor: 100)], asOf: 200))
            let before = run.journal.allSegments.count
            let outcome = try Housekeeping(journal: run.journal).makeRoom(
                Housekeeping.Terms(
                    needs: JournalNeeds(lanes: [1: JournalNeeds.Lane(cursor: 100, open: [])]),
                    checkpointOrdinal: run.journal.checkpointOrdinal, keptSince: .max, maxBytes: 0, savedRevision: 0)
            ) { run.publish(floor: $0) }
            #expect(outcome.firstSequence <= 100)
            #expect(run.journal.allSegments.count < before)
            #expect(try run.journal.event(100)?.sequence == 100)
            #expect(try run.journal.event(1) == nil)
            run.close()
        }
    }

    @Test func aTornTailCostsNothingThatCounts() throws {
        try TemporaryJournal.run { directory in
            let run = try directory.open()
            #expect(run.append(events: [1, 2], for: [1]))
            #expect(run.append(events: [3], for: [1]))
            let segment = try #require(run.journal.allSegments.last)
            run.close()
            // A crash in the middle of the last record.
            let handle = try #require(FileHandle(forUpdatingAtPath: segment.path))
            try handle.truncate(atOffset: UInt64(segment.validBytes - 16))
            try handle.close()
            let again = try directory.open()
            #expect(again.recovered.state.lastSequence == 2)
            #expect(again.append(events: [3], for: [1]))
            again.close()
            #expect(try directory.open().recovered.state.lastSequence == 3)
        }
    }

    @Test func aSecondHolderOfTheStateIsRefused() throws {
        try TemporaryJournal.run { directory in
            let path = directory.path + "/state"
            let first = try StateDirectory(path)
            let refusal = #expect(throws: StorageRefusal.self) { try StateDirectory(path) }
            #expect(refusal?.reason.contains("\(getpid())") == true)
            withExtendedLifetime(first) {}
        }
    }

    @Test func everyDamageOfTheSnapshotIsNoticed() throws {
        try TemporaryJournal.run { directory in
            let snapshot = RegistrationSnapshot(stateDirectory: directory.path, disk: SystemDisk())
            let webhook = Webhook(
                number: 3, id: "wh_3", tenant: "t", url: try WebhookURL("https://hooks.example/x"), patterns: [.all],
                secret: "whsec_AAAA", createdAt: 1)
            let catalogue = EventCatalogue()
            #expect(try snapshot.read(catalogue: catalogue) == nil)
            try snapshot.write(RegistrationTable(catalogue: catalogue, webhooks: [webhook], revision: 9))
            #expect(try snapshot.read(catalogue: catalogue)?.list(tenant: nil) == [webhook])
            let good = try Data(contentsOf: URL(fileURLWithPath: snapshot.path))
            for index in good.indices {
                var bad = good
                bad[index] ^= 0x10
                try bad.write(to: URL(fileURLWithPath: snapshot.path))
                let refusal = #expect(throws: StorageRefusal.self) { try snapshot.read(catalogue: catalogue) }
                #expect(refusal?.path == snapshot.path)
            }
            for count in 0..<good.count {
                try good.prefix(count).write(to: URL(fileURLWithPath: snapshot.path))
                #expect(throws: StorageRefusal.self) { try snapshot.read(catalogue: catalogue) }
            }
        }
    }
}
