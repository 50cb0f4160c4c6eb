import DequeModule

/// One webhook's deliveries: its own queue, its own window, its own failures.
///
/// Where a delivery is:
///
/// ```
/// in the journal, from `cursor` on ──▶ waiting ──▶ open: in flight ──▶ settled
///                                                    ▲        │
///                                                    │        ▼
///                                     due ◀── open: parked until its next try, or blocked by an earlier one
/// ```
///
/// Durable are the cursor and what is open; `waiting` is no more than a read-ahead, and may be dropped at any time.
///
/// What is asked of it at each attempt is `mutating`, though it changes nothing: the lane is an element of an array, and
/// only so is the method called on the element itself and not on a copy, which counts a dozen references up and down.
struct Lane {
    /// A fresh event, loaded and not yet tried.
    struct Waiting {
        let event: EventRecord
        let sequence: UInt64
        let bytes: Int
        /// Of the batch that it came in.
        let share: EventMemory.Share
    }

    /// A delivery that has been begun and is not settled.
    struct Open {
        enum Phase: Equatable {
            case inFlight
            case parked(until: MonotonicTime)
            case due
            /// It waits for an earlier one of its line, or for its place to be known.
            case blocked
        }

        var attempts: UInt16
        var phase: Phase
        /// Whether the journal knows that it is open.
        var isRecorded: Bool
        /// Of the event's body.
        var bytes: UInt32
        /// When it was begun by this process, on both clocks: from then on its age grows with the monotonic one.
        var begun: Moment
        /// Whether it is made once more: its age counts from then on, or from a restart.
        var isRepeat = false
        var place = LaneOrder.Place.free
        /// Of the breaker, when its last attempt began.
        var epoch: UInt32 = 0
        var isOperational = false
    }

    struct Moment: Equatable {
        let monotonic: MonotonicTime
        let wall: Int64
    }

    let webhook: WebhookNumber
    var policy: RetryPolicy
    var timeout: Duration
    var windowMax: Int
    var isPaused: Bool

    /// The first event that is neither open, nor settled, nor waiting.
    var cursor: UInt64
    /// Whether there may be events of this lane in the journal from `cursor` on that it has not loaded.
    var isLagging = false
    var isReading = false
    /// Whether the cursor has gone back since the read was asked for: its answer would leave a gap.
    var isReadStale = false
    /// Whether it stands in line for a read.
    var isReaderQueued = false
    var waiting = Deque<Waiting>()
    var waitingBytes = 0
    var open: [UInt64: Open] = [:]
    var due = Deque<UInt64>()
    /// Those that are due and are made once more: they take turns with the live ones.
    var repeatsDue = Deque<UInt64>()
    var isRepeatsTurn = false
    /// How many of `open` are made once more.
    var openRepeats = 0
    var order = LaneOrder()
    var isQueuedForLookUp = false
    var bucket: TokenBucket?
    /// Whether it waits for a token.
    var isThrottled = false
    /// How many of `open` are not in flight.
    var parked = 0
    var inFlight = 0
    var window = 2
    /// Whether it stands in the round of lanes that have work.
    var isQueued = false

    /// Not settled, wherever they are, and the bytes of their bodies.
    var pending = 0
    var pendingBytes = 0
    /// The oldest pending deliveries are being given up until no more bytes than this are pending.
    var displaceTo: Int?
    /// Deliveries that were cancelled while they were still in the journal alone: not to be begun when they are read.
    var cancelled: Set<UInt64> = []
    /// Everything up to this event is being cancelled.
    var cancelThrough: UInt64?
    var delivered = 0
    var givenUp = 0
    var health = LaneHealth()
    var hasSucceeded = false

    /// What the journal does not know yet.
    var unsaved = LaneProgress()

    init(webhook: WebhookNumber, policy: RetryPolicy, timeout: Duration, windowMax: Int, isPaused: Bool, cursor: UInt64)
    {
        self.webhook = webhook
        self.policy = policy
        self.timeout = timeout
        self.windowMax = windowMax
        self.isPaused = isPaused
        self.cursor = cursor
    }

    @inline(__always) var consecutiveFailures: Int { health.breaker.consecutiveFailures }

    /// Whether the receiver has lately shown that it works.
    @inline(__always) var isProven: Bool { hasSucceeded && consecutiveFailures < 5 }

    /// Whether fresh events may be begun: a receiver that fails them all is not given ever more.
    ///
    /// - Parameter isCrowded: whether all lanes together have as many waiting for their next try as memory is meant for.
    @inline(__always) mutating func takesFresh(isCrowded: Bool) -> Bool {
        !health.isBlocked && hasRoom(isCrowded: isCrowded)
    }

    /// Whether more live deliveries may wait for their next try.
    @inline(__always) mutating func hasRoom(isCrowded: Bool) -> Bool {
        parkedLive < parkedMax(isCrowded: isCrowded)
    }

    /// Whether it could begin an attempt now.
    @inline(__always) mutating func hasWork(isCrowded: Bool) -> Bool {
        !isPaused && !isThrottled && !health.isBlocked && inFlight < window && order.held == 0
            && (!due.isEmpty || !repeatsDue.isEmpty || hasFresh(isCrowded: isCrowded))
    }

    /// Whether it wants more events from the journal.
    @inline(__always) mutating func wantsRead(isCrowded: Bool) -> Bool {
        guard isLagging, !isReading else { return false }
        if isDiscarding { return true }
        return !isPaused && takesFresh(isCrowded: isCrowded) && waiting.count * 2 < readAhead
    }

    /// Whether deliveries that are in the journal alone are to be settled without an attempt.
    @inline(__always) var isDiscarding: Bool { displaceTo != nil || cancelThrough != nil || health.isDisabled }

    /// How a delivery ends that nobody may attempt; nil: it may be.
    @inline(__always) func discards(_ sequence: UInt64) -> SettlementResult? {
        if let cancelThrough, sequence <= cancelThrough { return .cancelled }
        if health.isDisabled { return .webhookDisabled }
        if let displaceTo, pendingBytes > displaceTo { return .displaced }
        return nil
    }

    /// How many live events may wait for it. A receiver that fails would hold on to the batches that they came in, and
    /// others be short of memory.
    @inline(__always) var liveMax: Int { consecutiveFailures == 0 ? Limits.laneWindow : readAhead }

    /// How many events it is worth having at hand.
    @inline(__always) var readAhead: Int { min(Limits.laneWindow, max(16, window * 16)) }

    /// The first event that a restart has to begin with.
    var durableCursor: UInt64 { waiting.first?.sequence ?? cursor }

    /// Lets go of the read-ahead; the journal has it.
    mutating func dropWaiting() {
        guard let first = waiting.first else { return }
        cursor = first.sequence
        isLagging = true
        isReadStale = isReading
        waiting.removeAll()
    }
}
