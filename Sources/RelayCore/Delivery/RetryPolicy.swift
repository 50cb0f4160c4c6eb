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
        if let retryAfter {
            let floor = Self.scaled(min(retryAfter, Self.longestRetryAfter), by: 1000 + thousandths * 200 / 1000)
            wait = max(wait, floor)
        }
        return age + wait > maxAge ? .giveUp(.tooOld) : .retry(after: wait)
    }

    private static func scaled(_ duration: Duration, by thousandths: Int64) -> Duration {
        .nanoseconds(duration.nanoseconds / 1000 * thousandths)
    }
}
