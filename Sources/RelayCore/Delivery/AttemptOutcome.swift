/// What came of one attempt: exactly one of these, whatever the receiver did.
package struct AttemptOutcome: Equatable, Sendable {
    package enum Result: Equatable, Sendable {
        /// A 2xx status.
        case delivered
        case failed(AttemptFailure)
        /// The relay itself broke it off (its stop, the webhook's removal): it counts as no try.
        case abandoned
    }

    /// What the receiver asks for in its answer's `webhook-delivery` header field.
    package enum Wish: Sendable {
        /// No more events for the webhook.
        case disable
        /// No more tries of this event.
        case abortMessage

        /// Nil if the field's values hold neither word; `disable` counts where both stand.
        package init?(_ values: [String]) {
            let words = values.flatMap { $0.split { $0 == "," || $0 == " " || $0 == "\t" } }.map { $0.lowercased() }
            if words.contains("disable") {
                self = .disable
            } else if words.contains("abort-message") {
                self = .abortMessage
            } else {
                return nil
            }
        }
    }

    package let result: Result
    /// The HTTP status, where there was one.
    package let status: UInt16?
    /// From the attempt's start to its outcome.
    package let duration: Duration

    package let wish: Wish?
    /// Of an attempt that failed.
    package let phases: AttemptPhases

    package init(
        _ result: Result, status: UInt16? = nil, duration: Duration, wish: Wish? = nil,
        phases: AttemptPhases = AttemptPhases()
    ) {
        self.result = result
        self.status = status
        self.duration = duration
        self.wish = wish
        self.phases = phases
    }
}

/// Why an attempt failed.
package struct AttemptFailure: Equatable, Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case resolve
        /// The address policy forbids the destination.
        case forbidden
        case connect
        case tls
        case timeout
        /// A status that is not 2xx.
        case status
        /// The answer was no HTTP, or the connection ended before it was whole.
        case response
        /// The event could not be read back from the journal.
        case storage
        /// Descriptors or memory of the relay's own host ran out: it counts as no try.
        case host
    }

    package let kind: Kind
    /// A sentence for whoever may see the webhook: it names no address that the webhook's URL does not name.
    package let reason: String
    /// What only the host's own log says: the addresses that a name has led to.
    package let detail: String?
    /// The receiver's `Retry-After`.
    package let retryAfter: Duration?
    /// Where in the reason the beginning of the answer begins, in bytes; 0: it has none.
    package let answerOffset: Int

    package init(
        _ kind: Kind, _ reason: String, detail: String? = nil, retryAfter: Duration? = nil, answerOffset: Int = 0
    ) {
        self.kind = kind
        self.reason = reason
        self.detail = detail
        self.retryAfter = retryAfter
        self.answerOffset = answerOffset
    }
}

/// How a delivery ended. The numbers are on disk.
package enum SettlementResult: UInt8, Sendable, CaseIterable {
    case delivered = 1
    case triesUsedUp = 2
    case tooOld = 3
    case webhookDisabled = 4
    case cancelled = 5
    /// The event's record was damaged beyond reading.
    case unreadable = 6
    /// Its webhook's backlog had reached its limit, or the journal its own.
    case displaced = 7
    /// The receiver asked for no more tries.
    case aborted = 8
}

extension SettlementResult {
    /// For programs: in the API and in metrics.
    package var name: String {
        switch self {
        case .delivered: "delivered"
        case .triesUsedUp: "tries_used_up"
        case .tooOld: "too_old"
        case .webhookDisabled: "webhook_disabled"
        case .cancelled: "cancelled"
        case .unreadable: "unreadable"
        case .displaced: "displaced"
        case .aborted: "aborted"
        }
    }

    /// For an administrator to read.
    package var reason: String {
        switch self {
        case .delivered: "delivered"
        case .triesUsedUp: "all tries of the retry schedule are used up"
        case .tooOld: "older than delivery.max-age"
        case .webhookDisabled: "the webhook is disabled"
        case .cancelled: "cancelled"
        case .unreadable: "the event's record is damaged or gone"
        case .displaced: "displaced: the backlog had reached journal.webhook-backlog-max-bytes or journal.max-bytes"
        case .aborted: "the receiver asked for no more tries (webhook-delivery: abort-message)"
        }
    }
}
