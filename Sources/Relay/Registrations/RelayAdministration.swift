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
    let board: HealthBoard
    let damage: [RelayMetrics.Damage: Int]
    /// How long the journal's syncs take.
    let syncs: SharedHistogram
    /// Where long reads of the journal take turns: never in the way of a lane's.
    private let scans: NIOThreadPool
    let followers: EventFollowers
    let startedAt = Clock.wall()
    private let state: Mutex<State>
    /// The oldest event that was pending at the last look, and when it was accepted.
    let oldestKnown = Mutex<(sequence: UInt64, acceptedAt: Int64)?>(nil)

    /// What is known of the past only to those who look.
    let standing = Mutex(StandingState())

    private struct State {
        var rules: RegistrationRules
        var isAccepting = false
        var journalMaxBytes: Int64
    }

    init(
        registrar: Registrar, pump: PumpHandle, ingest: IngestLoop, journal: Journal, board: HealthBoard,
        tasks: JournalTasks, operations: OperationalEvents, damage: [JournalDamage], syncs: SharedHistogram,
        scans: NIOThreadPool, followers: EventFollowers, rules: RegistrationRules, journalMaxBytes: Int64
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
        self.followers = followers
        state = Mutex(State(rules: rules, journalMaxBytes: journalMaxBytes))
    }

    func use(_ rules: RegistrationRules) { state.withLock { $0.rules = rules } }
    func use(journalMaxBytes: Int64) { state.withLock { $0.journalMaxBytes = journalMaxBytes } }
    var journalMaxBytes: Int64 { state.withLock { $0.journalMaxBytes } }
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
        standing.withLock { $0.pausedSince = isPaused ? $0.pausedSince ?? Clock.wall() : nil }
    }

    func webhook(id: String, tenant: String?) async throws(AdministrationError) -> WebhookView {
        await view(try find(id, tenant))
    }

    func webhooks(tenant: String?, after: WebhookNumber, limit: Int) async -> [WebhookView] {
        await views(registrar.current.list(tenant: tenant, after: after, limit: limit))
    }

    func view(_ webhook: Webhook) async -> WebhookView {
        let number = webhook.number
        return WebhookView(webhook: webhook, health: await pump.ask { $0.health(of: number) })
    }

    func views(_ webhooks: [Webhook]) async -> [WebhookView] {
        await pump.ask { pump in
            webhooks.map { WebhookView(webhook: $0, health: pump.health(of: $0.number)) }
        }
    }
}
