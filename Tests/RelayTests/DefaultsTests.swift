import RelayCore
import Testing

@testable import Relay

/// Defaults that Standard Webhooks 1.0.0 has an opinion on.
@Suite("Defaults and Standard Webhooks")
struct DefaultsTests {
    @Test("the retry schedule spans several days, and no wait is shorter than the one before")
    func schedule() {
        let schedule = Configuration().delivery.retrySchedule
        #expect(schedule.reduce(.zero, +) >= .seconds(3 * 24 * 3600))
        #expect(zip(schedule, schedule.dropFirst()).allSatisfy { $0 < $1 })
        #expect(schedule.first == .seconds(5) && schedule.last == .seconds(24 * 3600))
        // The last try comes before the event is too old, jitter included.
        #expect(schedule.reduce(.zero, +) * 12 / 10 < Configuration().delivery.maxAge)
    }

    @Test("an attempt has 15 to 30 seconds")
    func timeout() {
        #expect(Configuration().delivery.timeout >= .seconds(15) && Configuration().delivery.timeout <= .seconds(30))
    }

    @Test("plain http is refused")
    func https() {
        #expect(Configuration().egress.requireHTTPS && Configuration().egress.allow.isEmpty)
    }
}
