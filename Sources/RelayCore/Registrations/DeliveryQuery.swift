/// What has become of a delivery.
package enum DeliveryStatus: String, Sendable, CaseIterable {
    case pending
    case delivered
    case givenUp = "given_up"
    /// Matched while the webhook was disabled.
    case skipped
    case cancelled

    package init(_ result: SettlementResult) {
        switch result {
        case .delivered: self = .delivered
        case .cancelled: self = .cancelled
        case .triesUsedUp, .tooOld, .webhookDisabled, .unreadable, .displaced, .aborted: self = .givenUp
        }
    }
}

/// Which of a webhook's deliveries are asked for.
package struct DeliveryQuery: Equatable, Sendable {
    /// Nil: all.
    package var status: DeliveryStatus?
    /// Unix milliseconds, of the outcome, or of the acceptance where there is none: from then on and before.
    package var since: Int64 = 0
    package var until: Int64 = .max
    package var limit = 50
    package var cursor: DeliveryCursor?

    package init() {}
}

/// A part of a webhook's deliveries, newest first.
package struct DeliveryPage: Equatable, Sendable {
    package var deliveries: [DeliveryView]
    /// Where the next part begins. There may be more even where this one is not full: the work of one call is bounded.
    package var next: DeliveryCursor?

    package init(deliveries: [DeliveryView] = [], next: DeliveryCursor? = nil) {
        self.deliveries = deliveries
        self.next = next
    }
}

/// One delivery, for people to see.
package struct DeliveryView: Equatable, Sendable {
    /// What a pending delivery waits for.
    package enum Wait: String, Sendable, CaseIterable {
        /// The attempt that is under way.
        case outcome
        /// The time of the next try.
        case retry
        /// Others that are before it.
        case turn
        /// An earlier delivery of the same order: it has to be settled first.
        case order
        /// The webhook is paused, or all deliveries are.
        case resume
    }

    /// Nil where the event is gone from the journal; so are its type and acceptance.
    package var eventID: String?
    package var event: String?
    /// Unix milliseconds.
    package var acceptedAt: Int64?
    package var status: DeliveryStatus
    /// Why it ended, if it was given up.
    package var reason: SettlementResult?
    package var attempts = 0
    /// The HTTP status of the last attempt; nil: there was none.
    package var lastStatus: Int?
    package var settledAt: Int64?
    package var nextAttemptAt: Int64?
    package var waitsFor: Wait?

    package init(status: DeliveryStatus) {
        self.status = status
    }
}

/// A place in a webhook's deliveries: pending ones are first, then what the journal tells of the others.
package enum DeliveryCursor: Equatable, Sendable {
    /// Before the pending delivery of an event.
    case pending(below: UInt64)
    /// Before an entry of a record: the segment's ordinal, the record's offset, and which of its entries.
    case history(ordinal: UInt64, offset: Int, entry: Int)

    /// The text that stands for it: opaque to clients.
    package var text: String {
        switch self {
        case .pending(let below): "p" + String(below, radix: 36)
        case .history(let ordinal, let offset, let entry):
            "h" + [ordinal, UInt64(offset), UInt64(entry)].map { String($0, radix: 36) }.joined(separator: "-")
        }
    }

    package init?(text: String) {
        let numbers = text.dropFirst().split(separator: "-", omittingEmptySubsequences: false).map {
            UInt64($0, radix: 36)
        }
        switch (text.first, numbers.count) {
        case ("p", 1):
            guard let below = numbers[0] else { return nil }
            self = .pending(below: below)
        case ("h", 3):
            guard let ordinal = numbers[0], let offset = numbers[1].flatMap(Int.init(exactly:)),
                let entry = numbers[2].flatMap(Int.init(exactly:))
            else { return nil }
            self = .history(ordinal: ordinal, offset: offset, entry: entry)
        default: return nil
        }
        guard self.text == text else { return nil }
    }
}

/// Which of a webhook's events are to be delivered once more.
package struct ReplayRequest: Equatable, Sendable {
    package var status = JournalTask.ReplayStatus.undelivered
    /// Unix milliseconds: accepted from then on and before.
    package var since: Int64 = 0
    package var until: Int64 = .max
    /// Only says how many it would be.
    package var isDryRun = false

    package init() {}
}

package struct ReplayAnswer: Equatable, Sendable {
    /// How many deliveries are meant; those that are pending by themselves are not among them.
    package let count: Int
    /// False: that is as far as was counted in time, and there may be more.
    package let isExact: Bool
    package let task: JournalTask?

    package init(count: Int, isExact: Bool = true, task: JournalTask?) {
        self.count = count
        self.isExact = isExact
        self.task = task
    }
}
