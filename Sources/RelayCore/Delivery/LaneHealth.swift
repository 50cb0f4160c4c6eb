/// How a lane's receiver is doing: its breaker, how long it has been failing, and what it has asked for.
struct LaneHealth: Equatable {
    /// Since when a receiver has been failing. It goes by the monotonic clock while the process runs, and by the wall clock
    /// over a restart: a host that was off for days has not delivered for days.
    struct FailureClock: Equatable {
        var begun: MonotonicTime
        /// How long it had been failing then.
        var before = Duration.zero

        func elapsed(at now: MonotonicTime) -> Duration { before + (now - begun) }
    }

    /// Who has ended a webhook.
    enum Disabling: Equatable {
        case no
        /// The lane itself: the registration does not say so yet.
        case decided
        case registered
    }

    var breaker = Breaker()
    /// When the breaker lets the next probe go; nil: it is not open.
    var probeAt: MonotonicTime?
    /// No attempt begins before: the receiver's `Retry-After`.
    var heldUntil: MonotonicTime?
    /// Nil: it is not failing.
    var failing: FailureClock?
    /// Whether people have been told so, or would have been if it mattered to them.
    var isFailing = false
    /// Whether events other than operational ones have failed since the last success.
    var concernsEvents = false
    /// Whether an operational event was made of it.
    var isAnnounced = false
    var disabling = Disabling.no

    var isBlocked: Bool { breaker.state == .open || heldUntil != nil }
    var isDisabled: Bool { disabling != .no }

    /// The time at which it may be blocked no longer.
    var blockedUntil: MonotonicTime? {
        guard let probeAt else { return heldUntil }
        return max(probeAt, heldUntil ?? probeAt)
    }

    // MARK: On disk

    func record(now: MonotonicTime, wall: Int64) -> HealthRecord {
        var record = HealthRecord()
        record.at = wall
        record.failingMilliseconds = failing.map { max(0, $0.elapsed(at: now).milliseconds) }
        record.probeAt = probeAt.map { wall + max(1, ($0 - now).milliseconds) } ?? 0
        record.heldUntil = heldUntil.map { wall + max(1, ($0 - now).milliseconds) } ?? 0
        record.consecutiveFailures = UInt32(clamping: breaker.consecutiveFailures)
        record.failedProbes = UInt16(clamping: breaker.failedProbes)
        record.state = breaker.state
        (record.isFailing, record.concernsEvents, record.isAnnounced) = (isFailing, concernsEvents, isAnnounced)
        return record
    }

    init() {}

    init(_ record: HealthRecord, now: MonotonicTime, wall: Int64) {
        breaker = Breaker(
            state: record.state, consecutiveFailures: Int(record.consecutiveFailures),
            failedProbes: Int(record.failedProbes))
        // A wall clock that was set back must not make a wait longer, or the failing shorter.
        func time(_ at: Int64) -> MonotonicTime { now + .milliseconds(min(max(0, at - wall), max(0, at - record.at))) }
        if record.state == .open { probeAt = time(record.probeAt) }
        if record.heldUntil > 0 { heldUntil = time(record.heldUntil) }
        failing = record.failingMilliseconds.map {
            FailureClock(begun: now, before: .milliseconds($0 + max(0, wall - record.at)))
        }
        (isFailing, concernsEvents, isAnnounced) = (record.isFailing, record.concernsEvents, record.isAnnounced)
    }
}
