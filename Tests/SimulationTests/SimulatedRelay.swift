import Logging
import RelayCore
import Storage

/// One life of a relay's process: the real parts, with a glue of the same order of steps as the real one, done when the
/// simulation says.
final class SimulatedRelay {
    static let directory = "/state/journal"
    static let state = "/state"

    let simulation: Simulation
    let journal: Journal
    let housekeeping: Housekeeping
    let snapshot: RegistrationSnapshot
    var oracle: Oracle { simulation.oracle }
    var clock: SimulatedClock { simulation.clock }

    // The listener.
    var intake: EventIntake
    let ingestInbox = Inbox()
    var current = Round()
    var rounds: [Round] = []
    var lost: [Range<UInt64>] = []

    // The pump.
    var scheduler: DeliveryScheduler
    let pumpInbox = Inbox()
    var saving = Saving()
    var flights: [Flight] = []
    var lookUps: [() -> Void] = []
    var begun: [WebhookNumber: UInt64] = [:]
    var isStopped = false
    /// What is under way, from the decision to its outcome.
    var flying: [WebhookNumber: Set<UInt64>] = [:]

    // The registrar.
    var registrations: Registrations
    /// As the listener has it.
    var registrationsInForce: RegistrationTable
    let registrarInbox = Inbox()

    // The keeper.
    var keeper = Keeper()

    /// What is to be done at a time.
    var timers: [(due: MonotonicTime, body: () -> Void)] = []

    struct Saving {
        var due: MonotonicTime?
        var inFlight = 0
        var checkpoints: UInt64 = 0
        var askers: [(JournalNeeds?) -> Void] = []
        /// Whether the last save has failed.
        var hasFailed = false
    }

    struct Flight {
        let attempt: DeliveryScheduler.Attempt
        let acceptedAt: Int64
        let outcome: AttemptOutcome
        let due: MonotonicTime
    }

    struct Registrations {
        enum Event { case changed, rotated }

        var table: RegistrationTable
        var unsaved: [RegistrationChange]
        var savedRevision: UInt64
        var events: [Event] = [.rotated]
        var isBusy = false
        var isChanging = false
    }

    struct Keeper {
        var isWished = true
        var isWaiting = false
        var terms: Housekeeping.Terms?
        var indices: [SegmentIndex] = []
        var isTight = false
    }

    /// Finds what was there before, as a start does.
    init(_ simulation: Simulation) throws {
        self.simulation = simulation
        let clock = simulation.clock
        let terms = simulation.terms
        let disk = simulation.disk
        snapshot = RegistrationSnapshot(stateDirectory: Self.state, disk: disk)
        var duplicates = DuplicateIndex(maxCount: 1_000_000)
        let rotations = Inbox()
        let since = clock.wall - terms.dedupeWindow.milliseconds
        let recovered = try JournalOpener(
            directory: Self.directory, disk: disk, segmentBytes: terms.segmentBytes, logger: simulation.logger
        ).open(
            eventsSince: since,
            hooks: JournalHooks(
                wall: { clock.wall }, monotonic: { clock.now }, onRotation: { rotations.post {} },
                onFailure: { _ in }),
            visit: { event, journal in
                guard let fingerprint = event.fingerprint(in: journal) else { return }
                duplicates.insert(fingerprint, sequence: event.sequence)
            })
        journal = recovered.journal
        let indices = journal.indices(since: since)
        duplicates.hasUncovered = !indices.isEmpty
        let (table, saved) = try Self.table(snapshot, recovered)
        registrations = Registrations(
            table: table, unsaved: recovered.changes.filter { $0.revision > saved }, savedRevision: saved)
        registrationsInForce = table
        if !registrations.unsaved.isEmpty { registrations.events.insert(.changed, at: 0) }
        scheduler = DeliveryScheduler(
            settings: .init(
                maxInFlight: 24, maxInFlightPerWebhook: 4, timeout: .seconds(5),
                retry: RetryPolicy(
                    schedule: [.seconds(1), .seconds(5), .seconds(30), .seconds(120)], maxAge: .seconds(3600)),
                backlogBytesPerWebhook: terms.backlogBytes), seen: recovered.state.lastSequence)
        intake = EventIntake(
            table: table, duplicates: duplicates, dedupeWindow: terms.dedupeWindow.milliseconds,
            nextSequence: recovered.state.lastSequence + 1, journal: journal.id)
        housekeeping = Housekeeping(journal: journal)
        keeper.indices = indices
        scheduler.isPaused = table.isPaused
        for webhook in table.list(tenant: nil) {
            simulation.oracle.inForce(webhook)
            scheduler.setLane(
                of: webhook, state: recovered.state.lanes[webhook.number], now: clock.now, wall: clock.wall)
        }
        self.rotations = rotations
        for damage in recovered.damage {
            if case .missing = damage { oracle.complain("segments are missing: \(damage)") }
        }
        simulation.trace?("started: \(segmentList), \(recovered.damage), \(recovered.state.lanes)")
        disk.isObserved = true
        oracle.restarted(journal, recovered.state, table)
        disk.isObserved = false
    }

    /// Segments that were begun since the last look.
    let rotations: Inbox

    private static func table(
        _ snapshot: RegistrationSnapshot, _ recovered: RecoveredJournal
    ) throws -> (RegistrationTable, saved: UInt64) {
        var table = try snapshot.read(catalogue: EventCatalogue()) ?? RegistrationTable(catalogue: EventCatalogue())
        let saved = table.revision
        for change in recovered.changes where change.revision > table.revision {
            guard change.revision == table.revision + 1 else { break }
            table.apply(change)
        }
        let newest = max(recovered.state.revision, recovered.changes.last?.revision ?? 0)
        guard table.revision >= newest else {
            throw StorageRefusal(
                path: snapshot.path,
                reason: "the journal knows \(newest) changes, file and journal together \(table.revision)")
        }
        return (table, saved)
    }

    func submit(
        _ buffer: RecordBuffer, _ kind: JournalBatch.Kind, lastSequence: UInt64 = 0, to inbox: Inbox?,
        _ completion: @escaping (Result<Void, JournalFailure>) -> Void
    ) -> Bool {
        let completion = Completion(oracle: oracle, inbox: inbox, body: completion)
        return journal.submit(
            JournalBatch(buffer, kind: kind, lastSequence: lastSequence) { result in completion.call(result) })
    }

    /// Carries an answer from the journal's thread to the part that waits for it.
    private final class Completion: @unchecked Sendable {
        // One thread uses it.
        let oracle: Oracle
        /// Nil: it is heard on the journal's thread itself.
        let inbox: Inbox?
        let body: (Result<Void, JournalFailure>) -> Void

        init(oracle: Oracle, inbox: Inbox?, body: @escaping (Result<Void, JournalFailure>) -> Void) {
            self.oracle = oracle
            self.inbox = inbox
            self.body = body
        }

        func call(_ result: Result<Void, JournalFailure>) {
            if case .success = result { oracle.commits += 1 }
            guard let inbox else { return body(result) }
            inbox.post { [body] in body(result) }
        }
    }

    /// The journal's thread has a turn.
    func commit() {
        journal.commitWaiting()
        rotations.drain {
            registrations.events.append(.rotated)
            oracle.tally["segments", default: 0] += 1
        }
    }

    func fireTimers() {
        let now = clock.now
        let due = timers.filter { $0.due <= now }
        timers.removeAll { $0.due <= now }
        for timer in due { timer.body() }
    }
}
