import HeapModule

/// What outcomes tell of a lane's receiver, and what follows from it for the whole lane.
extension DeliveryScheduler {
    /// A change in how a receiver is doing.
    package struct HealthChange: Equatable, Sendable {
        package enum Kind: String, Sendable, CaseIterable {
            case failing
            case recovered
            case disabled
            case opened
            case halfOpened = "half_opened"
            case closed
        }

        package let webhook: WebhookNumber
        package let kind: Kind
        /// For administrators to read.
        package let reason: String
        /// For the tenant to read: nothing in it tells where the receiver's name leads.
        package let publicReason: String
        /// Failures in a row that led to it, or were ended by it.
        package let count: Int
        /// The event whose attempt it was; nil: none.
        package let sequence: UInt64?
        /// Whether an operational event is made of it.
        package let isAnnounced: Bool
    }

    /// The sequence of timers that are a lane's own: no event has it.
    static let laneTimer: UInt64 = 0

    /// What has changed since the last call.
    package mutating func takeHealthChanges() -> [HealthChange] {
        defer { healthChanges = [] }
        return healthChanges
    }

    // MARK: Outcomes

    mutating func noteSuccess(
        _ attempt: Attempt, _ open: Lane.Open, _ outcome: AttemptOutcome, _ slot: Int, now: MonotonicTime, wall: Int64
    ) {
        let before = lanes[slot].health
        lanes[slot].hasSucceeded = true
        guard !before.isDisabled else { return }
        // One that takes much of its time is near to failing.
        let isSlow = outcome.duration.nanoseconds >= lanes[slot].timeout.nanoseconds / 2
        let window = lanes[slot].window
        if isSlow {
            lanes[slot].window = max(1, window - max(1, window / 4))
        } else if isOwnerBusy, window >= Limits.busyWindow, outcome.duration < Limits.busyTime {
            lanes[slot].window = max(Limits.busyWindow, window - 1)
        } else {
            lanes[slot].window = min(lanes[slot].windowMax, window + 1)
        }
        lanes[slot].health.failing = nil
        let change = lanes[slot].health.breaker.succeeded(isLast: lanes[slot].pending <= 1)
        if change != nil { lanes[slot].health.probeAt = nil }
        let failures = before.breaker.consecutiveFailures
        tell(change, "an attempt has succeeded", slot, failures, attempt.sequence)
        if before.isFailing, lanes[slot].health.breaker.state == .closed {
            tell(
                .recovered, "delivered again", slot, max(1, failures), attempt.sequence,
                isAnnounced: before.isAnnounced)
            lanes[slot].health.isFailing = false
            lanes[slot].health.isAnnounced = false
        }
        if !lanes[slot].health.isFailing { lanes[slot].health.concernsEvents = false }
        if lanes[slot].health != before { noteHealth(slot, now: now, wall: wall) }
        if outcome.wish == .disable {
            disable(slot, "the receiver asked for it (webhook-delivery: disable)", attempt, open, now: now, wall: wall)
        }
    }

    /// Takes a failure that counts; the lane may be disabled afterwards.
    mutating func noteFailure(
        _ attempt: Attempt, _ open: Lane.Open, _ outcome: AttemptOutcome, _ failure: AttemptFailure, _ slot: Int,
        now: MonotonicTime, wall: Int64, random: UInt64
    ) {
        let before = lanes[slot].health
        let isThrottling = outcome.isThrottling
        lanes[slot].window = isThrottling ? 1 : max(1, lanes[slot].window / 2)
        if !open.isOperational { lanes[slot].health.concernsEvents = true }
        if lanes[slot].health.failing == nil { lanes[slot].health.failing = LaneHealth.FailureClock(begun: now) }
        let wish = isThrottling ? failure.retryAfter : nil
        if let wish, wish > .zero {
            let until = now + RetryPolicy.wished(wish, random: random)
            lanes[slot].health.heldUntil = max(until, lanes[slot].health.heldUntil ?? until)
        }
        let change = lanes[slot].health.breaker.failed(outcome.weight, attempt.sequence, begunIn: open.epoch)
        if change == .opened {
            lanes[slot].window = 1
            lanes[slot].health.probeAt =
                now
                + lanes[slot].policy.probeWait(
                    failedProbes: lanes[slot].health.breaker.failedProbes, retryAfter: wish, random: random)
        }
        setLaneTimer(slot, before)
        let count = lanes[slot].consecutiveFailures
        tell(change, failure.reason, slot, count, attempt.sequence)
        noteFailing(failure.reason, outcome.publicReason, slot, attempt.sequence)
        // A failure more of a receiver that has failed before is no news to the journal.
        var known = before
        known.breaker = lanes[slot].health.breaker
        if change != nil || lanes[slot].health != known { noteHealth(slot, now: now, wall: wall) }
        if let cause = disablingCause(outcome, slot, now: now) {
            disable(slot, cause, attempt, open, now: now, wall: wall)
        }
    }

    private mutating func noteFailing(_ reason: String, _ publicReason: String, _ slot: Int, _ sequence: UInt64) {
        let health = lanes[slot].health
        guard health.breaker.hasFailedOften else { return }
        let isNews = !health.isFailing || (health.concernsEvents && !health.isAnnounced)
        guard isNews else { return }
        lanes[slot].health.isFailing = true
        lanes[slot].health.isAnnounced = health.concernsEvents
        tell(
            .failing, reason, slot, health.breaker.consecutiveFailures, sequence, publicReason: publicReason,
            isAnnounced: health.concernsEvents)
    }

    private func disablingCause(_ outcome: AttemptOutcome, _ slot: Int, now: MonotonicTime) -> String? {
        if outcome.status == 410 { return "410 Gone" }
        if outcome.wish == .disable { return "the receiver asked for it (webhook-delivery: disable)" }
        guard let failing = lanes[slot].health.failing, failing.elapsed(at: now) >= settings.disableAfter else {
            return nil
        }
        return "no success within delivery.disable-after"
    }

    // MARK: Disabling

    /// Ends a webhook: nothing of it is attempted any more, and what is pending is given up.
    private mutating func disable(
        _ slot: Int, _ cause: String, _ attempt: Attempt, _ open: Lane.Open, now: MonotonicTime, wall: Int64
    ) {
        guard !lanes[slot].health.isDisabled else { return }
        let isAnnounced = lanes[slot].health.concernsEvents || !open.isOperational
        tell(
            .disabled, cause, slot, max(1, lanes[slot].consecutiveFailures), attempt.sequence, isAnnounced: isAnnounced)
        lanes[slot].health.disabling = .decided
        discard(slot, wall: wall)
    }

    /// Whether a webhook's lane has ended itself, and its registration does not say so yet.
    package func isDisabling(_ webhook: WebhookNumber) -> Bool {
        slots[webhook].map { lanes[$0].health.disabling == .decided } ?? false
    }

    /// Takes the state that a registration has.
    mutating func useState(of webhook: Webhook, _ slot: Int, now: MonotonicTime, wall: Int64) {
        let wasPaused = lanes[slot].isPaused
        lanes[slot].isPaused = webhook.state != .active
        if case .disabled = webhook.state {
            lanes[slot].health.disabling = .registered
            discard(slot, wall: wall)
        } else if lanes[slot].health.disabling == .registered {
            // It begins anew: neither old failures nor old wishes count.
            let wasProven = lanes[slot].isProven
            lanes[slot].health = LaneHealth()
            moveFlight(slot, wasProven: wasProven)
            lanes[slot].window = min(2, lanes[slot].windowMax)
            noteHealth(slot, now: now, wall: wall)
        } else if wasPaused, webhook.state == .active, !lanes[slot].health.isDisabled {
            probe(slot, "the webhook was resumed", now: now, wall: wall)
        }
    }

    // MARK: Time

    /// A lane's own timer is due.
    mutating func unblock(_ slot: Int, now: MonotonicTime) {
        if let held = lanes[slot].health.heldUntil, held <= now { lanes[slot].health.heldUntil = nil }
        if let due = lanes[slot].health.probeAt, due <= now {
            lanes[slot].health.probeAt = nil
            tell(lanes[slot].health.breaker.probe(), "the wait is over", slot, lanes[slot].consecutiveFailures, nil)
        }
        wake(slot)
    }

    private mutating func probe(_ slot: Int, _ reason: String, now: MonotonicTime, wall: Int64) {
        guard let change = lanes[slot].health.breaker.probe() else { return }
        lanes[slot].health.probeAt = nil
        tell(change, reason, slot, lanes[slot].consecutiveFailures, nil)
        noteHealth(slot, now: now, wall: wall)
    }

    private mutating func setLaneTimer(_ slot: Int, _ before: LaneHealth) {
        let webhook = lanes[slot].webhook
        let health = lanes[slot].health
        for due in [
            health.probeAt == before.probeAt ? nil : health.probeAt,
            health.heldUntil == before.heldUntil ? nil : health.heldUntil,
        ] {
            if let due { timers.insert(Timer(due: due, webhook: webhook, sequence: Self.laneTimer)) }
        }
    }

    /// Whether a timer is waited for.
    func isNeeded(_ timer: Timer) -> Bool {
        guard let slot = slots[timer.webhook] else { return false }
        if timer.sequence == Self.laneTimer {
            return timer.due == lanes[slot].health.probeAt || timer.due == lanes[slot].health.heldUntil
        }
        return lanes[slot].open[timer.sequence]?.phase == .parked(until: timer.due)
    }

    // MARK: Telling

    mutating func restoreHealth(_ lane: inout Lane, _ record: HealthRecord, now: MonotonicTime, wall: Int64) {
        lane.health = LaneHealth(record, now: now, wall: wall)
        if lane.health.breaker.state != .closed { lane.window = 1 }
        for due in [lane.health.probeAt, lane.health.heldUntil] {
            if let due { timers.insert(Timer(due: due, webhook: lane.webhook, sequence: Self.laneTimer)) }
        }
    }

    /// Has the journal know.
    private mutating func noteHealth(_ slot: Int, now: MonotonicTime, wall: Int64) {
        if lanes[slot].unsaved.health == nil { unsavedBytes += HealthRecord.byteCount + 4 }
        lanes[slot].unsaved.health = lanes[slot].health.record(now: now, wall: wall)
        touched.insert(lanes[slot].webhook)
    }

    private mutating func tell(
        _ change: Breaker.Change?, _ reason: String, _ slot: Int, _ count: Int, _ sequence: UInt64?
    ) {
        let kind: HealthChange.Kind
        switch change {
        case nil: return
        case .opened: kind = .opened
        case .halfOpened: kind = .halfOpened
        case .closed: kind = .closed
        }
        tell(kind, reason, slot, count, sequence, isAnnounced: false)
    }

    private mutating func tell(
        _ kind: HealthChange.Kind, _ reason: String, _ slot: Int, _ count: Int, _ sequence: UInt64?,
        publicReason: String? = nil, isAnnounced: Bool
    ) {
        healthChanges.append(
            HealthChange(
                webhook: lanes[slot].webhook, kind: kind, reason: reason, publicReason: publicReason ?? reason,
                count: count, sequence: sequence, isAnnounced: isAnnounced))
    }

    /// How many lanes' breakers are in each state.
    package var breakers: [Breaker.State: Int] {
        slots.values.reduce(into: [:]) { $0[lanes[$1].health.breaker.state, default: 0] += 1 }
    }
}

extension AttemptOutcome {
    /// Whether the receiver asks for less of everything: the whole lane slows down.
    package var isThrottling: Bool {
        switch status {
        case 429, 502, 503, 504: true
        default: false
        }
    }

    /// Why it failed, in words that tell nothing of addresses or of this host.
    package var publicReason: String {
        if let status { return "HTTP \(status)" }
        guard case .failed(let failure) = result else { return "no failure" }
        return switch failure.kind {
        case .resolve: "the host name can't be resolved"
        case .forbidden: "the destination is not allowed"
        case .connect: "no connection"
        case .tls: "no TLS connection"
        case .timeout: "no answer in time"
        case .status, .response: "no proper HTTP answer"
        case .storage, .host: "trouble of the relay's own"
        }
    }

    /// What a failure says about the receiver.
    var weight: Breaker.Weight {
        guard let status else { return .trouble }
        return (400...499).contains(status) && status != 408 && status != 429 ? .refusal : .trouble
    }
}
