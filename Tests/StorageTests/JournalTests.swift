import Foundation
import Logging
import Storage
import Synchronization
import Testing

@testable import RelayCore

@Suite("Journal on disk")
struct JournalTests {
    @Test func whatIsSyncedIsFoundAgain() throws {
        try Directory.run { directory in
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
        try Directory.run { directory in
            let run = try directory.open(segmentBytes: 32 * 1024)
            for sequence in 1...1_200 {
                #expect(run.append(events: [UInt64(sequence)], for: sequence.isMultiple(of: 3) ? [7] : [1]))
                if sequence.isMultiple(of: 5) { #expect(run.appendProgress(seen: UInt64(max(1, sequence - 40)))) }
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
        try Directory.run { directory in
            let run = try directory.open(segmentBytes: 8 * 1024)
            for sequence in 1...200 { #expect(run.append(events: [UInt64(sequence)], for: [1])) }
            let before = run.journal.allSegments.count
            #expect(run.journal.removeSettled(firstNeeded: 100, keptSince: .max, maxBytes: 0) <= 100)
            #expect(run.journal.allSegments.count < before)
            #expect(try run.journal.event(100)?.sequence == 100)
            #expect(try run.journal.event(1) == nil)
            run.close()
        }
    }

    @Test func aTornTailCostsNothingThatCounts() throws {
        try Directory.run { directory in
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

    /// For every disk call in turn: what was refused never comes back, what was confirmed always does.
    @Test(arguments: [Int32(5), 28]) func aFailedCallCostsItsBatchAlone(code: Int32) throws {
        var call = 1
        while true {
            let disk = FaultyDisk(failing: call, code: code)
            try Directory.run { directory in
                let run = try directory.open(segmentBytes: 2_048, disk: disk)
                var confirmed: [UInt64] = []
                for sequence in 1...24 where run.append(events: [UInt64(sequence)], for: [1]) {
                    confirmed.append(UInt64(sequence))
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

    @Test func aSecondHolderOfTheStateIsRefused() throws {
        try Directory.run { directory in
            let path = directory.path + "/state"
            let first = try StateDirectory(path)
            let refusal = #expect(throws: StorageRefusal.self) { try StateDirectory(path) }
            #expect(refusal?.reason.contains("\(getpid())") == true)
            withExtendedLifetime(first) {}
        }
    }

    @Test func everyDamageOfTheSnapshotIsNoticed() throws {
        try Directory.run { directory in
            let snapshot = RegistrationSnapshot(stateDirectory: directory.path, disk: SystemDisk())
            let webhook = Webhook(
                number: 3, id: "wh_3", tenant: "t", url: try WebhookURL("https://hooks.example/x"), patterns: [.all],
                secret: "whsec_AAAA", createdAt: 1)
            let catalogue = EventCatalogue()
            #expect(try snapshot.read(catalogue: catalogue) == nil)
            try snapshot.write(RegistrationTable(catalogue: catalogue, webhooks: [webhook], revision: 9))
            #expect(try snapshot.read(catalogue: catalogue)?.webhooks == [3: webhook])
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

/// A directory for one test.
private final class Directory {
    let path: String

    private init() throws {
        path = NSTemporaryDirectory() + "hl-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    static func run(_ body: (Directory) throws -> Void) throws {
        let directory = try Directory()
        defer {
            // What can't be removed stays in the system's temporary directory.
            try? FileManager.default.removeItem(atPath: directory.path)
        }
        try body(directory)
    }

    func open(segmentBytes: Int = 1 << 20, disk: any Disk = SystemDisk()) throws -> Run {
        var visited: [UInt64] = []
        let recovered = try JournalOpener(
            directory: path, disk: disk, segmentBytes: segmentBytes, logger: Logger(label: "test")
        ).open(
            eventsSince: 0, wall: { 1_777_000_000_000 }, onRotation: {}, observeSync: { _ in },
            visit: { visited.append($0.sequence) })
        return Run(recovered, visited)
    }
}

/// An open journal with its thread.
private final class Run {
    let recovered: RecoveredJournal
    let visited: [UInt64]
    private let thread: WorkThread

    var journal: Journal { recovered.journal }

    init(_ recovered: RecoveredJournal, _ visited: [UInt64]) {
        self.recovered = recovered
        self.visited = visited
        let journal = recovered.journal
        thread = WorkThread(name: "journal") { journal.run() }
    }

    func close() {
        journal.close()
        thread.join()
    }

    /// - Returns: whether they are durable.
    func append(events: [UInt64], for webhooks: [WebhookNumber]) -> Bool {
        let buffer = RecordBuffer()
        for sequence in events { Self.append(sequence, webhooks, to: buffer) }
        return submit(buffer, lastSequence: events.last ?? 0)
    }

    func appendProgress(seen: UInt64) -> Bool {
        let buffer = RecordBuffer()
        ProgressRecord().append(to: buffer, sequence: seen)
        return submit(buffer, lastSequence: 0)
    }

    private func submit(_ buffer: RecordBuffer, lastSequence: UInt64) -> Bool {
        let done = DispatchSemaphore(value: 0)
        let outcome = Mutex(false)
        let isTaken = journal.submit(
            JournalBatch(buffer, lastSequence: lastSequence) { result in
                if case .success = result { outcome.withLock { $0 = true } }
                done.signal()
            })
        guard isTaken else { return false }
        done.wait()
        return outcome.withLock { $0 }
    }

    private static func append(_ sequence: UInt64, _ webhooks: [WebhookNumber], to buffer: RecordBuffer) {
        func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) { Array(text.utf8).withUnsafeBytes(body) }
        bytes("job.closed") { type in
            bytes("2026-05-02T14:32:10.000Z") { timestamp in
                bytes("t") { tenant in
                    bytes("{\"n\":\"\(String(repeating: "x", count: 64))\"}") { data in
                        EventRecord.append(
                            EventRecord.Parts(
                                sequence: sequence, acceptedAt: 1_777_000_000_000,
                                producer: PeerIdentity(uid: 1, gid: 2, pid: 3), type: type, timestamp: timestamp,
                                isProducersTimestamp: false, tenant: tenant,
                                id: UnsafeRawBufferPointer(start: nil, count: 0), data: data,
                                webhooks: webhooks.map { MatchedWebhook(number: $0, takesDeliveries: true) }),
                            to: buffer)
                    }
                }
            }
        }
    }
}
