import Glibc
import Ingest
import RelayCore
import Storage
import Synchronization

/// The administrators' view of the running relay.
final class RelayAdministration: Administration {
    private let registrar: Registrar
    private let pump: PumpHandle
    private let ingest: IngestLoop
    private let journal: Journal
    private let board: HealthBoard
    private let damagedRecords: Int
    private let startedAt = Clock.wall()
    private let state: Mutex<State>

    private struct State {
        var rules: RegistrationRules
        var isAccepting = false
    }

    init(
        registrar: Registrar, pump: PumpHandle, ingest: IngestLoop, journal: Journal, board: HealthBoard,
        damagedRecords: Int, rules: RegistrationRules
    ) {
        self.board = board
        self.registrar = registrar
        self.pump = pump
        self.ingest = ingest
        self.journal = journal
        self.damagedRecords = damagedRecords
        state = Mutex(State(rules: rules))
    }

    func use(_ rules: RegistrationRules) { state.withLock { $0.rules = rules } }
    func setAccepting(_ isAccepting: Bool) { state.withLock { $0.isAccepting = isAccepting } }

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

    func webhook(id: String, tenant: String?) async throws(AdministrationError) -> WebhookView {
        guard let webhook = registrar.current.webhook(id: id), tenant == nil || tenant == webhook.tenant else {
            throw .notFound
        }
        return await view(webhook)
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
        status.damagedRecords = damagedRecords
        let all = await views(registrar.current.list(tenant: nil))
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
