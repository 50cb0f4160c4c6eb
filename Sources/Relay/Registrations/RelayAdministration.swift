import Glibc
import Ingest
import NIOPosix
import RelayCore
import Storage
import Synchronization

/// The administrators' view of the running relay.
final class RelayAdministration: Administration {
    let registrar: Registrar
    let pump: PumpHandle
    let ingest: IngestLoop
    let journal: Journal
    let journalTasks: JournalTasks
    let operations: OperationalEvents
    private let board: HealthBoard
    let damage: [RelayMetrics.Damage: Int]
    /// How long the journal's syncs take.
    let syncs: SharedHistogram
    /// Where long reads of the journal take turns: never in the way of a lane's.
    private let scans: NIOThreadPool
    let startedAt = Clock.wall()
    private let state: Mutex<State>
    /// The oldest event that was pending at the last look, and when it was accepted.
    let oldestKnown = Mutex<(sequence: UInt64, acceptedAt: Int64)?>(nil)

    private struct State {
        var rules: RegistrationRules
        var isAccepting = false
    }

    init(
        registrar: Registrar, pump: PumpHandle, ingest: IngestLoop, journal: Journal, board: HealthBoard,
        tasks: JournalTasks, operations: OperationalEvents, damage: [JournalDamage], syncs: SharedHistogram,
        scans: NIOThreadPool,
        rules: RegistrationRules
    ) {
        self.board = board
        self.registrar = registrar
        self.pump = pump
        self.ingest = ingest
        self.journal = journal
        journalTasks = tasks
        self.operations = operations
        self.damage = damage.counts
        self.syncs = syncs
        self.scans = scans
        state = Mutex(State(rules: rules))
    }

    func use(_ rules: RegistrationRules) { state.withLock { $0.rules = rules } }
    func setAccepting(_ isAccepting: Bool) { state.withLock { $0.isAccepting = isAccepting } }

    /// Runs something that reads a lot; nil if the relay is stopping.
    func onScanThread<Answer: Sendable>(_ body: @escaping @Sendable () -> Answer) async -> Answer? {
        // The pool refuses work only when it is shut down.
        try? await scans.runIfActive(body)
    }

    /// Has something that reads a lot done, soon; not at all if the relay is stopping.
    func onScanThread(_ body: @escaping @Sendable () -> Void) {
        scans.submit { state in
            if state == .active { body() }
        }
    }

    // MARK: Administration

    func rules() -> RegistrationRules { state.withLock { $0.rules } }

    func isReady() -> Bool { board.trouble == nil && state.withLock { $0.isAccepting } }

    func create(_ draft: WebhookDraft) async throws(AdministrationError) -> Webhook {
        try await registrar.create(draft)
    }

    func change(
        id: String, tenant: String?, _ patch: WebhookPatch
    ) async throws(AdministrationError) -> WebhookView {
        await view(try await registrar.change(id: id, tenant: tenant, patch))
    }

    func remove(id: String, tenant: String?) async throws(AdministrationError) {
        try await registrar.remove(id: id, tenant: tenant)
    }

    func setPaused(_ isPaused: Bool) async throws(AdministrationError) {
        try await registrar.setPaused(isPaused)
    }

    func webhook(id: String, tenant: String?) async throws(AdministrationError) -> WebhookView {
        await view(try find(id, tenant))
    }

    func webhooks(tenant: String?, after: WebhookNumber, limit: Int) async -> [WebhookView] {
        let page = Array(registrar.current.list(tenant: tenant).drop { $0.number <= after }.prefix(limit))
        return await views(page)
    }

    private func view(_ webhook: Webhook) async -> WebhookView {
        let number = webhook.number
        return WebhookView(webhook: webhook, health: await pump.ask { $0.health(of: number) })
    }

    private func views(_ webhooks: [Webhook]) async -> [WebhookView] {
        await pump.ask { pump in
            webhooks.map { WebhookView(webhook: $0, health: pump.health(of: $0.number)) }
        }
    }

    func status() async -> RelayStatus {
        var status = RelayStatus()
        status.version = HooklineVersion.text
        status.pid = getpid()
        status.startedAt = startedAt
        status.trouble = board.trouble
        status.isReady = isReady()
        let intake = ingest.statistics
        status.connections = intake.connections
        status.accepted = intake.acceptedTotal
        status.duplicates = intake.duplicates
        status.refused = intake.refusedTotal
        status.blankLines = intake.blankLines
        let delivery = await pump.ask { $0.statistics }
        status.pending = delivery.pending
        status.inFlight = delivery.inFlight
        status.delivered = delivery.counters.delivered
        status.givenUp = delivery.counters.givenUp
        status.failedAttempts = delivery.counters.failedAttempts
        status.journalBytes = journal.bytes
        status.journalSegments = journal.allSegments.count
        status.damagedRecords = damage.values.reduce(0, +)
        let table = registrar.current
        status.isPaused = table.isPaused
        let all = await views(table.list(tenant: nil))
        for view in all {
            switch view.webhook.state {
            case .active: status.active += 1
            case .paused: status.paused += 1
            case .disabled: status.disabled += 1
            }
        }
        status.failing = Array(
            all.filter { $0.health.consecutiveFailures > 0 }
                .sorted { $0.health.consecutiveFailures > $1.health.consecutiveFailures }.prefix(10))
        return status
    }
}
