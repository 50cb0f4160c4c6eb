/// What the administrators' interfaces ask of the running relay.
///
/// A change is on disk, and in force for the next event, when its call returns.
package protocol Administration: Sendable {
    /// The event types and rules that drafts are checked against.
    func rules() -> RegistrationRules

    func create(_ draft: WebhookDraft) async throws(AdministrationError) -> Webhook
    /// Changes the fields that `patch` names; nil tenant: any.
    func change(id: String, tenant: String?, _ patch: WebhookPatch) async throws(AdministrationError) -> WebhookView
    func remove(id: String, tenant: String?) async throws(AdministrationError)
    /// Gives a webhook another secret, from the next attempt on. ``AdministrationError/conflict(_:)``: it has that one.
    func rotateSecret(
        of id: String, tenant: String?, _ rotation: SecretRotation
    ) async throws(AdministrationError) -> WebhookView

    func webhook(id: String, tenant: String?) async throws(AdministrationError) -> WebhookView
    /// Webhooks in the order of their creation, those after the one with the number `after`.
    func webhooks(tenant: String?, after: WebhookNumber, limit: Int) async -> [WebhookView]
    /// Webhooks in another order, from a place of it on; of those after the one with the number `after`.
    func webhooks(
        tenant: String?, by order: WebhookOrder, after: WebhookNumber, from offset: Int, limit: Int
    ) async -> [WebhookView]

    /// The newest event that has an id, with its whole life; nil tenant: the only one that has such events.
    func event(id: String, tenant: String?) async throws(AdministrationError) -> EventView
    /// Events as they are accepted from now on.
    func follow(_ choice: FollowChoice) async throws(AdministrationError) -> AsyncStream<Followed>
    /// Lets all who follow come to an end.
    func endFollowing()

    /// Erases all events that had an id; nil tenant: the only one that has such events.
    ///
    /// - Returns: the task that does it, once that survives a restart.
    func eraseEvent(id: String, tenant: String?) async throws(AdministrationError) -> JournalTask
    /// Erases all events that a tenant has sent up to now.
    func eraseEvents(ofTenant tenant: String) async throws(AdministrationError) -> JournalTask
    /// A webhook's deliveries, newest first.
    func deliveries(
        of id: String, tenant: String?, _ query: DeliveryQuery
    ) async throws(AdministrationError) -> DeliveryPage
    /// Delivers a webhook's events once more.
    ///
    /// - Returns: how many, and the task that does it; without one where that is all that was asked for.
    func replay(
        webhook id: String, tenant: String?, _ request: ReplayRequest
    ) async throws(AdministrationError) -> ReplayAnswer
    /// Delivers an event once more: to one webhook, or to all that it matches or matched.
    func replay(
        event id: String, tenant: String?, webhook: String?
    ) async throws(AdministrationError) -> ReplayAnswer
    /// Sends a sample to a webhook at once, past its queue, and waits for what comes of it.
    func test(
        webhook id: String, tenant: String?, _ delivery: TestDelivery
    ) async throws(AdministrationError) -> TestDelivery.Report
    /// - Parameter tenant: one of another tenant is not there; nil: any.
    func task(_ number: UInt64, tenant: String?) async throws(AdministrationError) -> TaskState
    /// Those that are not finished and the last ones that are, newest first; one tenant's, or all.
    func tasks(tenant: String?) async -> [JournalTask]

    /// The key that a text is, in the time that a wrong one takes; nil: it is none.
    func key(_ text: String) -> APIKey?
    /// Makes a key.
    ///
    /// - Returns: the key, and its text, which nobody can know later.
    func createKey(_ draft: APIKeyDraft) async throws(AdministrationError) -> (key: APIKey, text: String)
    /// The key with an id.
    func key(withID id: String) async throws(AdministrationError) -> APIKey
    /// Takes a key out of use.
    func removeKey(id: String) async throws(AdministrationError)
    /// Keys in the order of their creation, those after the one with the number `after`.
    func keys(after: UInt32, limit: Int) async -> [APIKey]

    /// Holds all deliveries of the host back, or lets them go on.
    func setPaused(_ isPaused: Bool) async throws(AdministrationError)

    func status() async -> RelayStatus
    func metrics() async -> RelayMetrics
    /// Whether events are accepted now.
    func isReady() -> Bool
}

/// Why a call could not be done.
package enum AdministrationError: Error, Equatable {
    case notFound
    case noEvent
    case noTask
    case noKey
    /// Several tenants have events with this id.
    case ambiguous(tenants: [String])
    /// It can't be done as things are; the text says why.
    case conflict(String)
    /// Too many webhooks: of the tenant, or of the host. The text names the bound.
    case limit(String)
    /// The change could not be made durable; nothing has changed. The text names the file and the system's reason.
    case storage(String)
    case shuttingDown
}

/// What is known of a task of the journal.
package enum TaskState: Equatable, Sendable {
    case known(JournalTask)
    /// Its details are forgotten.
    case finishedBefore
}

/// What a registration is checked against.
package struct RegistrationRules: Sendable {
    package let catalogue: EventCatalogue
    package let egress: AddressPolicy
    /// Names (lower case) of header fields that a webhook can't set.
    package let reservedHeaders: Set<String>

    package init(catalogue: EventCatalogue, egress: AddressPolicy, signatureHeader: String) {
        self.catalogue = catalogue
        self.egress = egress
        reservedHeaders = Self.fixedHeaders.union([signatureHeader.lowercased()])
    }

    private static let fixedHeaders: Set<String> = [
        "host", "content-type", "content-length", "user-agent", "x-hiresscope-signature", "webhook-id",
        "webhook-timestamp", "webhook-signature",
        // Hop by hop, RFC 9110 section 7.6.1 and its predecessors.
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "expect",
    ]
}

/// A new webhook as checked.
package struct WebhookDraft: Sendable, Equatable {
    package var tenant: String
    package var url: WebhookURL
    package var patterns: [EventPattern]
    package var isActive: Bool
    package var summary: String?
    package var headers: [HeaderField]
    /// Nil: one is made.
    package var secret: WebhookSecret?
    package var settings: DeliverySettings
    package var madeByAdministrator: Bool

    package init(
        tenant: String, url: WebhookURL, patterns: [EventPattern], isActive: Bool = true, summary: String? = nil,
        headers: [HeaderField] = [], secret: WebhookSecret? = nil, settings: DeliverySettings = DeliverySettings(),
        madeByAdministrator: Bool = true
    ) {
        self.tenant = tenant
        self.url = url
        self.patterns = patterns
        self.isActive = isActive
        self.summary = summary
        self.headers = headers
        self.secret = secret
        self.settings = settings
        self.madeByAdministrator = madeByAdministrator
    }
}

/// What a change names; nil leaves a field as it is. A field with a second optional can be taken away.
package struct WebhookPatch: Sendable, Equatable {
    package var url: WebhookURL?
    package var patterns: [EventPattern]?
    package var isActive: Bool?
    package var summary: String??
    package var headers: [HeaderField]?
    package var maxInFlight: Int??
    package var timeout: Duration??
    package var maxAge: Duration??
    package var retrySchedule: [Duration]??
    package var rateLimit: RateLimit??
    package var ordering: DeliveryOrdering?
    /// Who asks: a change of the URL by an administrator makes the webhook an administrator's.
    package var byAdministrator = true

    package init() {}
}

/// A webhook with how it is doing.
package struct WebhookView: Sendable, Equatable {
    package let webhook: Webhook
    package let health: WebhookHealth

    package init(webhook: Webhook, health: WebhookHealth) {
        self.webhook = webhook
        self.health = health
    }
}

/// How a webhook is doing, as far as the process knows since its start.
package struct WebhookHealth: Sendable, Equatable {
    /// Deliveries not yet settled: waiting, in flight, between tries.
    package var pending = 0
    package var inFlight = 0
    package var consecutiveFailures = 0
    /// Since when nothing was delivered but failed; Unix milliseconds, nil: it is not failing.
    package var failingSince: Int64?
    package var breaker = Breaker.State.closed
    /// Unix milliseconds.
    package var lastSuccessAt: Int64?
    package var lastFailureAt: Int64?
    /// Why the last failed attempt failed, for an administrator to read.
    package var lastFailure: String?
    /// The next try of a delivery that has failed; Unix milliseconds.
    package var nextAttemptAt: Int64?
    package var delivered = 0
    package var givenUp = 0

    package init() {}
}

/// What one look at the relay tells.
package struct RelayStatus: Sendable, Equatable {
    package var version = ""
    package var pid: Int32 = 0
    /// When the look was taken; Unix milliseconds.
    package var now: Int64 = 0
    /// Unix milliseconds.
    package var startedAt: Int64 = 0
    package var isReady = false
    /// Whether all deliveries of the host are held back.
    package var isPaused = false
    /// Why events are not accepted, or nil.
    package var trouble: String?
    /// Since when; Unix milliseconds.
    package var troubleSince: Int64?
    /// Since when deliveries are held back; nil: it is not known, or they aren't.
    package var pausedSince: Int64?
    package var connections = 0
    package var accepted: UInt64 = 0
    package var duplicates: UInt64 = 0
    package var refused: UInt64 = 0
    package var blankLines: UInt64 = 0
    /// What was refused last, and when.
    package var lastRefusal: Refusal?
    package var pending = 0
    /// When the oldest event that has a delivery pending was accepted.
    package var oldestPendingAt: Int64?
    package var inFlight = 0
    package var delivered: UInt64 = 0
    package var givenUp: UInt64 = 0
    package var failedAttempts: UInt64 = 0
    package var journalBytes: Int64 = 0
    package var journalMaxBytes: Int64 = 0
    package var journalSegments = 0
    package var damagedRecords = 0
    /// Of these, the ones that no crash explains.
    package var damagedByDisk = 0
    package var active = 0
    package var paused = 0
    package var disabled = 0
    /// Webhooks whose last attempt failed, worst first, at most ten.
    package var failing: [WebhookView] = []
    /// How many there are of those.
    package var failingCount = 0
    /// The webhook that was disabled last.
    package var lastDisabled: Webhook?
    /// Of the paused ones that events wait for, the one with most of them, and how many there are.
    package var heldBack: WebhookView?
    package var heldBackCount = 0

    package init() {}

    /// A line that was refused.
    package struct Refusal: Sendable, Equatable {
        package let code: RefusalCode
        /// Unix milliseconds.
        package let at: Int64

        package init(code: RefusalCode, at: Int64) {
            self.code = code
            self.at = at
        }
    }
}
