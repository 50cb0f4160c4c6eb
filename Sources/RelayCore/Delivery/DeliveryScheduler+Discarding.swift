import HeapModule

/// Deliveries that end without an attempt: displaced by a limit, cancelled with their events, lost with a damaged record.
extension DeliveryScheduler {
    /// What has ended without an attempt since the last call.
    package mutating func takeNotices() -> [Notice] {
        defer { notices = [] }
        return notices
    }

    /// Gives up the oldest pending deliveries of the failing webhook that has the most of them.
    ///
    /// - Parameter bytes: how many, of their bodies.
    /// - Returns: the webhook; nil if none is failing.
    package mutating func displaceLargest(bytes: Int, wall: Int64) -> WebhookNumber? {
        let failing = slots.filter { lanes[$1].consecutiveFailures > 0 && lanes[$1].pendingBytes > 0 }
        guard let (webhook, slot) = failing.max(by: { lanes[$0.value].pendingBytes < lanes[$1.value].pendingBytes })
        else { return nil }
        lanes[slot].displaceTo = max(0, lanes[slot].pendingBytes - bytes)
        discard(slot, wall: wall)
        return webhook
    }

    /// Gives up the oldest deliveries of a webhook that has more than its share, and a sixteenth more, so that it is not
    /// done anew with each event.
    mutating func limitBacklog(_ slot: Int, wall: Int64) {
        guard lanes[slot].displaceTo == nil else { return }
        lanes[slot].displaceTo = settings.backlogBytesPerWebhook - settings.backlogBytesPerWebhook / 16
        discard(slot, wall: wall)
    }

    /// Cancels the pending delivery of one event.
    package mutating func cancel(_ sequence: UInt64, bytes: Int, for webhook: WebhookNumber, wall: Int64) {
        guard let slot = slots[webhook] else { return }
        if let open = lanes[slot].open[sequence] {
            // An attempt that is under way ends as it ends, and is the last one.
            guard open.phase != .inFlight else {
                lanes[slot].cancelled.insert(sequence)
                return
            }
            drop(sequence, slot, .cancelled, wall: wall)
        } else if let index = lanes[slot].waiting.firstIndex(where: { $0.sequence == sequence }) {
            release(lanes[slot].waiting.remove(at: index), slot)
            settleUnattempted(sequence, bytes: bytes, .cancelled, slot, wall: wall)
        } else if lanes[slot].isLagging, sequence >= lanes[slot].cursor, sequence <= seen,
            lanes[slot].cancelled.insert(sequence).inserted
        {
            settleUnattempted(sequence, bytes: bytes, .cancelled, slot, wall: wall)
        }
        wake(slot)
    }

    /// Cancels all pending deliveries of an event.
    package mutating func cancel(_ event: EventRecord, wall: Int64) {
        for index in 0..<event.webhookCount {
            let matched = event.webhook(index)
            guard matched.takesDeliveries else { continue }
            cancel(event.sequence, bytes: event.body.count, for: matched.number, wall: wall)
        }
        cancelOpen(event.sequence, wall: wall)
    }

    /// Cancels the deliveries of an event that have been begun, those to webhooks that it did not match at first among them.
    package mutating func cancelOpen(_ sequence: UInt64, wall: Int64) {
        for (webhook, slot) in slots {
            guard let open = lanes[slot].open[sequence] else { continue }
            cancel(sequence, bytes: Int(open.bytes), for: webhook, wall: wall)
        }
    }

    /// Whether deliveries that ``cancelAll(of:through:wall:)`` has named are still to be found in the journal.
    package func isCancelling(_ webhook: WebhookNumber) -> Bool {
        slots[webhook].map { lanes[$0].cancelThrough != nil } ?? false
    }

    /// Cancels all pending deliveries of a webhook up to an event.
    package mutating func cancelAll(of webhook: WebhookNumber, through: UInt64, wall: Int64) {
        guard let slot = slots[webhook] else { return }
        lanes[slot].cancelThrough = max(through, lanes[slot].cancelThrough ?? 0)
        discard(slot, wall: wall)
    }

    // MARK: Inside

    /// Ends what is at hand and has to go: the oldest first. The rest goes as it is read.
    mutating func discard(_ slot: Int, wall: Int64) {
        let opened = lanes[slot].open.filter { $1.phase != .inFlight }.keys.sorted()
        for sequence in opened {
            guard let result = lanes[slot].discards(sequence) else { break }
            drop(sequence, slot, result, wall: wall)
        }
        if let through = lanes[slot].cancelThrough {
            for (sequence, open) in lanes[slot].open where open.phase == .inFlight && sequence <= through {
                lanes[slot].cancelled.insert(sequence)
            }
        }
        while let first = lanes[slot].waiting.first, let result = lanes[slot].discards(first.sequence) {
            lanes[slot].waiting.removeFirst()
            release(first, slot)
            settleUnattempted(
                first.sequence, bytes: first.bytes, result, slot, isOperational: first.event.isOperational, wall: wall)
        }
        endDiscarding(slot)
        wake(slot)
    }

    mutating func endDiscarding(_ slot: Int) {
        if let target = lanes[slot].displaceTo, lanes[slot].pendingBytes <= target || !lanes[slot].isLagging {
            lanes[slot].displaceTo = nil
        }
        if let through = lanes[slot].cancelThrough, lanes[slot].durableCursor > through || !lanes[slot].isLagging {
            lanes[slot].cancelThrough = nil
        }
    }

    /// Ends a delivery that is open and not in flight.
    mutating func drop(_ sequence: UInt64, _ slot: Int, _ result: SettlementResult, wall: Int64) {
        guard let open = lanes[slot].open.removeValue(forKey: sequence) else { return }
        changeParked(slot, by: -1)
        if case .parked = open.phase { forgetTimer() }
        forgetPlace(of: open, sequence, slot)
        settleUnattempted(
            sequence, bytes: Int(open.bytes), result, slot, attempts: open.attempts, isOperational: open.isOperational,
            wall: wall)
    }

    mutating func settleUnattempted(
        _ sequence: UInt64, bytes: Int, _ result: SettlementResult, _ slot: Int, attempts: UInt16 = 0,
        isOperational: Bool = false, wall: Int64
    ) {
        record(
            LaneProgress.Settlement(
                sequence: sequence, at: wall, result: result, status: 0, attempts: attempts, microseconds: 0,
                bytes: UInt32(clamping: bytes)), slot)
        note(result, slot, count: 1, operational: isOperational ? 1 : 0)
    }

    private mutating func note(_ result: SettlementResult, _ slot: Int, count: Int, operational: Int = 0) {
        let webhook = lanes[slot].webhook
        if let index = notices.firstIndex(where: { $0.webhook == webhook && $0.result == result }) {
            notices[index].count += count
            notices[index].operational += operational
        } else {
            notices.append(Notice(webhook: webhook, result: result, count: count, operational: operational))
        }
    }

    /// A timer's delivery has ended: its timer stays until it is due, or until most of them are such.
    private mutating func forgetTimer() {
        staleTimers += 1
        guard staleTimers > 1024, staleTimers * 2 > timers.count else { return }
        timers = Heap(timers.unordered.filter { isNeeded($0) })
        staleTimers = 0
    }

    /// A lane that has everything at hand knows what is pending. What was counted beyond that was in records that are
    /// damaged or gone.
    mutating func reconcile(_ slot: Int) {
        guard !lanes[slot].isLagging else { return }
        let known = lanes[slot].open.count + lanes[slot].waiting.count
        let lost = lanes[slot].pending - known
        guard lost != 0 else { return }
        lanes[slot].pending = known
        lanes[slot].pendingBytes =
            lanes[slot].waitingBytes + lanes[slot].open.values.reduce(0) { $0 + Int($1.bytes) }
        guard lost > 0 else { return }
        lanes[slot].givenUp += lost
        note(.unreadable, slot, count: lost)
    }
}
