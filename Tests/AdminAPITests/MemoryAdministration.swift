import RelayCore
import Synchronization

/// A relay's registrations without the relay: a real table in memory.
final class MemoryAdministration: Administration {
    struct State {
        var table: RegistrationTable
        var status = RelayStatus()
        var metrics = RelayMetrics()
        /// For each event id the tenants that have one.
        var events: [String: [String]] = [:]
        /// What is known of those that can be shown, by id and tenant.
        var views: [EventView] = []
        /// What those who follow are told, each in turn, and how they end.
        var followed: [Followed] = []
        var follows: [FollowChoice] = []
        var isFollowingOver = false
        var tasks: [JournalTask] = []
        /// What was asked, and what is answered.
        var queries: [DeliveryQuery] = []
        var replays: [ReplayRequest] = []
        var tests: [TestDelivery] = []
        var testOutcome = AttemptOutcome(.delivered, status: 204, duration: .milliseconds(12))
        var page = DeliveryPage()
        /// Tasks with lower numbers are done and forgotten.
        var forgottenTasks: UInt64 = 0
        /// What every change fails with.
        var failure: AdministrationError?
        /// Create calls that have come in.
        var begun = 0
        var health: [String: WebhookHealth] = [:]
        var now: Int64 = 1_777_732_330_000
    }

    /// Changes wait for this long before they are done.
    let delay: Duration
    private let state: Mutex<State>
    private let registrationRules: RegistrationRules

    init(rules: RegistrationRules = .forTests(), delay: Duration = .zero) {
        self.delay = delay
        registrationRules = rules
        state = Mutex(State(table: RegistrationTable(catalogue: rules.catalogue)))
    }

    func edit<Answer: Sendable>(_ change: (inout sending State) -> sending Answer) -> Answer {
        state.withLock(change)
    }

    func rules() -> RegistrationRules { registrationRules }

    func isReady() -> Bool { state.withLock { $0.status.isReady } }

    // MARK: Events and tasks

    func event(id: String, tenant: String?) async throws(AdministrationError) -> EventView {
        try change { (state) throws(AdministrationError) in
            let views = state.views.filter { $0.id == id && (tenant == nil || $0.tenant == tenant) }
            guard views.count <= 1 else { throw .ambiguous(tenants: views.map(\.tenant)) }
            guard let view = views.first else { throw .noEvent }
            return view
        }
    }

    func follow(_ choice: FollowChoice) async throws(AdministrationError) -> AsyncStream<Followed> {
        try change { state in state.follows.append(choice) }
        return AsyncStream { [self] in
            while true {
                let (next, isOver) = edit { state in
                    (state.followed.isEmpty ? nil : state.followed.removeFirst(), state.isFollowingOver)
                }
                if let next { return next }
                if isOver { return nil }
                // Cancelled, it finds out above.
                try? await Task.sleep(for: .milliseconds(5))
                if Task.isCancelled { return nil }
            }
        }
    }

    func endFollowing() { edit { $0.isFollowingOver = true } }

    func eraseEvent(id: String, tenant: String?) async throws(AdministrationError) -> JournalTask {
        try change { (state) throws(AdministrationError) in
            let tenants = (state.events[id] ?? []).filter { tenant == nil || $0 == tenant }
            guard tenants.count <= 1 else { throw .ambiguous(tenants: tenants) }
            guard let tenant = tenants.first else { throw .noEvent }
            return state.begin(.eraseEvent(JournalTask.EraseEvent(tenant: tenant, id: id, sequences: [1])))
        }
    }

    func eraseEvents(ofTenant tenant: String) async throws(AdministrationError) -> JournalTask {
        try change { state in
            state.begin(.eraseTenant(JournalTask.EraseTenant(tenant: tenant, through: 9)))
        }
    }

    func deliveries(
        of id: String, tenant: String?, _ query: DeliveryQuery
    ) async throws(AdministrationError) -> DeliveryPage {
        try change { (state) throws(AdministrationError) in
            _ = try state.find(id, tenant)
            state.queries.append(query)
            return state.page
        }
    }

    func replay(
        webhook id: String, tenant: String?, _ request: ReplayRequest
    ) async throws(AdministrationError) -> ReplayAnswer {
        try change { (state) throws(AdministrationError) in
            let webhook = try state.find(id, tenant)
            state.replays.append(request)
            if request.isDryRun { return ReplayAnswer(count: 3, isExact: false, task: nil) }
            let replay = JournalTask.Replay(
                webhook: webhook.number, id: webhook.id, tenant: webhook.tenant, status: request.status,
                since: request.since,
                until: request.until, next: 1, through: 9)
            return ReplayAnswer(count: 3, task: state.begin(.replay(replay)))
        }
    }

    func replay(
        event id: String, tenant: String?, webhook: String?
    ) async throws(AdministrationError) -> ReplayAnswer {
        try change { (state) throws(AdministrationError) in
            let owners = (state.events[id] ?? []).filter { tenant == nil || $0 == tenant }
            guard let owner = owners.first else { throw .noEvent }
            var numbers: [WebhookNumber] = [1, 2]
            if let webhook { numbers = [try state.find(webhook, tenant).number] }
            let replay = JournalTask.ReplayEvent(id: id, tenant: owner, sequence: 1, webhooks: numbers)
            return ReplayAnswer(count: numbers.count, task: state.begin(.replayEvent(replay)))
        }
    }

    func test(
        webhook id: String, tenant: String?, _ delivery: TestDelivery
    ) async throws(AdministrationError) -> TestDelivery.Report {
        try change { (state) throws(AdministrationError) in
            _ = try state.find(id, tenant)
            state.tests.append(delivery)
            return TestDelivery.Report(eventID: "test_1", at: 1_777_732_330_000, outcome: state.testOutcome)
        }
    }

    func task(_ number: UInt64, tenant: String?) async throws(AdministrationError) -> TaskState {
        try look { (state) throws(AdministrationError) in
            if let task = state.tasks.first(where: { $0.number == number }) {
                guard tenant == nil || task.tenant == tenant else { throw .noTask }
                return .known(task)
            }
            guard tenant == nil, number > 0, number <= state.forgottenTasks else { throw .noTask }
            return .finishedBefore
        }
    }

    func tasks(tenant: String?) async -> [JournalTask] {
        state.withLock { $0.tasks.reversed().filter { tenant == nil || $0.tenant == tenant } }
    }

    // MARK: Keys

    func key(_ text: String) -> APIKey? {
        state.withLock { state in APIKeyText.id(of: text).flatMap { state.table.key(id: $0) } }
            .flatMap { $0.digest == text ? $0 : nil }
    }

    /// The digest is the text itself: how keys are told apart is not this double's business.
    func createKey(_ draft: APIKeyDraft) async throws(AdministrationError) -> (key: APIKey, text: String) {
        try change { state in
            let number = UInt32(state.table.keyList.count + 1)
            let random = String(repeating: "0", count: 24) + "\(number + 10)"
            let text = "hlk_\(random)_\(String(repeating: "S", count: 52))"
            let key = APIKey(
                number: number, id: "key_\(random)", digest: text, tenant: draft.tenant, summary: draft.summary,
                createdAt: state.now)
            state.table.apply(RegistrationChange(revision: state.table.revision + 1, kind: .putKey(key)))
            return (key, text)
        }
    }

    func key(withID id: String) async throws(AdministrationError) -> APIKey {
        guard let key = state.withLock({ $0.table.key(id: id) }) else { throw .noKey }
        return key
    }

    func removeKey(id: String) async throws(AdministrationError) {
        try change { (state) throws(AdministrationError) in
            guard state.table.key(id: id) != nil else { throw .noKey }
            state.table.apply(RegistrationChange(revision: state.table.revision + 1, kind: .removeKey(id)))
        }
    }

    func keys(after: UInt32, limit: Int) async -> [APIKey] {
        state.withLock { Array($0.table.keyList.drop { $0.number <= after }.prefix(limit)) }
    }

    func status() async -> RelayStatus { state.withLock { $0.status } }

    func metrics() async -> RelayMetrics { state.withLock { $0.metrics } }

    func create(_ draft: WebhookDraft) async throws(AdministrationError) -> Webhook {
        state.withLock { $0.begun += 1 }
        await pause()
        return try change { (state) throws(AdministrationError) in
            let number = state.table.nextNumber
            var webhook = Webhook(
                number: number, id: "wh_\(number)", tenant: draft.tenant, url: draft.url, patterns: draft.patterns,
                secret: draft.secret?.text ?? WebhookSecret(randomBytes: [UInt8](repeating: 7, count: 32)).text,
                summary: draft.summary, headers: draft.headers, settings: draft.settings, createdAt: state.now,
                madeByAdministrator: draft.madeByAdministrator)
            if !draft.isActive { webhook.state = .paused }
            state.put(webhook)
            return webhook
        }
    }

    func change(
        id: String, tenant: String?, _ patch: WebhookPatch
    ) async throws(AdministrationError) -> WebhookView {
        try change { (state) throws(AdministrationError) in
            var webhook = try state.find(id, tenant)
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
            webhook.updatedAt = state.now + 1000
            state.put(webhook)
            return WebhookView(webhook: webhook, health: state.health[id] ?? WebhookHealth())
        }
    }

    func rotateSecret(
        of id: String, tenant: String?, _ rotation: SecretRotation
    ) async throws(AdministrationError) -> WebhookView {
        try change { (state) throws(AdministrationError) in
            let current = try state.find(id, tenant)
            let secret = rotation.secret ?? WebhookSecret(randomBytes: [UInt8](repeating: 8, count: 32))
            guard let webhook = current.rotated(to: secret, grace: rotation.grace, at: state.now) else {
                throw .conflict("the same")
            }
            state.put(webhook)
            return WebhookView(webhook: webhook, health: state.health[id] ?? WebhookHealth())
        }
    }

    func remove(id: String, tenant: String?) async throws(AdministrationError) {
        try change { (state) throws(AdministrationError) in
            let webhook = try state.find(id, tenant)
            state.table.apply(
                RegistrationChange(revision: state.table.revision + 1, kind: .remove(webhook.number)))
        }
    }

    func setPaused(_ isPaused: Bool) async throws(AdministrationError) {
        try change { state in
            state.status.isPaused = isPaused
        }
    }

    func webhook(id: String, tenant: String?) async throws(AdministrationError) -> WebhookView {
        try look { (state) throws(AdministrationError) in
            WebhookView(webhook: try state.find(id, tenant), health: state.health[id] ?? WebhookHealth())
        }
    }

    func webhooks(tenant: String?, after: WebhookNumber, limit: Int) async -> [WebhookView] {
        state.withLock { state in
            state.table.list(tenant: tenant).filter { $0.number > after }.prefix(limit).map {
                WebhookView(webhook: $0, health: state.health[$0.id] ?? WebhookHealth())
            }
        }
    }

    func webhooks(
        tenant: String?, by order: WebhookOrder, after: WebhookNumber, from offset: Int, limit: Int
    ) async -> [WebhookView] {
        state.withLock { state in
            let all = state.table.list(tenant: tenant).filter { $0.number > after }
            let standings = all.map { webhook in
                let health = state.health[webhook.id] ?? WebhookHealth()
                var standing = WebhookStanding(number: webhook.number)
                standing.pending = health.pending
                standing.consecutiveFailures = health.consecutiveFailures
                standing.delivered = health.delivered
                standing.lastFailureAt = health.lastFailureAt
                return standing
            }
            return order.ranked(standings).dropFirst(offset).prefix(limit).compactMap { number in
                all.first { $0.number == number }.map {
                    WebhookView(webhook: $0, health: state.health[$0.id] ?? WebhookHealth())
                }
            }
        }
    }

    /// Not interrupted by a cancellation: a change that has begun is done.
    private func pause() async {
        let end = ContinuousClock.now + delay
        while ContinuousClock.now < end { await Task.yield() }
    }

    private func change<Answer: Sendable>(
        _ body: (inout State) throws(AdministrationError) -> Answer
    ) throws(AdministrationError) -> Answer {
        try look { (state) throws(AdministrationError) in
            if let failure = state.failure { throw failure }
            return try body(&state)
        }
    }

    private func look<Answer: Sendable>(
        _ body: (inout State) throws(AdministrationError) -> Answer
    ) throws(AdministrationError) -> Answer {
        let result: Result<Answer, AdministrationError> = state.withLock { state in
            do throws(AdministrationError) {
                return .success(try body(&state))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

extension MemoryAdministration.State {
    mutating func put(_ webhook: Webhook) {
        table.apply(RegistrationChange(revision: table.revision + 1, kind: .put(webhook)))
    }

    mutating func begin(_ kind: JournalTask.Kind) -> JournalTask {
        let task = JournalTask(number: forgottenTasks + UInt64(tasks.count) + 1, madeAt: now, kind: kind)
        tasks.append(task)
        return task
    }

    func find(_ id: String, _ tenant: String?) throws(AdministrationError) -> Webhook {
        guard let webhook = table.webhook(id: id), tenant == nil || tenant == webhook.tenant else { throw .notFound }
        return webhook
    }
}

extension RegistrationRules {
    /// Plain http and private addresses are refused, but for 127.0.0.1:8080.
    static func forTests(extra: [String] = []) -> RegistrationRules {
        let loopback = AddressRange(around: .v4(0x7F00_0001), prefixLength: 32)
        return RegistrationRules(
            catalogue: EventCatalogue(extra: extra),
            egress: AddressPolicy(allow: [EgressRule(range: loopback, port: 8080)], requireHTTPS: true),
            signatureHeader: "X-Signature")
    }
}

extension Caller {
    static let administrator = Caller(.host, .unknown)
}
