import HashTreeCollections

/// A change of the table, as the journal keeps it.
///
/// Changes are numbered without gaps: a snapshot holds all up to its revision, and those after it are in the journal.
package struct RegistrationChange: Equatable, Sendable, Codable {
    package enum Kind: Equatable, Sendable, Codable {
        /// A new webhook, or an existing one as it is from now on.
        case put(Webhook)
        case remove(WebhookNumber)
        /// All deliveries of the host are held back from now on, or go on.
        case setPaused(Bool)
        /// A new key to the API.
        case putKey(APIKey)
        /// The key with this id opens nothing any more.
        case removeKey(String)
    }

    package let revision: UInt64
    package let kind: Kind

    package init(revision: UInt64, kind: Kind) {
        self.revision = revision
        self.kind = kind
    }
}

/// A webhook that an event goes to.
package struct MatchedWebhook: Equatable, Sendable {
    package let number: WebhookNumber
    /// False: the webhook is disabled, and its delivery is on record as skipped.
    package let takesDeliveries: Bool

    package init(number: WebhookNumber, takesDeliveries: Bool) {
        self.number = number
        self.takesDeliveries = takesDeliveries
    }

    init(_ webhook: Webhook) {
        let takes = if case .disabled = webhook.state { false } else { true }
        self.init(number: webhook.number, takesDeliveries: takes)
    }
}

/// All webhooks, and for each tenant and event type those that want it.
///
/// A change makes a new table that shares all but the changed paths with the one before: whoever reads that one keeps it, and
/// a change of one among 100,000 costs no more than one among ten.
package struct RegistrationTable: Sendable {
    /// For each type of the catalogue, by its index, who wants it, oldest first.
    package typealias Row = [[MatchedWebhook]]

    package private(set) var revision: UInt64
    package private(set) var nextNumber: WebhookNumber
    private var webhooks: TreeDictionary<WebhookNumber, Webhook>
    private var numbers: TreeDictionary<String, WebhookNumber>
    private var tenants: TreeDictionary<String, [WebhookNumber]>
    private var rows: TreeDictionary<String, Row>
    /// Whether all deliveries of the host are held back.
    package private(set) var isPaused: Bool
    /// By their ids.
    private var keys: TreeDictionary<String, APIKey>
    package private(set) var catalogue: EventCatalogue

    package init(
        catalogue: EventCatalogue, webhooks: [Webhook] = [], revision: UInt64 = 0, nextNumber: WebhookNumber = 1,
        isPaused: Bool = false, keys: [APIKey] = []
    ) {
        self.catalogue = catalogue
        self.revision = revision
        self.isPaused = isPaused
        self.keys = TreeDictionary(keys.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        self.nextNumber = max(nextNumber, (webhooks.map(\.number).max() ?? 0) + 1)
        self.webhooks = TreeDictionary(webhooks.map { ($0.number, $0) }, uniquingKeysWith: { $1 })
        self.numbers = TreeDictionary(webhooks.map { ($0.id, $0.number) }, uniquingKeysWith: { $1 })
        self.rows = [:]
        self.tenants = [:]
        for webhook in webhooks.sorted(by: { $0.number < $1.number }) {
            tenants[webhook.tenant, default: []].append(webhook.number)
        }
        for tenant in tenants.keys { rebuildRow(of: tenant) }
    }

    /// Webhooks of the tenant that want the type, oldest first.
    package func match(tenant: String, type: Int) -> [MatchedWebhook] {
        rows[tenant]?[type] ?? []
    }

    /// All types' matches of a tenant at once; nil if the tenant has no webhooks.
    package func row(of tenant: String) -> Row? {
        rows[tenant]
    }

    /// Webhooks of the tenant that ask for what the relay itself tells, oldest first.
    package func matchOperational(tenant: String, type: String) -> [MatchedWebhook] {
        list(tenant: tenant).filter { $0.wants(type) }.map(MatchedWebhook.init)
    }

    /// How many webhooks there are.
    package var count: Int { webhooks.count }

    package var isEmpty: Bool { webhooks.isEmpty }

    package subscript(number: WebhookNumber) -> Webhook? { webhooks[number] }

    package func webhook(id: String) -> Webhook? {
        numbers[id].flatMap { webhooks[$0] }
    }

    /// Webhooks of one tenant, or of all, in the order of their creation.
    package func list(tenant: String?) -> [Webhook] {
        numbers(tenant: tenant).compactMap { webhooks[$0] }
    }

    /// The first so many of those that were created after another one.
    package func list(tenant: String?, after number: WebhookNumber, limit: Int) -> [Webhook] {
        numbers(tenant: tenant).drop { $0 <= number }.prefix(limit).compactMap { webhooks[$0] }
    }

    /// Webhooks of one tenant, or of all, in the order of their creation.
    package func numbers(tenant: String?) -> [WebhookNumber] {
        tenant.map { tenants[$0] ?? [] } ?? webhooks.keys.sorted()
    }

    /// A key to the API.
    package func key(id: String) -> APIKey? { keys[id] }

    /// Keys in the order of their creation.
    package var keyList: [APIKey] { keys.values.sorted { $0.number < $1.number } }

    package func count(tenant: String) -> Int {
        tenants[tenant]?.count ?? 0
    }

    /// Applies the next change. Changes that the table holds already (revision not above its own) do nothing.
    ///
    /// - Returns: whether it was applied.
    @discardableResult
    package mutating func apply(_ change: RegistrationChange) -> Bool {
        guard change.revision > revision else { return false }
        revision = change.revision
        switch change.kind {
        case .put(let webhook):
            if webhooks.updateValue(webhook, forKey: webhook.number) == nil {
                numbers[webhook.id] = webhook.number
                tenants[webhook.tenant, default: []].append(webhook.number)
                nextNumber = max(nextNumber, webhook.number + 1)
            }
            rebuildRow(of: webhook.tenant)
        case .remove(let number):
            guard let webhook = webhooks.removeValue(forKey: number) else { return true }
            numbers[webhook.id] = nil
            tenants[webhook.tenant]?.removeAll { $0 == number }
            if tenants[webhook.tenant]?.isEmpty == true { tenants[webhook.tenant] = nil }
            rebuildRow(of: webhook.tenant)
        case .setPaused(let isPaused):
            self.isPaused = isPaused
        case .putKey(let key):
            keys[key.id] = key
        case .removeKey(let id):
            keys[id] = nil
        }
        return true
    }

    /// Takes other event types into account: indices of the catalogue have changed.
    package mutating func replaceCatalogue(_ catalogue: EventCatalogue) {
        self.catalogue = catalogue
        for tenant in tenants.keys { rebuildRow(of: tenant) }
    }

    private mutating func rebuildRow(of tenant: String) {
        guard let members = tenants[tenant] else {
            rows[tenant] = nil
            return
        }
        rows[tenant] = catalogue.names.map { type in
            members.compactMap { number in
                guard let webhook = webhooks[number], webhook.wants(type) else { return nil }
                return MatchedWebhook(webhook)
            }
        }
    }
}
