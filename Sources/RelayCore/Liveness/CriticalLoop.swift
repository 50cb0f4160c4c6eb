/// What the daemon consists of that must not stand still: without it something that people or programs need is gone.
package enum CriticalLoop: String, CaseIterable, Comparable, Sendable {
    /// Takes events on `events.sock`.
    case ingest
    /// Writes the journal.
    case journal
    /// Schedules deliveries and carries connections to receivers.
    case delivery
    /// Carry connections to receivers beside it.
    case senders
    /// Carries the API's connections, and runs its requests.
    case api
    /// Reads events back for deliveries.
    case readers
    /// Changes registrations, and writes checkpoints.
    case registrar
    /// Makes room in the journal.
    case keeper

    package static func < (one: Self, other: Self) -> Bool {
        // Both are cases: they are found.
        (allCases.firstIndex(of: one) ?? 0) < (allCases.firstIndex(of: other) ?? 0)
    }

    /// How long a step of its work may take, whatever the watchdog's time is. The keeper's are long where there is much
    /// to make room in, and nobody waits for them.
    package var patience: Duration { self == .keeper ? .seconds(600) : .zero }
}

/// A loop's sign of life.
package struct LoopSign: Equatable, Sendable {
    /// Whether it has nothing to do, and has shown so: it waits for what comes next.
    package var isIdle: Bool
    /// Goes up with each step of its work.
    package var turns: UInt64

    package init(isIdle: Bool, turns: UInt64) {
        self.isIdle = isIdle
        self.turns = turns
    }
}
