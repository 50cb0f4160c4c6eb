import FoundationEssentials
import RelayCore
import Storage
import Synchronization

/// An open journal and ways to put records into it, each committed before the call returns.
final class OpenJournal {
    let recovered: RecoveredJournal
    /// Events that the start showed.
    let visited: [UInt64]
    let clock: TestClock

    var journal: Journal { recovered.journal }

    init(_ recovered: RecoveredJournal, _ visited: [UInt64], clock: TestClock) {
        self.recovered = recovered
        self.visited = visited
        self.clock = clock
    }

    /// Ends it as an orderly stop does.
    func close() {
        journal.close()
        journal.run()
    }

    /// - Returns: whether they are durable.
    @discardableResult
    func append(events: [UInt64], for webhooks: [WebhookNumber], padding: Int = 64) -> Bool {
        let buffer = RecordBuffer()
        for sequence in events { Fixture.append(sequence, webhooks, padding: padding, to: buffer) }
        return submit(buffer, kind: .events, lastSequence: events.last ?? 0)
    }

    @discardableResult
    func append(_ progress: ProgressRecord, seen: UInt64) -> Bool {
        let buffer = RecordBuffer()
        progress.append(to: buffer, sequence: seen)
        return submit(buffer)
    }

    @discardableResult
    func append(_ change: RegistrationChange) -> Bool {
        let buffer = RecordBuffer()
        Fixture.append(change, to: buffer)
        return submit(buffer)
    }

    @discardableResult
    func checkpoint(
        _ lanes: [WebhookNumber: LaneState], asOf: UInt64, revision: UInt64 = 0, number: UInt64 = 1
    ) -> Bool {
        let buffer = RecordBuffer()
        CheckpointRecord.append(
            number: number, asOf: asOf, revision: revision, madeAt: Fixture.acceptedAt, floor: journal.floor,
            lanes: lanes, to: buffer)
        return submit(buffer, kind: .checkpoint)
    }

    /// Begins the next segment.
    @discardableResult
    func rotate() -> Bool {
        let outcome = Mutex(false)
        withExtendedLifetime(outcome) {
            journal.rotate { result in if case .success = result { outcome.withLock { $0 = true } } }
            journal.commitWaiting()
        }
        return outcome.withLock { $0 }
    }

    /// Makes it durable that the segments below an ordinal are not needed, and removes them.
    func remove(below ordinal: UInt64) throws {
        guard publish(floor: ordinal) else { return }
        try journal.removeSegments()
    }

    @discardableResult
    func publish(floor ordinal: UInt64) -> Bool {
        let outcome = Mutex(false)
        journal.publishFloor(ordinal) { result in if case .success = result { outcome.withLock { $0 = true } } }
        journal.commitWaiting()
        return outcome.withLock { $0 }
    }

    @discardableResult
    func submit(_ buffer: RecordBuffer, kind: JournalBatch.Kind = .records, lastSequence: UInt64 = 0) -> Bool {
        let outcome = Mutex(false)
        let isTaken = journal.submit(
            JournalBatch(buffer, kind: kind, lastSequence: lastSequence) { result in
                if case .success = result { outcome.withLock { $0 = true } }
            })
        guard isTaken else { return false }
        journal.commitWaiting()
        return outcome.withLock { $0 }
    }

    /// All events of a webhook that are still there, read as a lane does.
    func events(of webhook: WebhookNumber, through: UInt64) throws -> [UInt64] {
        var found: [UInt64] = []
        var from: UInt64 = 1
        while from <= through {
            let read = DeliveryScheduler.Read(webhook: webhook, from: from, through: through, maxEvents: 100)
            let part = try journal.events(read, maxBytes: 1 << 16)
            found += part.events.map(\.sequence)
            from = part.next
        }
        return found
    }
}
