/// What became of one event's deliveries, as far as the journal's records of progress tell, which are shown to it in their
/// order.
package struct EventLife: Equatable, Sendable {
    /// A try that has ended.
    package struct Attempt: Equatable, Sendable {
        /// Unix milliseconds.
        package var at: Int64
        /// 1 for the first; a delivery that is made once more begins anew.
        package var number: Int
        /// How often the delivery had been made once more before.
        package var repeats: Int
        package var isDelivered: Bool
        /// The HTTP status; nil: there was none.
        package var status: Int?
        package var duration: Duration
        /// What was kept of one that failed; nil: nothing was.
        package var kind: AttemptFailure.Kind?
        package var reason: String?
        /// The beginning of the answer.
        package var answer: String?
        package var phases = AttemptPhases()
        /// When the next one is due, Unix milliseconds; nil: this was the last one.
        package var nextAt: Int64?
    }

    /// What became of the delivery to one webhook.
    package struct Delivery: Equatable, Sendable {
        package var attempts: [Attempt] = []
        /// How it ended; nil: it has not, or is made once more.
        package var ending: Ending?
        /// How often it was made once more.
        package var repeats = 0

        package init() {}
    }

    package struct Ending: Equatable, Sendable {
        package let result: SettlementResult
        /// Unix milliseconds.
        package let at: Int64
        package let attempts: Int
    }

    package let sequence: UInt64
    package private(set) var deliveries: [WebhookNumber: Delivery] = [:]
    /// Attempts that were left out.
    package private(set) var omitted = 0
    private var attempts = 0
    private let attemptsMax: Int

    /// - Parameter attemptsMax: how many attempts of all deliveries are remembered, some 500 bytes each.
    package init(of sequence: UInt64, attemptsMax: Int = Limits.attemptsShown) {
        self.sequence = sequence
        self.attemptsMax = attemptsMax
    }

    package mutating func apply(_ record: ProgressRecord) {
        for lane in record.lanes {
            let progress = lane.progress
            // In the order of a record: what it makes once more had ended before, and what it says of retries came before
            // what it settles.
            for opening in progress.reopened where opening.sequence == sequence {
                deliveries[lane.webhook, default: Delivery()].ending = nil
                deliveries[lane.webhook]?.repeats += 1
            }
            for retry in progress.retried where retry.sequence == sequence { add(retry, lane) }
            for settlement in progress.settled where settlement.sequence == sequence { add(settlement, lane) }
        }
    }

    private func trace(at time: Int64, _ lane: ProgressRecord.LaneEntry) -> AttemptTrace? {
        lane.progress.traces.first { $0.sequence == sequence && $0.at == time }
    }

    private mutating func add(_ retry: LaneProgress.Retry, _ lane: ProgressRecord.LaneEntry) {
        let trace = trace(at: retry.at, lane)
        var attempt = Attempt(
            at: retry.at, number: Int(retry.attempts), repeats: 0, isDelivered: false, status: retry.status.status,
            duration: .microseconds(Int64(retry.microseconds)))
        attempt.nextAt = retry.nextAt
        attempt.reason = retry.reason
        attempt.take(trace, reason: retry.reason)
        add(attempt, lane.webhook)
    }

    private mutating func add(_ settlement: LaneProgress.Settlement, _ lane: ProgressRecord.LaneEntry) {
        let trace = trace(at: settlement.at, lane)
        // A delivery can also end without an attempt, by a limit or with its webhook.
        if settlement.result == .delivered || settlement.status != 0 || settlement.microseconds > 0 || trace != nil {
            var attempt = Attempt(
                at: settlement.at, number: Int(settlement.attempts), repeats: 0,
                isDelivered: settlement.result == .delivered, status: settlement.status.status,
                duration: .microseconds(Int64(settlement.microseconds)))
            attempt.take(trace, reason: trace?.reason ?? "")
            add(attempt, lane.webhook)
        }
        deliveries[lane.webhook, default: Delivery()].ending = Ending(
            result: settlement.result, at: settlement.at, attempts: Int(settlement.attempts))
    }

    private mutating func add(_ attempt: Attempt, _ webhook: WebhookNumber) {
        guard attempts < attemptsMax else {
            omitted += 1
            return
        }
        attempts += 1
        var attempt = attempt
        attempt.repeats = deliveries[webhook]?.repeats ?? 0
        deliveries[webhook, default: Delivery()].attempts.append(attempt)
    }
}

extension EventLife.Attempt {
    fileprivate mutating func take(_ trace: AttemptTrace?, reason: String) {
        guard let trace else { return }
        kind = trace.kind
        phases = trace.phases
        let bytes = Array(reason.utf8)
        let offset = Int(trace.answerOffset)
        guard offset > 0, offset < bytes.count else {
            self.reason = reason
            return
        }
        answer = String(decoding: bytes[offset...], as: UTF8.self)
        // Without what led up to the answer: "HTTP 503: ".
        self.reason = String(decoding: bytes[..<offset], as: UTF8.self)
        while let last = self.reason?.last, last == " " || last == ":" { self.reason?.removeLast() }
    }
}

extension UInt16 {
    /// Nil for none.
    fileprivate var status: Int? { self == 0 ? nil : Int(self) }
}
