import DequeModule
import HeapModule

/// Decides which delivery is attempted when: a state machine without clock, randomness or input and output of its own.
///
/// Its owner tells it what has happened (``accepted(_:now:)``, ``loaded(_:for:next:)``, ``finished(_:_:now:wall:random:)``,
/// ``advance(to:)``), then asks what to do until the answers are nil: ``nextAttempt(now:wall:)`` and ``nextRead()``.
/// What must survive is handed out by ``takeProgress(wall:)``.
///
/// A webhook is a lane. Lanes that have work stand in a round and begin one attempt in turn, those whose receivers have
/// lately worked in one round and the others in two more, of those that have not been tried and those that have failed,
/// which may use half of the budget: a thousand dead webhooks take neither turns nor places from a living one.
package struct DeliveryScheduler {
    /// One try of one delivery.
    package struct Attempt: Sendable {
        package let webhook: WebhookNumber
        package let sequence: UInt64
        /// 1 for the first.
        package let number: Int
        package let timeout: Duration
        /// The event, where it is in memory; else the journal has it under `sequence`.
        package let event: EventRecord?
        /// Whether the delivery is made once more, as far as is known since the start.
        package let isRepeat: Bool
    }

    /// A lane's wish for events from the journal.
    package struct Read: Equatable, Sendable {
        package let webhook: WebhookNumber
        package let from: UInt64
        package let through: UInt64
        package let maxEvents: Int

        package init(webhook: WebhookNumber, from: UInt64, through: UInt64, maxEvents: Int) {
            self.webhook = webhook
            self.from = from
            self.through = through
            self.maxEvents = maxEvents
        }
    }

    /// What an outcome led to.
    package enum Decision: Equatable, Sendable {
        case settled(SettlementResult)
        case retry(after: Duration)
        /// The webhook is gone, or the attempt counted as none.
        case none
    }

    /// Deliveries that ended without an attempt.
    package struct Notice: Equatable, Sendable {
        package let webhook: WebhookNumber
        package let result: SettlementResult
        package var count: Int
        /// How many of them were of operational events.
        package var operational = 0
    }

    struct Timer: Comparable {
        let due: MonotonicTime
        let webhook: WebhookNumber
        let sequence: UInt64

        static func < (one: Self, other: Self) -> Bool { one.due < other.due }
    }

    package internal(set) var settings: Settings
    /// No attempts begin while it is set.
    package var isPaused = false
    /// The last event that lanes have been told of.
    package private(set) var seen: UInt64
    package internal(set) var inFlight = 0

    var lanes: [Lane] = []
    var slots: [WebhookNumber: Int] = [:]
    var vacant: [Int] = []
    var provenRound = Deque<WebhookNumber>()
    var unprovenRound = Deque<WebhookNumber>()
    var troubledRound = Deque<WebhookNumber>()
    var isUnprovensTurn = false
    var isTroubledsTurn = false
    /// How many attempts may still begin of lanes whose receivers have failed since their last success, if they ever had
    /// one. When hundreds of them are due at once, whoever performs the attempts lets them go a few at a time.
    package var troubledAllowance = Int.max
    /// Whether its owner has hardly been idle lately: then quick attempts wait for their turn on this host, and more of them at
    /// once would make each slower and none sooner.
    package var isOwnerBusy = false
    var unprovenInFlight = 0
    var readers = Deque<WebhookNumber>()
    var timers = Heap<Timer>()
    /// Lanes that wait for a token of their rate limit.
    var throttles = Heap<Timer>()
    /// Lanes that want to see events for their order.
    var unplaced = Deque<WebhookNumber>()
    /// Of events that wait.
    var memory = EventMemory()
    var touched: Set<WebhookNumber> = []
    /// Deliveries of all lanes that are open and not in flight.
    var parked = 0
    /// Whether there are so many of them that lanes begin no new ones.
    var isCrowded = false
    /// Timers of deliveries that do not wait for them any more, at most.
    var staleTimers = 0
    /// About how many bytes of progress nobody has taken yet.
    var unsavedBytes = 0
    var notices: [Notice] = []
    var healthChanges: [HealthChange] = []

    /// - Parameter seen: the last event that was accepted before.
    package init(settings: Settings, seen: UInt64) {
        self.settings = settings
        self.seen = seen
    }

    // MARK: What has happened

    /// Takes an event that is on disk. Events come in the order of their sequences.
    package mutating func accepted(_ event: EventRecord, now: MonotonicTime) {
        let sequence = event.sequence
        for index in 0..<event.webhookCount {
            let matched = event.webhook(index)
            guard matched.takesDeliveries, let slot = slots[matched.number] else { continue }
            enqueue(event, sequence, slot)
        }
        seen = sequence
    }

    /// Notes that events up to this one are on disk, and that those of them that it was not told of go to no webhook.
    package mutating func noteAccepted(through sequence: UInt64) {
        seen = max(seen, sequence)
    }

    @inline(__always)
    mutating func enqueue(_ event: EventRecord, _ sequence: UInt64, _ slot: Int) {
        let bytes = event.body.count
        lanes[slot].pending += 1
        lanes[slot].pendingBytes += bytes
        defer {
            if lanes[slot].pendingBytes > settings.backlogBytesPerWebhook { limitBacklog(slot, wall: event.acceptedAt) }
        }
        if lanes[slot].isLagging { return }
        if let result = lanes[slot].discards(sequence) {
            return settleUnattempted(
                sequence, bytes: bytes, result, slot, isOperational: event.isOperational, wall: event.acceptedAt)
        }
        guard lanes[slot].waiting.count < lanes[slot].liveMax, !lanes[slot].isPaused,
            lanes[slot].takesFresh(isCrowded: isCrowded),
            memory.bytes + memory.price(of: event.buffer) <= Limits.liveEventBytes
        else {
            if lanes[slot].waiting.isEmpty { lanes[slot].cursor = sequence }
            lanes[slot].isLagging = true
            return
        }
        lanes[slot].waiting.append(
            Lane.Waiting(event: event, sequence: sequence, bytes: bytes, share: memory.hold(event.buffer)))
        lanes[slot].waitingBytes += bytes
        lanes[slot].cursor = sequence + 1
        queueIfReady(slot)
    }

    /// Takes events that ``nextRead()`` asked for.
    ///
    /// - Parameters:
    ///   - events: those of the webhook, in order.
    ///   - next: the sequence from which on nothing has been looked at.
    package mutating func loaded(
        _ events: [EventRecord], for webhook: WebhookNumber, next: UInt64, now: MonotonicTime, wall: Int64
    ) {
        guard let slot = slots[webhook] else { return }
        let isStale = lanes[slot].isReadStale
        lanes[slot].isReading = false
        lanes[slot].isReadStale = false
        if isStale || (lanes[slot].isPaused && !lanes[slot].isDiscarding) {
            wake(slot)
            return
        }
        var next = next
        // What was begun before a restart is open already.
        for event in events where event.sequence >= lanes[slot].cursor {
            let sequence = event.sequence
            let bytes = event.body.count
            if lanes[slot].cancelled.remove(sequence) != nil { continue }
            if let result = lanes[slot].discards(sequence) {
                settleUnattempted(
                    sequence, bytes: bytes, result, slot, isOperational: event.isOperational, wall: wall)
                continue
            }
            guard !lanes[slot].isPaused, lanes[slot].takesFresh(isCrowded: isCrowded),
                lanes[slot].waiting.count < Limits.laneWindow
            else {
                // Only what had to go was of interest, or there is no room for it any more.
                next = sequence
                break
            }
            lanes[slot].waiting.append(
                Lane.Waiting(event: event, sequence: sequence, bytes: bytes, share: memory.hold(read: event.buffer)))
            lanes[slot].waitingBytes += bytes
        }
        lanes[slot].cursor = max(lanes[slot].cursor, next)
        lanes[slot].isLagging = lanes[slot].cursor <= seen
        if !lanes[slot].cancelled.isEmpty {
            // An erased event does not come by any more.
            let (cursor, open) = (lanes[slot].cursor, lanes[slot].open)
            lanes[slot].cancelled = lanes[slot].cancelled.filter { $0 >= cursor || open[$0] != nil }
        }
        endDiscarding(slot)
        reconcile(slot)
        wake(slot)
    }

    /// Takes note that time has passed: deliveries whose next try is due become ready.
    package mutating func advance(to now: MonotonicTime) {
        endThrottles(now)
        while let timer = timers.min, timer.due <= now {
            timers.removeMin()
            guard isNeeded(timer), let slot = slots[timer.webhook] else {
                staleTimers = max(0, staleTimers - 1)
                continue
            }
            guard timer.sequence != Self.laneTimer else {
                unblock(slot, now: now)
                continue
            }
            lanes[slot].makeReady(timer.sequence)
            queueIfReady(slot)
        }
    }

    /// When ``advance(to:)`` has something to do.
    package var nextTimer: MonotonicTime? {
        guard let token = throttles.min?.due else { return timers.min?.due }
        return timers.min.map { min($0.due, token) } ?? token
    }

    /// Takes an attempt's outcome.
    ///
    /// - Parameters:
    ///   - acceptedAt: when the event was accepted, Unix milliseconds.
    ///   - random: any 64 bits, for the jitter.
    ///   - isOperational: whether the event is an operational one; nil: as is known.
    package mutating func finished(
        _ attempt: Attempt, acceptedAt: Int64, _ outcome: AttemptOutcome, now: MonotonicTime, wall: Int64,
        random: UInt64, isOperational: Bool? = nil
    ) -> Decision {
        guard let slot = slots[attempt.webhook], var open = lanes[slot].open[attempt.sequence],
            open.phase == .inFlight
        else { return .none }
        if let isOperational, isOperational != open.isOperational {
            open.isOperational = isOperational
            lanes[slot].open[attempt.sequence] = open
        }
        leaveFlight(slot)
        let wasProven = lanes[slot].isProven
        let decision: Decision
        switch outcome.result {
        case .delivered:
            noteSuccess(attempt, open, outcome, slot, now: now, wall: wall)
            decision = .settled(.delivered)
        case .failed where lanes[slot].cancelled.contains(attempt.sequence),
            .abandoned where lanes[slot].cancelled.contains(attempt.sequence):
            decision = .settled(.cancelled)
        case .failed where lanes[slot].health.isDisabled, .abandoned where lanes[slot].health.isDisabled:
            decision = .settled(.webhookDisabled)
        case .failed(let failure) where failure.kind == .host:
            park(
                attempt, outcome, failure, slot, tries: attempt.number - 1, wait: Limits.hostTroubleTime, now: now,
                wall: wall)
            decision = .retry(after: Limits.hostTroubleTime)
        case .failed(let failure) where failure.kind == .storage:
            decision = .settled(.unreadable)
        case .failed where outcome.wish == .abortMessage && outcome.status != 410:
            // An answer that knows what it wants: no sign of a receiver in trouble.
            decision = .settled(.aborted)
        case .failed(let failure):
            noteFailure(attempt, open, outcome, failure, slot, now: now, wall: wall, random: random)
            guard !lanes[slot].health.isDisabled else {
                decision = .settled(.webhookDisabled)
                break
            }
            let before = open.isRepeat ? 0 : max(0, open.begun.wall - acceptedAt)
            let age = .milliseconds(before) + (now - open.begun.monotonic)
            switch lanes[slot].policy.decide(
                attempts: attempt.number, age: age, retryAfter: failure.retryAfter, random: random)
            {
            case .giveUp(let result): decision = .settled(result)
            case .retry(let wait):
                park(attempt, outcome, failure, slot, tries: attempt.number, wait: wait, now: now, wall: wall)
                decision = .retry(after: wait)
            }
        case .abandoned:
            lanes[slot].open[attempt.sequence]?.attempts = UInt16(clamping: attempt.number - 1)
            lanes[slot].makeReady(attempt.sequence)
            changeParked(slot, by: 1)
            decision = .none
        }
        if case .settled(let result) = decision {
            settle(attempt.sequence, result, slot, attempts: attempt.number, outcome: outcome, wall: wall)
        }
        trace(attempt, outcome, decision, slot, wall: wall)
        moveFlight(slot, wasProven: wasProven)
        leaveLine(open.place, slot)
        if !lanes[slot].takesFresh(isCrowded: isCrowded) { releaseWaiting(slot) }
        wake(slot)
        return decision
    }

    // MARK: What to do

    /// The next attempt to begin; nil if none can be begun now.
    package mutating func nextAttempt(now: MonotonicTime, wall: Int64) -> Attempt? {
        while !isPaused, inFlight < settings.maxInFlight, unsavedBytes < Limits.unsavedProgressBytes {
            guard let webhook = nextInTurn() else { return nil }
            guard let slot = slots[webhook] else { continue }
            lanes[slot].isQueued = false
            guard lanes[slot].hasWork(isCrowded: isCrowded), hasToken(slot, now: now),
                let attempt = begin(slot, now: now, wall: wall)
            else {
                wake(slot)
                continue
            }
            lanes[slot].bucket?.take(now: now)
            wake(slot)
            return attempt
        }
        return nil
    }

    mutating func begin(_ slot: Int, now: MonotonicTime, wall: Int64) -> Attempt? {
        let sequence: UInt64
        let number: Int
        let epoch = lanes[slot].health.breaker.epoch
        var event: EventRecord?
        var isRepeat = false
        if let retried = lanes[slot].popDue(isCrowded: isCrowded) {
            guard let open = lanes[slot].open[retried], open.phase == .due else { return nil }
            guard lanes[slot].mayBegin(retried, open) else {
                lanes[slot].open[retried]?.phase = .blocked
                return nil
            }
            sequence = retried
            number = Int(open.attempts) + 1
            isRepeat = open.isRepeat
            lanes[slot].open[retried]?.phase = .inFlight
            lanes[slot].open[retried]?.epoch = epoch
            changeParked(slot, by: -1)
        } else {
            guard lanes[slot].hasFresh(isCrowded: isCrowded), let fresh = lanes[slot].waiting.popFirst() else {
                return nil
            }
            release(fresh, slot)
            sequence = fresh.sequence
            number = 1
            event = fresh.event
            guard beginFresh(fresh, slot, epoch: epoch, now: now, wall: wall) else { return nil }
        }
        if let open = lanes[slot].open[sequence] { lanes[slot].enterFlight(open) }
        lanes[slot].inFlight += 1
        inFlight += 1
        if !lanes[slot].isProven {
            unprovenInFlight += 1
            if lanes[slot].consecutiveFailures > 0, troubledAllowance < .max { troubledAllowance -= 1 }
        }
        return Attempt(
            webhook: lanes[slot].webhook, sequence: sequence, number: number, timeout: lanes[slot].timeout,
            event: event, isRepeat: isRepeat)
    }

    /// The next part of the journal to read for a lane; nil if no lane wants one now.
    package mutating func nextRead() -> Read? {
        var looks = unsavedBytes < Limits.unsavedProgressBytes ? readers.count : 0
        while looks > 0, let webhook = readers.popFirst() {
            looks -= 1
            guard let slot = slots[webhook] else { continue }
            lanes[slot].isReaderQueued = false
            guard lanes[slot].wantsRead(isCrowded: isCrowded) else { continue }
            // Past the memory budget only a lane that has nothing at hand goes on.
            guard memory.bytes < Limits.liveEventBytes || lanes[slot].waiting.isEmpty || lanes[slot].isDiscarding else {
                queueReader(slot)
                continue
            }
            lanes[slot].isReading = true
            return Read(
                webhook: webhook, from: lanes[slot].cursor, through: seen,
                maxEvents: lanes[slot].isDiscarding
                    ? Limits.laneWindow : lanes[slot].readAhead - lanes[slot].waiting.count)
        }
        return nil
    }
}
