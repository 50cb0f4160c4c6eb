/// Whether a lane's receiver is worth trying: a state machine without a clock.
///
/// ```
///            failures enough                 the wait is over
///  closed ────────────────────▶ open ────────────────────────▶ half open
///    ▲                           ▲  │ an older attempt succeeds     │ │
///    │                           │  └──────────────▶ half open      │ │
///    │                           └──────────── a probe fails ───────┘ │
///    └── three successes in a row, or one with nothing left to do ────┘
/// ```
///
/// Open, a lane begins nothing. Half open it begins one attempt, the probe, and one more with each success.
///
/// A failure that says something about the receiver (no connection, no answer, 429, 5xx) weighs twice as much as one that
/// may be the event's own fault (another 4xx): five of the first kind or ten of the second in a row, over at least three
/// events, open it. Five, because two or three in a row happen to receivers that are restarted; three events, because one
/// that no receiver can digest must not stop the others.
package struct Breaker: Equatable, Sendable {
    /// The numbers are on disk.
    package enum State: UInt8, Sendable, CaseIterable {
        case closed = 0
        case open = 1
        case halfOpen = 2
    }

    enum Weight: Int {
        /// The answer turned down this event.
        case refusal = 1
        case trouble = 2
    }

    enum Change: Equatable {
        case opened
        case halfOpened
        case closed
    }

    private(set) var state = State.closed
    /// Failures since the last success.
    private(set) var consecutiveFailures = 0
    /// Probes that have failed since it opened: how far the schedule has come.
    private(set) var failedProbes = 0
    /// Attempts that began before it opened carry an older number: their failures tell nothing new.
    private(set) var epoch: UInt32 = 0
    private var weight = 0
    private var events: [UInt64] = []
    private var successes = 0

    private static let openingWeight = 5 * Weight.trouble.rawValue
    private static let openingEvents = 3
    private static let closingSuccesses = 3

    init() {}

    /// As a restart finds it.
    init(state: State, consecutiveFailures: Int, failedProbes: Int) {
        self.state = state
        self.consecutiveFailures = consecutiveFailures
        self.failedProbes = failedProbes
    }

    /// Whether a receiver has failed often enough to be called failing, though perhaps with too few events to open.
    var hasFailedOften: Bool { state != .closed || consecutiveFailures >= 5 }

    /// Takes a failed attempt.
    ///
    /// - Parameter epoch: of the attempt's beginning.
    mutating func failed(_ weight: Weight, _ event: UInt64, begunIn epoch: UInt32) -> Change? {
        consecutiveFailures += 1
        switch state {
        case .closed:
            self.weight += weight.rawValue
            if events.count < Self.openingEvents, !events.contains(event) { events.append(event) }
            guard self.weight >= Self.openingWeight, events.count >= Self.openingEvents else { return nil }
            failedProbes = 0
            open()
            return .opened
        case .halfOpen:
            guard epoch == self.epoch else { return nil }
            // A receiver that works now and then is not made to wait ever longer.
            failedProbes = successes > 0 ? 0 : failedProbes + 1
            open()
            return .opened
        case .open:
            return nil
        }
    }

    /// Takes a successful attempt.
    ///
    /// - Parameter isLast: nothing else is pending, so that no further success can be waited for.
    mutating func succeeded(isLast: Bool) -> Change? {
        consecutiveFailures = 0
        weight = 0
        events = []
        guard state != .closed else { return nil }
        let wasOpen = state == .open
        successes += 1
        if isLast || successes >= Self.closingSuccesses {
            (state, failedProbes, successes) = (.closed, 0, 0)
            return .closed
        }
        if wasOpen { halfOpen() }
        return wasOpen ? .halfOpened : nil
    }

    /// The wait is over, or somebody has said that the receiver is to be tried.
    mutating func probe() -> Change? {
        guard state == .open else { return nil }
        successes = 0
        halfOpen()
        return .halfOpened
    }

    private mutating func halfOpen() {
        state = .halfOpen
        epoch &+= 1
    }

    private mutating func open() {
        state = .open
        epoch &+= 1
        (weight, events, successes) = (0, [], 0)
    }
}

extension Breaker.State {
    /// For programs: in the API and in metrics.
    package var name: String {
        switch self {
        case .closed: "closed"
        case .open: "open"
        case .halfOpen: "half_open"
        }
    }
}
