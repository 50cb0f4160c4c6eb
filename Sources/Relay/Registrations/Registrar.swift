import Cryptography
import Ingest
import Logging
import NIOCore
import NIOPosix
import RelayCore
import Storage
import Synchronization

/// Owns the registration table: makes each change durable, then tells everybody, then answers.
///
/// | step of a change | durable |
/// |---|---|
/// | record submitted to the journal | nothing |
/// | its commit | the change: a start finds it in the journal |
/// | pump, then listener told; call returns | the same |
/// | snapshot renamed | the change is in `registrations.json`, the record is not needed any more |
///
/// Changes come one after the other. Those that no snapshot has yet are written again together with each checkpoint, as are
/// the tasks that are not done: a start needs nothing from before its checkpoint.
actor Registrar {
    private(set) var table: RegistrationTable
    private var unsaved: [RegistrationChange]
    private let journal: Journal
    private let snapshot: RegistrationSnapshot
    private let coding: RegistrationCoding
    let pump: PumpHandle
    private let ingest: IngestLoop
    private let threads: NIOThreadPool
    let logger: Logger
    private let published: Mutex<RegistrationTable>
    private let saved: Mutex<UInt64>
    private var targetSettings: TargetSettings
    private let tasks: JournalTasks
    let turnstile = Turnstile()
    private var pace = SnapshotPace()
    /// Whether the next write is waited for.
    private var isSaveScheduled = false
    /// When old secrets are dropped, see `Registrar+Rotating.swift`.
    var graces = SecretGraces()
    /// What is to be done between changes, each once however often it was asked for.
    private let due: Mutex<Due>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    private struct Due: OptionSet {
        let rawValue: UInt8

        /// There are changes that no snapshot has.
        static let changed = Due(rawValue: 1)
        /// The rest after the last snapshot is over.
        static let rested = Due(rawValue: 2)
        static let rotated = Due(rawValue: 4)
        /// A rotation's grace is over, or may be.
        static let graceOver = Due(rawValue: 8)
    }

    init(
        table: RegistrationTable, savedRevision: UInt64, unsaved: [RegistrationChange], journal: Journal,
        snapshot: RegistrationSnapshot, coding: RegistrationCoding, pump: PumpHandle, ingest: IngestLoop,
        tasks: JournalTasks,
        threads: NIOThreadPool, targetSettings: TargetSettings, logger: Logger
    ) {
        self.table = table
        self.unsaved = unsaved
        self.journal = journal
        self.snapshot = snapshot
        self.coding = coding
        self.pump = pump
        self.ingest = ingest
        self.tasks = tasks
        self.threads = threads
        self.targetSettings = targetSettings
        self.logger = logger
        published = Mutex(table)
        saved = Mutex(savedRevision)
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        graces.begin(with: table, wall: Clock.wall(), now: Clock.monotonic())
        var first: Due = unsaved.isEmpty ? [] : .changed
        if !graces.isEmpty { first.insert(.graceOver) }
        due = Mutex(first)
        if !first.isEmpty { signal.yield() }
    }

    /// The table as it is in force, for readers.
    nonisolated var current: RegistrationTable { published.withLock { $0 } }

    /// Changes up to this revision are in the snapshot on disk.
    nonisolated var savedRevision: UInt64 { saved.withLock { $0 } }

    /// A segment of the journal has been begun.
    nonisolated func noteRotation() { note(.rotated) }

    /// Old secrets may have to go.
    nonisolated func noteGraceOver() { note(.graceOver) }

    private nonisolated func note(_ what: Due) {
        due.withLock { $0.formUnion(what) }
        signal.yield()
    }

    // MARK: Changes

    func create(_ draft: WebhookDraft) async throws(AdministrationError) -> Webhook {
        await turnstile.enter()
        defer { turnstile.leave() }
        guard table.count < Limits.webhooks else {
            throw .limit("this host has \(Limits.webhooks) webhooks, the most it may have")
        }
        guard table.count(tenant: draft.tenant) < Limits.webhooksPerTenant else {
            throw .limit("tenant \(draft.tenant) has \(Limits.webhooksPerTenant) webhooks, the most it may have")
        }
        let secret = draft.secret ?? WebhookSecret(randomBytes: SecureBytes.random(32))
        let webhook = Webhook(
            number: table.nextNumber, id: RandomID.make(prefix: "wh_"), tenant: draft.tenant, url: draft.url,
            patterns: draft.patterns, secret: secret.text, state: draft.isActive ? .active : .paused,
            summary: draft.summary, headers: draft.headers, settings: draft.settings, createdAt: Clock.wall(),
            madeByAdministrator: draft.madeByAdministrator)
        try await commit(.put(webhook))
        logger.notice(
            "webhook created",
            metadata: [
                LogMessage.key: "\(LogMessage.administration)", "webhook": "\(webhook.id)",
                "tenant": "\(webhook.tenant)", "url": "\(webhook.url.origin)",
            ])
        return webhook
    }

    func change(id: String, tenant: String?, _ patch: WebhookPatch) async throws(AdministrationError) -> Webhook {
        await turnstile.enter()
        defer { turnstile.leave() }
        var webhook = try find(id: id, tenant: tenant)
        if let url = patch.url {
            webhook.url = url
            webhook.madeByAdministrator = patch.byAdministrator
        }
        if let patterns = patch.patterns { webhook.patterns = patterns }
        if let isActive = patch.isActive { webhook.state = isActive ? .active : .paused }
        if let summary = patch.summary { webhook.summary = summary }
        if let headers = patch.headers { webhook.headers = headers }
        if let maxInFlight = patch.maxInFlight { webhook.settings.maxInFlight = maxInFlight }
        if let timeout = patch.timeout { webhook.settings.timeout = timeout }
        if let maxAge = patch.maxAge { webhook.settings.maxAge = maxAge }
        if let retrySchedule = patch.retrySchedule { webhook.settings.retrySchedule = retrySchedule }
        if let rateLimit = patch.rateLimit { webhook.settings.rateLimit = rateLimit }
        if let ordering = patch.ordering { webhook.settings.ordering = ordering }
        webhook.updatedAt = Clock.wall()
        try await commit(.put(webhook))
        logger.notice(
            "webhook changed",
            metadata: [
                LogMessage.key: "\(LogMessage.administration)", "webhook": "\(webhook.id)",
                "tenant": "\(webhook.tenant)", "state": "\(webhook.state)",
            ])
        return webhook
    }

    /// Ends a webhook whose lane has ended itself; the text says why. If it was made active anew since then, it stays so.
    func disable(_ number: WebhookNumber, reason: String) async throws(AdministrationError) {
        await turnstile.enter()
        defer { turnstile.leave() }
        guard await pump.ask({ $0.scheduler.isDisabling(number) }), var webhook = table[number] else { return }
        webhook.state = .disabled(reason: reason)
        webhook.updatedAt = Clock.wall()
        try await commit(.put(webhook))
    }

    func remove(id: String, tenant: String?) async throws(AdministrationError) {
        await turnstile.enter()
        defer { turnstile.leave() }
        let webhook = try find(id: id, tenant: tenant)
        try await commit(.remove(webhook.number))
        logger.notice(
            "webhook removed",
            metadata: [
                LogMessage.key: "\(LogMessage.administration)", "webhook": "\(webhook.id)",
                "tenant": "\(webhook.tenant)",
            ])
    }

    /// Holds all deliveries back, or lets them go on.
    func setPaused(_ isPaused: Bool) async throws(AdministrationError) {
        await turnstile.enter()
        defer { turnstile.leave() }
        guard isPaused != table.isPaused else { return }
        try await commit(.setPaused(isPaused))
        logger.notice(
            isPaused ? "all deliveries paused" : "deliveries go on",
            metadata: [LogMessage.key: "\(isPaused ? LogMessage.hostPaused : .hostResumed)"])
    }

    func find(id: String, tenant: String?) throws(AdministrationError) -> Webhook {
        guard let webhook = table.webhook(id: id), tenant == nil || tenant == webhook.tenant else { throw .notFound }
        return webhook
    }

    /// Makes a change durable and puts it in force: the pump knows a webhook before the first event for it comes.
    func commit(_ kind: RegistrationChange.Kind) async throws(AdministrationError) {
        let change = RegistrationChange(revision: table.revision + 1, kind: kind)
        let result = await submit(change)
        switch result {
        case .failure(.closed): throw .shuttingDown
        case .failure(.disk(let error)): throw .storage("the change could not be stored: \(error)")
        case .success: break
        }
        table.apply(change)
        unsaved.append(change)
        switch kind {
        case .put(let webhook): await tellPump(of: webhook)
        case .remove(let number): await pump.ask { $0.remove(number) }
        case .setPaused(let isPaused): await pump.ask { $0.setPaused(isPaused) }
        case .putKey, .removeKey: break
        }
        publish()
        note(.changed)
    }

    private func submit(_ change: RegistrationChange) async -> Result<Void, JournalFailure> {
        let buffer = RecordBuffer()
        append(change, to: buffer)
        return await withCheckedContinuation { continuation in
            let isTaken = journal.submit(JournalBatch(buffer) { continuation.resume(returning: $0) })
            if !isTaken { continuation.resume(returning: .failure(.closed)) }
        }
    }

    private func append(_ change: RegistrationChange, to buffer: RecordBuffer) {
        let start = buffer.beginRecord(.registration, sequence: 0)
        do {
            buffer.append(try coding.encode(change))
        } catch {
            preconditionFailure("a registration change can't be encoded: \(error)")
        }
        buffer.endRecord(at: start)
    }

    private func tellPump(of webhook: Webhook) async {
        let settings = targetSettings
        await pump.ask { pump in
            guard let target = settings.target(for: webhook) else { return }
            pump.set(webhook, target: target)
        }
    }

    private func publish() {
        let table = table
        published.withLock { $0 = table }
        ingest.use(table)
    }

    /// Has something done between two changes: must be quick.
    func perform(_ body: @Sendable () -> Void) async {
        await turnstile.enter()
        defer { turnstile.leave() }
        body()
    }

    // MARK: Settings

    /// Other event types or signing settings, from the next event and attempt on.
    func use(_ catalogue: EventCatalogue, _ settings: TargetSettings) async {
        await turnstile.enter()
        defer { turnstile.leave() }
        targetSettings = settings
        if catalogue != table.catalogue { table.replaceCatalogue(catalogue) }
        for webhook in table.list(tenant: nil) { await tellPump(of: webhook) }
        publish()
    }

    // MARK: Snapshots

    /// Writes snapshots and repeats unsaved changes as they become due, until it is cancelled.
    func run() async {
        for await _ in signals {
            let due = due.withLock { due in
                defer { due = [] }
                return due
            }
            if due.contains(.rotated) { await checkpoint() }
            if due.contains(.rested) { isSaveScheduled = false }
            // After a checkpoint too: they may not have been written when they were made.
            if !due.isDisjoint(with: [.changed, .rested, .rotated]) { await saveInTurn() }
            if due.contains(.graceOver) { await endGraces() }
        }
    }

    /// Writes a checkpoint, with all that a start would miss that goes on from it.
    private func checkpoint() async {
        let (revision, others) = await hold()
        await pump.ask { $0.checkpoint(revision: revision, with: others) }
        release()
    }

    /// Stops the pump, whose last word is a checkpoint.
    func stopPump() async {
        let (revision, others) = await hold()
        await pump.stop(revision: revision, with: others)
        release()
    }

    /// While a change or a task is on its way to the disk nobody knows whether it belongs to a checkpoint: none is until
    /// ``release()``.
    private func hold() async -> (revision: UInt64, others: RecordBuffer) {
        await turnstile.enter()
        let others = RecordBuffer()
        for change in unsaved { append(change, to: others) }
        let revision = table.revision
        await tasks.hold(appendingTo: others)
        return (revision, others)
    }

    private func release() {
        tasks.release()
        turnstile.leave()
    }

    /// Writes the table now, or as soon as the last write has been followed by a rest.
    private func saveInTurn() async {
        guard !unsaved.isEmpty, !isSaveScheduled else { return }
        let wait = pace.wait(at: Clock.monotonic())
        guard wait > .zero else { return await save() }
        isSaveScheduled = true
        pump.loop.scheduleTask(in: .nanoseconds(wait.nanoseconds)) { [weak self] in self?.note(.rested) }
    }

    /// Writes the table as it is now.
    func save() async {
        let table = table
        guard !unsaved.isEmpty else { return }
        let snapshot = snapshot
        let begun = Clock.monotonic()
        defer { pace.wrote(from: begun, to: Clock.monotonic()) }
        do {
            try await threads.runIfActive { try snapshot.write(table) }
            unsaved.removeAll { $0.revision <= table.revision }
            saved.withLock { $0 = table.revision }
        } catch {
            // The changes are safe in the journal; the next change or segment tries again.
            logger.error("registrations.json can't be written", metadata: ["error": "\(error)"])
        }
    }
}

/// Ids that nobody can guess: a prefix and 26 characters.
enum RandomID {
    static func make(prefix: String) -> String {
        prefix + characters(26)
    }

    /// Characters of Crockford's base 32, 5 random bits each.
    static func characters(_ count: Int) -> String {
        let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        return String(SecureBytes.random(count).map { alphabet[Int($0 & 31)] })
    }
}
