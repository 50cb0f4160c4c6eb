import DequeModule
import HeapModule

/// The steps that deliveries and lanes make.
extension DeliveryScheduler {
    /// The proven lanes take turns with the others, as long as the budget of those allows them theirs.
    mutating func nextInTurn() -> WebhookNumber? {
        isUnprovensTurn.toggle()
        if isUnprovensTurn, let webhook = nextUnproven() { return webhook }
        return provenRound.popFirst() ?? nextUnproven()
    }

    /// Lanes that have not been tried take turns with those that have failed, as long as the latter may begin any.
    private mutating func nextUnproven() -> WebhookNumber? {
        guard unprovenMayGo else { return nil }
        isTroubledsTurn.toggle()
        if isTroubledsTurn || unprovenRound.isEmpty, troubledAllowance > 0, let webhook = troubledRound.popFirst() {
            return webhook
        }
        return unprovenRound.popFirst()
    }

    private var unprovenMayGo: Bool { unprovenInFlight < max(1, settings.maxInFlight / 2) }

    /// How many lanes only wait for ``troubledAllowance``.
    package var troubledWaiting: Int {
        isPaused || inFlight >= settings.maxInFlight || !unprovenMayGo ? 0 : troubledRound.count
    }

    mutating func leaveFlight(_ slot: Int) {
        lanes[slot].inFlight -= 1
        inFlight -= 1
        if !lanes[slot].isProven { unprovenInFlight -= 1 }
    }

    /// A lane's attempts in flight count where it belongs from now on.
    mutating func moveFlight(_ slot: Int, wasProven: Bool) {
        guard wasProven != lanes[slot].isProven else { return }
        unprovenInFlight += wasProven ? lanes[slot].inFlight : -lanes[slot].inFlight
    }

    mutating func park(
        _ attempt: Attempt, _ outcome: AttemptOutcome, _ failure: AttemptFailure, _ slot: Int, tries: Int,
        wait: Duration, now: MonotonicTime, wall: Int64
    ) {
        let due = now + wait
        let bytes = lanes[slot].open[attempt.sequence]?.bytes ?? 0
        lanes[slot].open[attempt.sequence]?.attempts = UInt16(clamping: tries)
        lanes[slot].open[attempt.sequence]?.phase = .parked(until: due)
        lanes[slot].open[attempt.sequence]?.isRecorded = true
        changeParked(slot, by: 1)
        timers.insert(Timer(due: due, webhook: attempt.webhook, sequence: attempt.sequence))
        lanes[slot].unsaved.retried.append(
            LaneProgress.Retry(
                sequence: attempt.sequence, at: wall, nextAt: wall + wait.milliseconds, status: outcome.status ?? 0,
                attempts: UInt16(clamping: tries),
                microseconds: UInt32(clamping: outcome.duration.nanoseconds / 1000), bytes: bytes,
                reason: failure.reason))
        unsavedBytes += LaneProgress.retryBytes + failure.reason.utf8.count
        touched.insert(attempt.webhook)
    }

    mutating func settle(
        _ sequence: UInt64, _ result: SettlementResult, _ slot: Int, attempts: Int, outcome: AttemptOutcome, wall: Int64
    ) {
        let open = lanes[slot].open.removeValue(forKey: sequence)
        if let open { forgetPlace(of: open, sequence, slot) }
        let bytes = open?.bytes ?? 0
        lanes[slot].cancelled.remove(sequence)
        record(
            LaneProgress.Settlement(
                sequence: sequence, at: wall, result: result, status: outcome.status ?? 0,
                attempts: UInt16(clamping: attempts),
                microseconds: UInt32(clamping: outcome.duration.nanoseconds / 1000), bytes: bytes), slot)
    }

    /// Keeps more of an attempt that failed.
    mutating func trace(_ attempt: Attempt, _ outcome: AttemptOutcome, _ decision: Decision, _ slot: Int, wall: Int64) {
        guard case .failed(let failure) = outcome.result else { return }
        var reason = ""
        switch decision {
        case .settled: reason = failure.reason
        // The retry says why.
        case .retry: break
        case .none: return
        }
        lanes[slot].unsaved.traces.append(
            AttemptTrace(
                sequence: attempt.sequence, at: wall, kind: failure.kind, phases: outcome.phases, reason: reason,
                answerOffset: UInt16(clamping: failure.answerOffset)))
        unsavedBytes += AttemptTrace.byteCount + reason.utf8.count
    }

    mutating func record(_ settlement: LaneProgress.Settlement, _ slot: Int) {
        lanes[slot].pending = max(0, lanes[slot].pending - 1)
        lanes[slot].pendingBytes = max(0, lanes[slot].pendingBytes - Int(settlement.bytes))
        if settlement.result == .delivered { lanes[slot].delivered += 1 } else { lanes[slot].givenUp += 1 }
        lanes[slot].unsaved.settled.append(settlement)
        unsavedBytes += LaneProgress.settlementBytes
        touched.insert(lanes[slot].webhook)
    }

    mutating func changeParked(_ slot: Int, by change: Int) {
        lanes[slot].parked += change
        parked += change
        if parked >= Limits.retries {
            isCrowded = true
        } else if isCrowded, parked < Limits.retries - Limits.retries / 16 {
            isCrowded = false
            for slot in slots.values { wake(slot) }
        }
    }

    /// Takes note of an event that waits no longer.
    @inline(__always)
    mutating func release(_ waiting: Lane.Waiting, _ slot: Int) {
        lanes[slot].waitingBytes -= waiting.bytes
        memory.release(waiting.share)
    }

    mutating func releaseWaiting(_ slot: Int) {
        let waiting = lanes[slot].waiting
        lanes[slot].dropWaiting()
        for event in waiting { release(event, slot) }
    }

    /// Puts a lane where its state says it belongs: into a round, among the readers, or nowhere.
    mutating func wake(_ slot: Int) {
        queueIfReady(slot)
        if lanes[slot].wantsRead(isCrowded: isCrowded) { queueReader(slot) }
    }

    mutating func queueReader(_ slot: Int) {
        guard !lanes[slot].isReaderQueued else { return }
        lanes[slot].isReaderQueued = true
        readers.append(lanes[slot].webhook)
    }

    @inline(__always)
    mutating func queueIfReady(_ slot: Int) {
        guard !lanes[slot].isQueued, lanes[slot].hasWork(isCrowded: isCrowded) else { return }
        lanes[slot].isQueued = true
        if lanes[slot].isProven {
            provenRound.append(lanes[slot].webhook)
        } else if lanes[slot].consecutiveFailures == 0 {
            unprovenRound.append(lanes[slot].webhook)
        } else {
            troubledRound.append(lanes[slot].webhook)
        }
    }
}
