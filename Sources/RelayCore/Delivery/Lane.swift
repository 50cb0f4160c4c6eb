import DequeModule

/// One webhook's deliveries: its own queue, its own window, its own failures.
///
/// Where a delivery is:
///
/// ```
/// in the journal, from `cursor` on ──▶ waiting ──▶ open: in flight ──▶ settled
///                                                    ▲        │
///                                                    │        ▼
///                                     due ◀── open: parked until its next try
/// ```
///
/// Durable are the cursor and what is open; `waiting` is no more than a read-ahead, and may be dropped at any time.
struct Lane {
    /// A fresh event, loaded and not yet tried.
    struct Waiting {
        let event: EventRecord
        let sequence: UInt64
        let bytes: Int
    }

    /// A delivery that has been begun and is not settled.
    struct Open {
        enum Phase: Equatable {
            case inFlight
            case parked(until: MonotonicTime)
            case due
        }

        var attempts: UInt16
        var phase: Phase
        /// Whether the journal knows that it is open.
        var isRecorded: Bool
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
    /// How many of `open` are not in flight.
    var parked = 0
    var inFlight = 0
    var window = 2
    /// Whether it stands in the round of lanes that have work.
    var isQueued = false

    /// Not settled, wherever they are.
    var pending = 0
    var delivered = 0
    var givenUp = 0
    var consecutiveFailures = 0
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

    /// Whether the receiver has lately shown that it works.
    var isProven: Bool { hasSucceeded && consecutiveFailures < 5 }

    /// Whether fresh events may be begun: a receiver that fails them all is not given ever more.
    var takesFresh: Bool {
        parked < (isProven ? 4 * Limits.laneRetries : Limits.laneRetries)
    }

    /// Whether it could begin an attempt now.
    var hasWork: Bool {
        !isPaused && inFlight < window && (!due.isEmpty || (takesFresh && !waiting.isEmpty))
    }

    /// Whether it wants more events from the journal.
    var wantsRead: Bool {
        isLagging && !isReading && !isPaused && takesFresh && waiting.count * 2 < readAhead
    }

    /// How many events it is worth having at hand.
    var readAhead: Int { min(Limits.laneWindow, max(16, window * 16)) }

    /// The first event that a restart has to begin with.
    var durableCursor: UInt64 { waiting.first?.sequence ?? cursor }

    /// Lets go of the read-ahead; the journal has it.
    mutating func dropWaiting() {
        guard let first = waiting.first else { return }
        cursor = first.sequence
        isLagging = true
        isReadStale = isReading
        waiting.removeAll()
        waitingBytes = 0
    }
}
