import FoundationEssentials
import Logging
import RelayCore
import Storage

/// A scripted life of a journal with a bit of everything: events, progress, registrations, checkpoints, rotation, removal
/// and rewriting; and what a start must find afterwards.
final class ScriptedJournal {
    static let directory = "/state/journal"

    let disk: SimulatedDisk
    private let clock = SimulatedClock()
    private var journal: Journal?
    /// Events whose batch was confirmed and that nobody has allowed to go.
    private(set) var confirmed: Set<UInt64> = []
    /// Events whose batch was refused, before another one was confirmed.
    private(set) var refused: Set<UInt64> = []
    private var doubtful: Set<UInt64> = []
    /// Deliveries of webhook 1 whose settlement was confirmed.
    private(set) var settled: Set<UInt64> = []
    /// Events that are allowed to be gone.
    private(set) var dropped: Set<UInt64> = []
    /// Those whose settlement was refused, with nothing confirmed since then: it is on the disk or not.
    private var maybeSettled: Set<UInt64> = []

    /// What the changes of registrations are, by their revisions.
    var kind: (UInt64) throws -> RegistrationChange.Kind = { .remove(WebhookNumber($0) + 100) }

    init(_ disk: SimulatedDisk) {
        self.disk = disk
    }

    struct Found {
        let events: Set<UInt64>
        let pending: Set<UInt64>
        let recovered: RecoveredJournal
    }

    /// What a start finds: readable events, and those that webhook 1 still gets.
    static func find(on disk: SimulatedDisk, through: UInt64) throws -> Found {
        let recovered = try JournalOpener(
            directory: directory, disk: disk, segmentBytes: 2_048,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ).open(
            eventsSince: 0,
            hooks: JournalHooks(wall: { 1_777_000_000_000 }, monotonic: { MonotonicTime(nanoseconds: 0) }),
            visit: { _, _ in })
        var events: Set<UInt64> = []
        for sequence in 1...through where try recovered.journal.event(sequence) != nil { events.insert(sequence) }
        let lane = recovered.state.lanes[1]
        let pending = events.filter { sequence in
            lane.map { $0.open[sequence] != nil || sequence >= $0.cursor } ?? false
        }
        return Found(events: events, pending: pending, recovered: recovered)
    }

    /// Runs the script. Errors are what it is for: it goes on.
    func run() throws {
        let clock = clock
        let journal = try JournalOpener(
            directory: Self.directory, disk: disk, segmentBytes: 2_048,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ).open(
            eventsSince: 0, hooks: JournalHooks(wall: { clock.wall }, monotonic: { clock.now }), visit: { _, _ in }
        ).journal
        self.journal = journal
        for sequence in 1...12 as ClosedRange<UInt64> { append(sequence) }
        try change(1)
        progress(settling: [1, 2, 3, 5], opening: [4], cursor: 6)
        journal.rotate()
        commit()
        checkpoint(asOf: 12, open: [4], cursor: 6)
        for sequence in 13...16 as ClosedRange<UInt64> { append(sequence) }
        progress(settling: [4, 6, 7, 8, 9], opening: [10], cursor: 11)
        makeRoom(needing: [10], cursor: 11)
        try change(2)
        for sequence in 17...20 as ClosedRange<UInt64> { append(sequence) }
        journal.rotate()
        commit()
        checkpoint(asOf: 20, open: [10], cursor: 11)
        rewrite(keeping: [10], cursor: 11)
        progress(settling: [11, 12], opening: [13, 14], cursor: 15)
        try change(3)
        for sequence in 21...22 as ClosedRange<UInt64> { append(sequence) }
        journal.close()
        journal.run()
    }

    private func commit() {
        clock.advance(by: Limits.journalRetryTime)
        journal?.commitWaiting()
    }

    private func submit(_ buffer: RecordBuffer, _ kind: JournalBatch.Kind, lastSequence: UInt64 = 0) -> Bool {
        let answer = Answer()
        journal?.submit(
            JournalBatch(buffer, kind: kind, lastSequence: lastSequence) { result in
                if case .success = result { answer.isYes = true }
            })
        commit()
        // What was refused before can't come back from here on.
        if answer.isYes {
            refused.formUnion(doubtful)
            doubtful = []
            maybeSettled = []
        }
        return answer.isYes
    }

    private final class Answer: @unchecked Sendable {
        // One thread uses it.
        var isYes = false
    }

    private func append(_ sequence: UInt64) {
        let buffer = RecordBuffer()
        Self.appendEvent(sequence, to: buffer)
        if submit(buffer, .events, lastSequence: sequence) {
            confirmed.insert(sequence)
        } else {
            doubtful.insert(sequence)
        }
    }

    private func progress(settling: [UInt64], opening: [UInt64], cursor: UInt64) {
        // Of events that are not there nothing can be told; what was refused before is told again.
        let settling = unsaved.settling + settling.filter { confirmed.contains($0) }
        let opening = unsaved.opening.filter { !settling.contains($0) } + opening.filter { confirmed.contains($0) }
        let buffer = RecordBuffer()
        ProgressRecord.make(1, cursor: cursor, LaneProgress.make(settling: settling, opening: opening))
            .append(to: buffer, sequence: confirmed.max() ?? 0)
        maybeSettled.formUnion(settling)
        if submit(buffer, .records) {
            settled.formUnion(settling)
            unsaved = ([], [])
        } else {
            unsaved = (settling, opening)
        }
    }

    /// What was refused of progress.
    private var unsaved: (settling: [UInt64], opening: [UInt64]) = ([], [])
    /// What builds upon progress is left out then.
    private var isBehind: Bool { !unsaved.settling.isEmpty || !unsaved.opening.isEmpty }

    private func change(_ revision: UInt64) throws {
        let buffer = RecordBuffer()
        let start = buffer.beginRecord(.registration, sequence: 0)
        let change = RegistrationChange(revision: revision, kind: try kind(revision))
        // A change can always be encoded.
        buffer.append([UInt8]((try? JSONEncoder().encode(change)) ?? Data()))
        buffer.endRecord(at: start)
        _ = submit(buffer, .records)
    }

    private func checkpoint(asOf: UInt64, open: [UInt64], cursor: UInt64) {
        guard !isBehind else { return }
        var lane = LaneState(cursor: cursor)
        for sequence in open where confirmed.contains(sequence) {
            lane.open[sequence] = LaneState.Open(attempts: 1, nextAt: 0, bytes: 60)
        }
        lane.pending = confirmed.subtracting(settled).count
        let buffer = RecordBuffer()
        CheckpointRecord.append(
            number: asOf, asOf: confirmed.max() ?? 0, revision: 0, madeAt: clock.wall, floor: journal?.floor ?? 0,
            lanes: [1: lane], to: buffer)
        _ = submit(buffer, .checkpoint)
    }

    private func terms(_ needed: [UInt64], _ cursor: UInt64) -> Housekeeping.Terms {
        Housekeeping.Terms(
            needs: JournalNeeds(lanes: [1: .init(cursor: cursor, open: needed)]),
            checkpointOrdinal: journal?.checkpointOrdinal ?? 0, keptSince: .max, maxBytes: 1 << 40, savedRevision: 0)
    }

    private func makeRoom(needing needed: [UInt64], cursor: UInt64) {
        guard !isBehind, let journal else { return }
        dropped.formUnion(confirmed.filter { $0 < cursor && !needed.contains($0) })
        let answer = Answer()
        // A failure is what the script is for.
        _ = try? Housekeeping(journal: journal).makeRoom(terms(needed, cursor)) { ordinal in
            answer.isYes = false
            journal.publishFloor(ordinal) { result in if case .success = result { answer.isYes = true } }
            commit()
            return answer.isYes
        }
    }

    private func rewrite(keeping needed: [UInt64], cursor: UInt64) {
        guard !isBehind, let journal else { return }
        let old = journal.allSegments.filter { $0.header.throughOrdinal < journal.checkpointOrdinal }
        guard let first = old.first, let last = old.last else { return }
        dropped.formUnion(confirmed.filter { $0 < cursor && !needed.contains($0) })
        let needs = terms(needed, cursor).needs
        // As above.
        _ = try? journal.rewrite(
            first.header.ordinal...last.header.throughOrdinal, keeping: .init(savedRevision: 0) { needs.needs($0) })
    }

    /// What is wrong with what a start has found; nil: nothing.
    func fault(in found: Found) -> String? {
        let lost = confirmed.subtracting(dropped).subtracting(found.events)
        if !lost.isEmpty { return "events \(lost.sorted()) are lost" }
        let back = found.events.intersection(refused)
        if !back.isEmpty { return "events \(back.sorted()) were refused, and are back" }
        let forgotten = confirmed.subtracting(settled).subtracting(maybeSettled).subtracting(found.pending)
        if !forgotten.isEmpty { return "deliveries \(forgotten.sorted()) are forgotten" }
        let again = found.pending.intersection(settled)
        if !again.isEmpty { return "deliveries \(again.sorted()) are settled, and pending again" }
        return nil
    }

    private static func appendEvent(_ sequence: UInt64, to buffer: RecordBuffer) {
        func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) { Array(text.utf8).withUnsafeBytes(body) }
        bytes("job.closed") { type in
            bytes("2026-05-02T14:32:10.000Z") { timestamp in
                bytes("t") { tenant in
                    bytes("{\"n\":\(sequence)}") { data in
                        EventRecord.append(
                            EventRecord.Parts(
                                sequence: sequence, acceptedAt: 1_777_000_000_000,
                                producer: PeerIdentity(uid: 1, gid: 2, pid: 3), type: type, timestamp: timestamp,
                                isProducersTimestamp: false, tenant: tenant,
                                id: UnsafeRawBufferPointer(start: nil, count: 0), data: data,
                                webhooks: [MatchedWebhook(number: 1, takesDeliveries: true)]), to: buffer)
                    }
                }
            }
        }
    }
}
