/// What must survive a restart, and what people see.
extension DeliveryScheduler {
    /// What has happened since the last call; nil if nothing has.
    package mutating func takeProgress() -> ProgressRecord? {
        var record = ProgressRecord()
        for webhook in touched {
            guard let slot = slots[webhook] else { continue }
            var progress = lanes[slot].unsaved
            lanes[slot].unsaved = LaneProgress()
            for (sequence, open) in lanes[slot].open where !open.isRecorded {
                lanes[slot].open[sequence]?.isRecorded = true
                progress.opened.append(LaneProgress.Opening(sequence: sequence, bytes: open.bytes))
            }
            let lane = lanes[slot]
            progress.operational = (progress.opened.map(\.sequence) + progress.retried.map(\.sequence))
                .filter { lane.open[$0]?.isOperational == true }
            record.lanes.append(
                ProgressRecord.LaneEntry(webhook: webhook, cursor: lanes[slot].durableCursor, progress: progress))
        }
        touched.removeAll(keepingCapacity: true)
        unsavedBytes = 0
        return record.lanes.isEmpty ? nil : record
    }

    /// Takes a record back that could not be written.
    package mutating func restoreProgress(_ record: ProgressRecord) {
        for entry in record.lanes {
            guard let slot = slots[entry.webhook] else { continue }
            var older = entry.progress
            for opening in older.opened { lanes[slot].open[opening.sequence]?.isRecorded = false }
            // Only the last try counts, and none of what is settled by now.
            let newer = Set(lanes[slot].unsaved.retried.map(\.sequence))
            older.retried.removeAll { lanes[slot].open[$0.sequence] == nil || newer.contains($0.sequence) }
            // Nor a settlement whose delivery was reopened since then: for the journal it was open all the time.
            for settlement in older.settled where lanes[slot].open[settlement.sequence] != nil {
                lanes[slot].unsaved.reopened.removeAll { $0.sequence == settlement.sequence }
                lanes[slot].open[settlement.sequence]?.isRecorded = false
            }
            older.settled.removeAll { lanes[slot].open[$0.sequence] != nil }
            let kept = Set(older.settled.map(\.sequence) + older.retried.map(\.sequence))
            older.traces.removeAll { !kept.contains($0.sequence) }
            lanes[slot].unsaved.traces.insert(contentsOf: older.traces, at: 0)
            lanes[slot].unsaved.settled.insert(contentsOf: older.settled, at: 0)
            lanes[slot].unsaved.retried.insert(contentsOf: older.retried, at: 0)
            lanes[slot].unsaved.reopened.insert(contentsOf: older.reopened, at: 0)
            if lanes[slot].unsaved.health == nil {
                lanes[slot].unsaved.health = older.health
            } else {
                older.health = nil
            }
            older.opened = []
            older.operational = []
            unsavedBytes += older.encodedBytes
            touched.insert(entry.webhook)
        }
    }

    /// The state of all lanes, for a checkpoint. Call ``takeProgress()`` before, and write what it returns before.
    package func laneStates(now: MonotonicTime, wall: Int64) -> [WebhookNumber: LaneState] {
        var states: [WebhookNumber: LaneState] = [:]
        for (webhook, slot) in slots {
            let lane = lanes[slot]
            // A lane that has everything needs nothing from before the checkpoint.
            var state = LaneState(cursor: reach(of: lane))
            state.pending = lane.pending
            state.pendingBytes = lane.pendingBytes
            state.delivered = lane.delivered
            state.givenUp = lane.givenUp
            for (sequence, open) in lane.open {
                var nextAt: Int64 = 0
                if case .parked(let due) = open.phase { nextAt = wall + max(0, (due - now).milliseconds) }
                state.open[sequence] = LaneState.Open(
                    attempts: open.attempts, nextAt: nextAt, bytes: open.bytes, isRepeat: open.isRepeat,
                    isOperational: open.isOperational)
            }
            let health = lane.health.record(now: now, wall: wall)
            if lane.health != LaneHealth() { state.health = health }
            states[webhook] = state
        }
        return states
    }

    /// Which events the lanes need, as a restart would find them once all progress is on disk that has been taken.
    package var needs: JournalNeeds {
        JournalNeeds(lanes: slots.mapValues { needs(of: lanes[$0]) })
    }

    /// Which events one lane needs; nil for a webhook without one.
    package func needs(of webhook: WebhookNumber) -> JournalNeeds.Lane? {
        slots[webhook].map { needs(of: lanes[$0]) }
    }

    private func needs(of lane: Lane) -> JournalNeeds.Lane {
        JournalNeeds.Lane(cursor: reach(of: lane), open: lane.open.keys.sorted())
    }

    /// The first event that the lane has not come to: one that has everything has come past those that aren't for it, too.
    func reach(of lane: Lane) -> UInt64 {
        lane.waiting.isEmpty && !lane.isLagging ? seen + 1 : lane.durableCursor
    }

    // MARK: Looking at it

    /// Whether ``takeProgress()`` has something to hand out.
    package var hasProgress: Bool { !touched.isEmpty }

    /// Whether an attempt could begin, were there room for it.
    package var hasReadyWork: Bool {
        slots.values.contains { slot in
            var lane = lanes[slot]
            return lane.hasWork(isCrowded: isCrowded) || lane.wantsRead(isCrowded: isCrowded) || lane.isReading
                || lane.order.isLookingUp
        }
    }

    package var pending: Int { slots.values.reduce(0) { $0 + lanes[$1].pending } }

    /// The oldest event with a pending delivery, or one before it that no lane has told apart from it yet; nil: nothing is
    /// pending. Looks at what is in memory: all that is open, and where each lane goes on reading.
    package var oldestPending: UInt64? {
        slots.values.compactMap { slot -> UInt64? in
            // Field by field: a copy of the whole lane would count its references up and down.
            guard lanes[slot].pending > 0 else { return nil }
            let opened = lanes[slot].open.keys.min()
            guard lanes[slot].pending > lanes[slot].open.count else { return opened }
            return min(opened ?? .max, lanes[slot].durableCursor)
        }.min()
    }

    /// A lane's part of a webhook's health; nil for a webhook without one.
    package func health(of webhook: WebhookNumber) -> Health? {
        guard let slot = slots[webhook] else { return nil }
        let lane = lanes[slot]
        var next = lane.open.values.compactMap { if case .parked(let due) = $0.phase { due } else { nil } }.min()
        if let blocked = lane.health.blockedUntil, lane.pending > 0 { next = max(next ?? blocked, blocked) }
        return Health(
            pending: lane.pending, inFlight: lane.inFlight, consecutiveFailures: lane.consecutiveFailures,
            delivered: lane.delivered, givenUp: lane.givenUp, nextTry: next, breaker: lane.health.breaker.state,
            failing: lane.health.failing)
    }

    package struct Health: Equatable, Sendable {
        package let pending: Int
        package let inFlight: Int
        package let consecutiveFailures: Int
        package let delivered: Int
        package let givenUp: Int
        package let nextTry: MonotonicTime?
        package let breaker: Breaker.State
        let failing: LaneHealth.FailureClock?

        /// For how long there has been no success but failures; nil: it is not failing.
        package func failing(at now: MonotonicTime) -> Duration? { failing?.elapsed(at: now) }
    }
}
