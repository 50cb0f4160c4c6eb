import Cryptography
import FoundationEssentials
import Ingest
import Logging
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
    private var table: RegistrationTable
    private var unsaved: [RegistrationChange]
    private let journal: Journal
    private let snapshot: RegistrationSnapshot
    private let pump: PumpHandle
    private let ingest: IngestLoop
    private let threads: NIOThreadPool
    private let logger: Logger
    private let published: Mutex<RegistrationTable>
    private let saved: Mutex<UInt64>
    private var targetSettings: TargetSettings
    private let tasks: JournalTasks
    private let turnstile = Turnstile()
    private let events: AsyncStream<Event>
    private let eventSink: AsyncStream<Event>.Continuation

    private enum Event: Sendable {
        case changed
        case rotated
    }

    init(
        table: RegistrationTable, savedRevision: UInt64, unsaved: [RegistrationChange], journal: Journal,
        snapshot: RegistrationSnapshot, pump: PumpHandle, ingest: IngestLoop, tasks: JournalTasks,
        threads: NIOThreadPool, targetSettings: TargetSettings, logger: Logger
    ) {
        self.table = table
        self.unsaved = unsaved
        self.journal = journal
        self.snapshot = snapshot
        self.pump = pump
        self.ingest = ingest
        self.tasks = tasks
        self.threads = threads
        self.targetSettings = targetSettings
        self.logger = logger
        published = Mutex(table)
        saved = Mutex(savedRevision)
        (events, eventSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(64))
        if !unsaved.isEmpty { eventSink.yield(.changed) }
    }

    /// The table as it is in force, for readers.
    nonisolated var current: RegistrationTable { published.withLock { $0 } }

    /// Changes up to this revision are in the snapshot on disk.
    nonisolated var savedRevision: UInt64 { saved.withLock { $0 } }

    /// A segment of the journal has been begun.
    nonisolated func noteRotation() { eventSink.yield(.rotated) }

    // MARK: Changes

    func create(_ draft: WebhookDraft) async throws(AdministrationError) -> Webhook {
        await turnstile.enter()
        defer { turnstile.leave() }
        guard table.webhooks.count < Limits.webhooks else {
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
        guard await pump.ask({ $0.scheduler.isDisabling(number) }), var webhook = table.webhooks[number] else { return }
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

    private func find(id: String, tenant: String?) throws(AdministrationError) -> Webhook {
        guard let webhook = table.webhook(id: id), tenant == nil || tenant == webhook.tenant else { throw .notFound }
        return webhook
    }

    /// Makes a change durable and puts it in force: the pump knows a webhook before the first event for it comes.
    private func commit(_ kind: RegistrationChange.Kind) async throws(AdministrationError) {
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
        }
        publish()
        eventSink.yield(.changed)
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
            buffer.append([UInt8](try JSONEncoder().encode(change)))
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
        for await event in events {
            switch event {
            case .rotated:
                await checkpoint()
                // If it could not be written when they were made.
                await save()
            case .changed:
                guard unsaved.last.map({ $0.revision <= table.revision }) == true else { continue }
                await save()
            }
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

    /// Writes the table as it is now.
    func save() async {
        let table = table
        guard !unsaved.isEmpty else { return }
        let snapshot = snapshot
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
        let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        return prefix + String(SecureBytes.random(26).map { alphabet[Int($0 & 31)] })
    }
}
