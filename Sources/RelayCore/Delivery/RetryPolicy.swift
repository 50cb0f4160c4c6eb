/// When a failed delivery is tried again.
package struct RetryPolicy: Equatable, Sendable {
    /// Waits after the first attempt, the second and so on.
    package let schedule: [Duration]
    /// How old an event may be at a try.
    package let maxAge: Duration

    /// The longest that a receiver's `Retry-After` is followed.
    package static let longestRetryAfter: Duration = .seconds(24 * 3600)

    package init(schedule: [Duration], maxAge: Duration) {
        self.schedule = schedule
        self.maxAge = maxAge
    }

    package enum Decision: Equatable, Sendable {
        case retry(after: Duration)
        case giveUp(SettlementResult)
    }

    /// - Parameters:
    ///   - attempts: how many tries there have been, this one counted.
    ///   - age: the event's age now.
    ///   - random: any 64 bits.
    package func decide(attempts: Int, age: Duration, retryAfter: Duration?, random: UInt64) -> Decision {
        guard attempts >= 1, attempts <= schedule.count else { return .giveUp(.triesUsedUp) }
        // 0 to 1000 thousandths; jitter is -20 % to +20 %, on a receiver's own wish only upwards.
        let thousandths = Int64(random % 1001)
        var wait = Self.scaled(schedule[attempts - 1], by: 800 + thousandths * 400 / 1000)
        if let retryAfter { wait = max(wait, Self.wished(retryAfter, random: random)) }
        return age + wait > maxAge ? .giveUp(.tooOld) : .retry(after: wait)
    }

    /// How long an open breaker waits before it lets a probe go: as a delivery with so many failed tries.
    ///
    /// - Parameter failedProbes: past the schedule's end its last wait counts.
    package func probeWait(failedProbes: Int, retryAfter: Duration?, random: UInt64) -> Duration {
        let step = schedule.isEmpty ? Limits.probeTime : schedule[min(failedProbes, schedule.count - 1)]
        let wait = Self.scaled(step, by: 800 + Int64(random % 1001) * 400 / 1000)
        return retryAfter.map { max(wait, Self.wished($0, random: random)) } ?? wait
    }

    /// A receiver's `Retry-After` within its bound; jitter only adds to it.
    package static func wished(_ retryAfter: Duration, random: UInt64) -> Duration {
        scaled(min(retryAfter, longestRetryAfter), by: 1000 + Int64(random % 1001) * 200 / 1000)
    }

    private static func scaled(_ duration: Duration, by thousandths: Int64) -> Duration {
        .nanoseconds(duration.nanoseconds / 1000 * thousandths)
    }
}
