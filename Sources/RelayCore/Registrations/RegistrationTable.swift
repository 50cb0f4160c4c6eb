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
package struct RegistrationTable: Sendable {
    /// For each type of the catalogue, by its index, who wants it, oldest first.
    package typealias Row = [[MatchedWebhook]]

    package private(set) var revision: UInt64
    package private(set) var nextNumber: WebhookNumber
    package private(set) var webhooks: [WebhookNumber: Webhook]
    private var numbers: [String: WebhookNumber]
    private var tenants: [String: [WebhookNumber]]
    private var rows: [String: Row]
    /// Whether all deliveries of the host are held back.
    package private(set) var isPaused: Bool
    package private(set) var catalogue: EventCatalogue

    package init(
        catalogue: EventCatalogue, webhooks: [Webhook] = [], revision: UInt64 = 0, nextNumber: WebhookNumber = 1,
        isPaused: Bool = false
    ) {
        self.catalogue = catalogue
        self.revision = revision
        self.isPaused = isPaused
        self.nextNumber = max(nextNumber, (webhooks.map(\.number).max() ?? 0) + 1)
        self.webhooks = Dictionary(webhooks.map { ($0.number, $0) }, uniquingKeysWith: { $1 })
        self.numbers = Dictionary(webhooks.map { ($0.id, $0.number) }, uniquingKeysWith: { $1 })
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

    package func webhook(id: String) -> Webhook? {
        numbers[id].flatMap { webhooks[$0] }
    }

    /// Webhooks of one tenant, or of all, in the order of their creation.
    package func list(tenant: String?) -> [Webhook] {
        let found = tenant.map { tenants[$0] ?? [] } ?? webhooks.keys.sorted()
        return found.compactMap { webhooks[$0] }
    }

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
