/// An event with its whole life, for people to see.
package struct EventView: Equatable, Sendable {
    /// What became of the delivery to one webhook.
    package struct Delivery: Equatable, Sendable {
        /// Nil where the webhook has been removed since; so is its URL.
        package var webhookID: String?
        package var url: String?
        /// Nil: what became of it is not on record.
        package var status: DeliveryStatus?
        /// Why it ended, if it was given up.
        package var reason: SettlementResult?
        /// Tries that have ended, since it was made once more if it was.
        package var attempts = 0
        /// Unix milliseconds, here and below.
        package var settledAt: Int64?
        package var nextAttemptAt: Int64?
        package var waitsFor: DeliveryView.Wait?
        /// Whether the webhook took the event when it was accepted, rather than by a replay later.
        package var wasMatched = true
        /// How often it was made once more.
        package var repeats = 0
        package var history: [EventLife.Attempt] = []

        package init() {}
    }

    /// A webhook of the tenant that did not get the event, and why.
    package struct Unmatched: Equatable, Sendable {
        package enum Reason: String, Sendable {
            /// Its patterns don't name the event's type.
            case pattern
            /// It was made after the event was accepted.
            case createdLater = "created_later"
            /// Its patterns name the type now; it has been changed since the event was accepted.
            case changedLater = "changed_later"
        }

        package let webhookID: String
        package let url: String
        package let reason: Reason
        package let patterns: [EventPattern]
    }

    package var id = ""
    package var type = ""
    package var tenant = ""
    package var timestamp = ""
    package var hasProducersTimestamp = false
    package var acceptedAt: Int64 = 0
    /// Nil for an operational event, which nobody sent.
    package var producer: PeerIdentity?
    /// The JSON object that was sent, byte for byte.
    package var data: [UInt8] = []
    /// Bytes of the deliveries' body.
    package var bodyBytes = 0
    /// When earlier events with this id of this tenant were accepted, newest first.
    package var earlier: [Int64] = []
    /// By the webhooks' age, removed ones first.
    package var deliveries: [Delivery] = []
    package var unmatched: [Unmatched] = []
    /// Attempts that are not shown, since there are too many.
    package var omittedAttempts = 0

    package init() {}
}

extension EventView {
    /// What is known of the moment beyond the journal.
    package struct Present {
        /// The tenant's webhooks.
        package let webhooks: [Webhook]
        /// Deliveries of the event that are pending, as the scheduler knows them.
        package let pending: [WebhookNumber: DeliveryScheduler.PendingDeliveries.Delivery]
        /// Whether all deliveries of the host are held back.
        package let isPaused: Bool
        /// Unix milliseconds and monotonic.
        package let clocks: (wall: Int64, monotonic: MonotonicTime)

        package init(
            webhooks: [Webhook], pending: [WebhookNumber: DeliveryScheduler.PendingDeliveries.Delivery],
            isPaused: Bool, clocks: (wall: Int64, monotonic: MonotonicTime)
        ) {
            self.webhooks = webhooks
            self.pending = pending
            self.isPaused = isPaused
            self.clocks = clocks
        }
    }

    /// Puts together what the event's record, the records of its progress and the scheduler say.
    ///
    /// What the scheduler says must be older than the progress: where both speak of a delivery, its end counts.
    package init(_ event: EventRecord, _ life: EventLife, _ present: Present, journal: JournalID) {
        id = event.id(in: journal)
        type = String(decoding: event.type, as: UTF8.self)
        tenant = String(decoding: event.tenant, as: UTF8.self)
        timestamp = String(decoding: event.timestamp, as: UTF8.self)
        hasProducersTimestamp = event.hasProducersTimestamp
        acceptedAt = event.acceptedAt
        producer = event.isOperational ? nil : event.producer
        data = Array(event.data)
        bodyBytes = event.body.count
        omittedAttempts = life.omitted
        let webhooks = Dictionary(present.webhooks.map { ($0.number, $0) }, uniquingKeysWith: { $1 })
        var matched: [WebhookNumber: Bool] = [:]
        for index in 0..<event.webhookCount {
            let webhook = event.webhook(index)
            matched[webhook.number] = webhook.takesDeliveries
        }
        let numbers = Set(matched.keys).union(life.deliveries.keys).union(present.pending.keys)
        for number in numbers.sorted(by: { Self.isShown($0, before: $1, webhooks) }) {
            deliveries.append(
                Self.delivery(
                    webhooks[number], matched[number], life.deliveries[number], present.pending[number], present))
        }
        for webhook in present.webhooks where !numbers.contains(webhook.number) {
            unmatched.append(
                Unmatched(
                    webhookID: webhook.id, url: webhook.url.text, reason: reason(webhook), patterns: webhook.patterns))
        }
    }

    private static func isShown(
        _ one: WebhookNumber, before other: WebhookNumber, _ webhooks: [WebhookNumber: Webhook]
    ) -> Bool {
        let (isGone, isOtherGone) = (webhooks[one] == nil, webhooks[other] == nil)
        return isGone == isOtherGone ? one < other : isGone
    }

    private func reason(_ webhook: Webhook) -> Unmatched.Reason {
        if webhook.createdAt > acceptedAt { return .createdLater }
        return webhook.wants(type) ? .changedLater : .pattern
    }

    private static func delivery(
        _ webhook: Webhook?, _ takesDeliveries: Bool?, _ life: EventLife.Delivery?,
        _ pending: DeliveryScheduler.PendingDeliveries.Delivery?, _ present: Present
    ) -> Delivery {
        var delivery = Delivery()
        delivery.webhookID = webhook?.id
        delivery.url = webhook?.url.text
        delivery.wasMatched = takesDeliveries != nil
        delivery.history = life?.attempts ?? []
        delivery.repeats = life?.repeats ?? 0
        if let ending = life?.ending {
            delivery.status = DeliveryStatus(ending.result)
            delivery.reason = delivery.status == .givenUp ? ending.result : nil
            delivery.attempts = ending.attempts
            delivery.settledAt = ending.at
        } else if let pending {
            delivery.status = .pending
            delivery.attempts = pending.attempts
            delivery.wait(pending.wait, isHeldBack: webhook?.state != .active || present.isPaused, present.clocks)
        } else if takesDeliveries == false, delivery.repeats == 0 {
            delivery.status = .skipped
        } else if webhook == nil {
            // They ended with it.
            delivery.status = .cancelled
            delivery.attempts = delivery.history.last?.number ?? 0
        }
        return delivery
    }
}

extension EventView.Delivery {
    fileprivate mutating func wait(
        _ wait: DeliveryScheduler.PendingDeliveries.Wait, isHeldBack: Bool,
        _ clocks: (wall: Int64, monotonic: MonotonicTime)
    ) {
        switch wait {
        case .outcome:
            waitsFor = .outcome
        case .retry(let due):
            waitsFor = isHeldBack ? .resume : .retry
            nextAttemptAt = clocks.wall + max(0, (due - clocks.monotonic).milliseconds)
        case .turn:
            waitsFor = isHeldBack ? .resume : .turn
        case .predecessor:
            waitsFor = isHeldBack ? .resume : .order
        }
    }
}
