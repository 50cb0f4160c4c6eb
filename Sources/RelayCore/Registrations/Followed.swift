/// Which events somebody follows.
package struct FollowChoice: Equatable, Sendable {
    /// Nil: all tenants'.
    package var tenant: String?
    /// Nil: all types, operational ones included.
    package var pattern: EventPattern?

    package init(tenant: String? = nil, pattern: EventPattern? = nil) {
        self.tenant = tenant
        self.pattern = pattern
    }

    package func takes(_ event: EventRecord) -> Bool {
        if let tenant {
            guard event.tenant.count == tenant.utf8.count, event.tenant.elementsEqual(tenant.utf8) else { return false }
        }
        return pattern?.matches(String(decoding: event.type, as: UTF8.self)) ?? true
    }
}

/// What those who follow events are told.
package enum Followed: Equatable, Sendable {
    /// Accepted, in their order.
    case events([AcceptedEvent])
    /// So many events came too fast for the one who follows.
    case dropped(Int)
    /// Nothing has come for a while.
    case idle
}

/// An event that was accepted just now.
package struct AcceptedEvent: Equatable, Sendable {
    package let id: String
    package let tenant: String
    package let type: String
    /// Unix milliseconds.
    package let acceptedAt: Int64
    /// Nil for an operational event, which nobody sent.
    package let producer: PeerIdentity?
    /// How many webhooks take it.
    package let webhooks: Int
    /// Of the deliveries' body.
    package let bodyBytes: Int

    package init(_ event: EventRecord, journal: JournalID) {
        id = event.id(in: journal)
        tenant = String(decoding: event.tenant, as: UTF8.self)
        type = String(decoding: event.type, as: UTF8.self)
        acceptedAt = event.acceptedAt
        producer = event.isOperational ? nil : event.producer
        webhooks = event.takingWebhooks
        bodyBytes = event.body.count
    }
}
