import RelayCore
import Testing

/// When a failed delivery is tried again, and when no more.
@Suite("Retry policy")
struct RetryPolicyTests {
    private let policy = RetryPolicy(
        schedule: [.seconds(5), .seconds(300), .seconds(1800)], maxAge: .seconds(7 * 86_400))

    private func wait(
        _ attempts: Int, age: Duration = .zero, retryAfter: Duration? = nil, random: UInt64 = 500
    ) -> Duration? {
        if case .retry(let wait) = policy.decide(attempts: attempts, age: age, retryAfter: retryAfter, random: random) {
            wait
        } else {
            nil
        }
    }

    @Test(
        "each wait of the schedule, 20 % more or less",
        arguments: [(1, 5), (2, 300), (3, 1800)] as [(Int, Int)])
    func jitter(attempts: Int, seconds: Int) {
        #expect(wait(attempts, random: 0) == .milliseconds(seconds * 800))
        #expect(wait(attempts, random: 500) == .seconds(seconds))
        #expect(wait(attempts, random: 1000) == .milliseconds(seconds * 1200))
        #expect(wait(attempts, random: 1001) == .milliseconds(seconds * 800))
        var random = SeededRandom(seed: 1)
        var sum = Duration.zero
        for _ in 0..<1000 {
            let wait = wait(attempts, random: random.next()) ?? .zero
            #expect(wait >= .milliseconds(seconds * 800) && wait <= .milliseconds(seconds * 1200))
            sum += wait
        }
        #expect(sum / 1000 > .milliseconds(seconds * 970) && sum / 1000 < .milliseconds(seconds * 1030))
    }

    @Test("after the last wait of the schedule the tries are used up")
    func usedUp() {
        #expect(wait(3) != nil)
        for attempts in [4, 5, 1000, 0, -1] {
            #expect(
                policy.decide(attempts: attempts, age: .zero, retryAfter: .seconds(1), random: 0)
                    == .giveUp(.triesUsedUp))
        }
        let none = RetryPolicy(schedule: [], maxAge: .seconds(60))
        #expect(none.decide(attempts: 1, age: .zero, retryAfter: nil, random: 0) == .giveUp(.triesUsedUp))
    }

    @Test("a try that would come after the event's greatest age is not made")
    func tooOld() {
        let last = policy.maxAge - .seconds(5)
        #expect(wait(1, age: last - .milliseconds(1)) == .seconds(5))
        #expect(wait(1, age: last) == .seconds(5))
        #expect(
            policy.decide(attempts: 1, age: last + .milliseconds(1), retryAfter: nil, random: 500) == .giveUp(.tooOld))
        // Jitter and the receiver's wish count in.
        #expect(policy.decide(attempts: 1, age: last, retryAfter: nil, random: 510) == .giveUp(.tooOld))
        #expect(policy.decide(attempts: 1, age: last, retryAfter: .seconds(6), random: 0) == .giveUp(.tooOld))
    }

    @Test("Retry-After is a floor: jitter only adds to it, the schedule may exceed it")
    func retryAfter() {
        for random in [0, 1, 499, 500, 999, 1000] as [UInt64] {
            let waited = wait(1, retryAfter: .seconds(60), random: random) ?? .zero
            #expect(waited >= .seconds(60) && waited <= .seconds(72))
        }
        #expect(wait(1, retryAfter: .seconds(60), random: 0) == .seconds(60))
        #expect(wait(1, retryAfter: .seconds(60), random: 1000) == .seconds(72))
        #expect(wait(2, retryAfter: .seconds(1), random: 0) == .seconds(240))
        #expect(wait(1, retryAfter: .zero, random: 0) == .seconds(4))
        #expect(wait(1, retryAfter: .seconds(5), random: 0) == .seconds(5))
    }

    @Test("a receiver can't wish for more than a day")
    func longRetryAfter() {
        for wish in [86_399, 86_400, 86_401, 1_000_000_000] {
            #expect(wait(1, retryAfter: .seconds(wish), random: 0) == .seconds(min(wish, 86_400)))
        }
    }
}
