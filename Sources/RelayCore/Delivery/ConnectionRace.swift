/// Which of a name's addresses is tried when: one after the other, each a little ahead of the next, until one is
/// connected ("Happy Eyeballs", RFC 8305). A host without IPv6, or a receiver that is dead on one address, costs a quarter
/// of a second and not the attempt.
package struct ConnectionRace: Sendable {
    /// What the driver does next, in this order.
    package enum Action: Equatable, Sendable {
        /// Begin to connect to this address, for at most ``attemptTime``.
        case connect(IPAddress)
        /// Call ``timerFired()`` after this time; an earlier wish of this kind no longer counts.
        case wait(Duration)
        /// All addresses have failed.
        case giveUp
    }

    /// How long one connection attempt may take: all the time where there is room for all addresses at once, else so
    /// much that the last address still has its turn.
    package let attemptTime: Duration
    private let delay: Duration
    private let addresses: [IPAddress]
    private var next = 0
    private var running = 0

    /// - Parameters:
    ///   - resolved: the name's addresses, the preferred family first; repeated ones count once.
    ///   - time: what is left for connecting.
    package init(_ resolved: [IPAddress], time: Duration) {
        let addresses = Array(Self.interleaved(resolved).prefix(Limits.addressesPerAttempt))
        self.addresses = addresses
        let rounds = (addresses.count + Limits.connectionsAtOnce - 1) / Limits.connectionsAtOnce
        let floor = Duration.milliseconds(1)
        attemptTime = max(floor, time / max(1, rounds))
        // With many addresses, or little time, all of them begin within half of it; RFC 8305 wants 10 ms at least.
        delay = max(.milliseconds(10), min(Limits.connectionAttemptDelay, time / max(1, 2 * addresses.count)))
    }

    /// Begins with the first address.
    package mutating func start() -> [Action] { advance() }

    /// An address has not answered within the delay: the next one is tried beside it.
    package mutating func timerFired() -> [Action] {
        running < Limits.connectionsAtOnce && next < addresses.count ? advance() : []
    }

    /// An address has failed: the next one is tried at once.
    package mutating func failed() -> [Action] {
        running -= 1
        return next < addresses.count || running == 0 ? advance() : []
    }

    private mutating func advance() -> [Action] {
        guard next < addresses.count else { return [.giveUp] }
        let address = addresses[next]
        next += 1
        running += 1
        return next < addresses.count ? [.connect(address), .wait(delay)] : [.connect(address)]
    }

    /// The families in turn, beginning with the first address's (RFC 8305 section 4), in their own order.
    private static func interleaved(_ addresses: [IPAddress]) -> [IPAddress] {
        var seen: Set<IPAddress> = []
        let unique = addresses.filter { seen.insert($0).inserted }
        guard let first = unique.first else { return [] }
        let preferred = unique.filter { $0.bitWidth == first.bitWidth }
        let others = unique.filter { $0.bitWidth != first.bitWidth }
        var result: [IPAddress] = []
        for index in 0..<max(preferred.count, others.count) {
            if index < preferred.count { result.append(preferred[index]) }
            if index < others.count { result.append(others[index]) }
        }
        return result
    }
}
