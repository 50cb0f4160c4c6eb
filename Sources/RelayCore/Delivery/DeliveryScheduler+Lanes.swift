import HeapModule

/// Webhooks come, change and go.
extension DeliveryScheduler {
    /// Adds a webhook's lane, or changes the settings of the one it has.
    ///
    /// - Parameter state: what a restart found; nil for a new webhook.
    package mutating func setLane(
        of webhook: Webhook, state: LaneState? = nil, now: MonotonicTime, wall: Int64
    ) {
        let policy = RetryPolicy(
            schedule: webhook.settings.retrySchedule ?? settings.retry.schedule,
            maxAge: webhook.settings.maxAge ?? settings.retry.maxAge)
        let timeout = webhook.settings.timeout ?? settings.timeout
        let windowMax = min(webhook.settings.maxInFlight ?? settings.maxInFlightPerWebhook, settings.maxInFlight)
        let isPaused = webhook.state != .active

        if let slot = slots[webhook.number] {
            lanes[slot].policy = policy
            lanes[slot].timeout = timeout
            lanes[slot].windowMax = windowMax
            lanes[slot].window = min(lanes[slot].window, windowMax)
            useState(of: webhook, slot, now: now, wall: wall)
            if isPaused { releaseWaiting(slot) }
            if lanes[slot].order.ordering != webhook.settings.ordering {
                setOrdering(webhook.settings.ordering, slot)
                if !lanes[slot].takesFresh(isCrowded: isCrowded) { releaseWaiting(slot) }
            }
            setRateLimit(webhook.settings.rateLimit, slot, isNew: true, now: now)
            wake(slot)
            return
        }
        var lane = Lane(
            webhook: webhook.number, policy: policy, timeout: timeout, windowMax: windowMax, isPaused: isPaused,
            cursor: state?.cursor ?? seen + 1)
        lane.window = min(2, windowMax)
        if let state { restore(&lane, from: state, now: now, wall: wall) }
        let slot = vacant.popLast() ?? lanes.count
        if slot == lanes.count { lanes.append(lane) } else { lanes[slot] = lane }
        slots[webhook.number] = slot
        setOrdering(webhook.settings.ordering, slot)
        setRateLimit(webhook.settings.rateLimit, slot, isNew: state == nil, now: now)
        if case .disabled = webhook.state { useState(of: webhook, slot, now: now, wall: wall) }
        changeParked(slot, by: 0)
        reconcile(slot)
        wake(slot)
    }

    mutating func restore(_ lane: inout Lane, from state: LaneState, now: MonotonicTime, wall: Int64) {
        lane.pending = state.pending
        lane.pendingBytes = state.pendingBytes
        lane.delivered = state.delivered
        lane.givenUp = state.givenUp
        lane.isLagging = state.cursor <= seen
        if let health = state.health { restoreHealth(&lane, health, now: now, wall: wall) }
        let begun = Lane.Moment(monotonic: now, wall: wall)
        for (sequence, open) in state.open {
            if open.isRepeat { lane.openRepeats += 1 }
            // A wall clock that was set back must not keep a try waiting for longer than it was meant to.
            let wait = min(max(0, open.nextAt - wall), open.waitMax)
            if open.nextAt == 0 || wait == 0 {
                lane.open[sequence] = Lane.Open(
                    attempts: open.attempts, phase: .due, isRecorded: true, bytes: open.bytes, begun: begun,
                    isRepeat: open.isRepeat, isOperational: open.isOperational)
            } else {
                let due = now + .milliseconds(wait)
                lane.open[sequence] = Lane.Open(
                    attempts: open.attempts, phase: .parked(until: due), isRecorded: true, bytes: open.bytes,
                    begun: begun, isRepeat: open.isRepeat, isOperational: open.isOperational)
                timers.insert(Timer(due: due, webhook: lane.webhook, sequence: sequence))
            }
        }
        lane.parked = state.open.count
        parked += state.open.count
    }

    /// Takes the settings for all lanes; ``setLane(of:state:now:wall:)`` for each webhook makes them count there.
    package mutating func replaceSettings(_ settings: Settings) {
        self.settings = settings
    }

    /// Ends a webhook's lane; what was pending is cancelled.
    package mutating func removeLane(of webhook: WebhookNumber) {
        guard let slot = slots.removeValue(forKey: webhook) else { return }
        if !lanes[slot].isProven { unprovenInFlight -= lanes[slot].inFlight }
        inFlight -= lanes[slot].inFlight
        releaseWaiting(slot)
        unsavedBytes = max(0, unsavedBytes - lanes[slot].unsaved.encodedBytes)
        changeParked(slot, by: -lanes[slot].parked)
        lanes[slot].open.removeAll()
        touched.remove(webhook)
        vacant.append(slot)
    }
}
