import RelayCore
import Testing

@Suite("Delivery scheduler")
struct DeliverySchedulerTests {
    private static let start = MonotonicTime(nanoseconds: 0)

    private static func scheduler(
        _ webhooks: [WebhookNumber], maxInFlight: Int = 100, perWebhook: Int = 8,
        schedule: [Duration] = [.seconds(10), .seconds(20)], maxAge: Duration = .seconds(3600)
    ) throws -> DeliveryScheduler {
        var scheduler = DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: maxInFlight, maxInFlightPerWebhook: perWebhook, timeout: .seconds(15),
                retry: RetryPolicy(schedule: schedule, maxAge: maxAge)), seen: 0)
        for number in webhooks {
            scheduler.setLane(of: try EventFixture.webhook(number), now: start, wall: 0)
        }
        return scheduler
    }

    private static func all(
        _ scheduler: inout DeliveryScheduler, at now: MonotonicTime = start
    ) -> [DeliveryScheduler.Attempt] {
        var attempts: [DeliveryScheduler.Attempt] = []
        while let attempt = scheduler.nextAttempt(now: now, wall: 0) { attempts.append(attempt) }
        return attempts
    }

    @discardableResult
    private static func end(
        _ attempt: DeliveryScheduler.Attempt, _ result: AttemptOutcome.Result, _ scheduler: inout DeliveryScheduler,
        at now: MonotonicTime = start, random: UInt64 = 500
    ) -> DeliveryScheduler.Decision {
        scheduler.finished(
            attempt, acceptedAt: 0, AttemptOutcome(result, duration: .zero), now: now, wall: 0, random: random)
    }

    private static let failure = AttemptOutcome.Result.failed(AttemptFailure(.connect, "refused"))

    @Test func aWindowGrowsFromTwoBySuccessAndShrinksByFailure() throws {
        var scheduler = try Self.scheduler([1])
        for sequence in 1...40 { scheduler.accepted(EventFixture.event(UInt64(sequence), for: [1]), now: Self.start) }
        var flying = Self.all(&scheduler)
        #expect(flying.count == 2)
        Self.end(flying.removeFirst(), .delivered, &scheduler)
        flying += Self.all(&scheduler)
        #expect(flying.count == 3)
        while flying.count < 8 {
            Self.end(flying.removeFirst(), .delivered, &scheduler)
            flying += Self.all(&scheduler)
        }
        // Eight is the most that a webhook may have.
        Self.end(flying.removeFirst(), .delivered, &scheduler)
        flying += Self.all(&scheduler)
        #expect(flying.count == 8)
        Self.end(flying.removeFirst(), Self.failure, &scheduler)
        #expect(Self.all(&scheduler).isEmpty, "seven are in flight, and the window is four")
    }

    /// A quick receiver is not given ever more attempts by a host that has no time for them.
    @Test func aBusyHostKeepsWindowsSmall() throws {
        var scheduler = try Self.scheduler([1], perWebhook: 32)
        for sequence in 1...400 { scheduler.accepted(EventFixture.event(UInt64(sequence), for: [1]), now: Self.start) }
        var flying: [DeliveryScheduler.Attempt] = []
        var now = Self.start
        func succeed(_ times: Int, wasIdle: Bool, after duration: Duration) {
            for _ in 0..<times {
                flying += Self.all(&scheduler, at: now)
                now = now + .milliseconds(1)
                scheduler.isOwnerBusy = !wasIdle
                _ = scheduler.finished(
                    flying.removeFirst(), acceptedAt: 0, AttemptOutcome(.delivered, duration: duration), now: now,
                    wall: 0, random: 500)
            }
            flying += Self.all(&scheduler, at: now)
        }
        succeed(40, wasIdle: false, after: .microseconds(500))
        #expect(flying.count == 16)
        succeed(20, wasIdle: true, after: .microseconds(500))
        #expect(flying.count == 32)
        succeed(40, wasIdle: false, after: .microseconds(500))
        #expect(flying.count == 16)
        // The receiver itself takes its time: the host's has nothing to do with it.
        succeed(40, wasIdle: false, after: .milliseconds(60))
        #expect(flying.count == 32)
    }

    @Test func lanesTakeTurns() throws {
        var scheduler = try Self.scheduler([1, 2, 3])
        for sequence in 1...6 {
            scheduler.accepted(EventFixture.event(UInt64(sequence), for: [1, 2, 3]), now: Self.start)
        }
        #expect(Self.all(&scheduler).prefix(3).map(\.webhook).sorted() == [1, 2, 3])
    }

    @Test func webhooksWithoutASuccessShareHalfOfTheBudget() throws {
        let numbers = Array(WebhookNumber(1)...20)
        var scheduler = try Self.scheduler(numbers, maxInFlight: 10)
        scheduler.accepted(EventFixture.event(1, for: numbers), now: Self.start)
        let flying = Self.all(&scheduler)
        #expect(flying.count == 5)
        // Once one has worked there is room for it beside the others.
        Self.end(flying[0], .delivered, &scheduler)
        scheduler.accepted(EventFixture.event(2, for: [flying[0].webhook]), now: Self.start)
        #expect(Self.all(&scheduler).map(\.webhook).contains(flying[0].webhook))
    }

    @Test func receiversThatHaveFailedGoAFewAtATime() throws {
        let numbers = Array(WebhookNumber(1)...20)
        var scheduler = try Self.scheduler(numbers)
        scheduler.accepted(EventFixture.event(1, for: numbers), now: Self.start)
        scheduler.accepted(EventFixture.event(2, for: numbers), now: Self.start)
        scheduler.accepted(EventFixture.event(3, for: numbers), now: Self.start)
        // The first ten fail, the others work; whoever has not been tried is not held back.
        scheduler.troubledAllowance = 0
        let first = Self.all(&scheduler)
        #expect(first.count == 40)
        for attempt in first { Self.end(attempt, attempt.webhook <= 10 ? Self.failure : .delivered, &scheduler) }
        #expect(Set(Self.all(&scheduler).map(\.webhook)) == Set(11...20))
        #expect(scheduler.troubledWaiting == 10)
        scheduler.troubledAllowance = 3
        #expect(Self.all(&scheduler).count == 3)
        #expect(scheduler.troubledAllowance == 0)
        #expect(scheduler.troubledWaiting == 7)
        scheduler.isPaused = true
        #expect(scheduler.troubledWaiting == 0, "time alone lets none of them go")
        scheduler.isPaused = false
        scheduler.troubledAllowance = .max
        #expect(Set(Self.all(&scheduler).map(\.webhook)).count == 7)
    }

    @Test func aRetryComesByTheScheduleAndOnlyThen() throws {
        var scheduler = try Self.scheduler([1])
        scheduler.accepted(EventFixture.event(1, for: [1]), now: Self.start)
        // 0 is the shortest jitter, 1000 the longest.
        #expect(
            Self.end(Self.all(&scheduler)[0], Self.failure, &scheduler, random: 0) == .retry(after: .seconds(8)))
        #expect(scheduler.nextTimer == Self.start + .seconds(8))
        scheduler.advance(to: Self.start + .milliseconds(7_999))
        #expect(Self.all(&scheduler).isEmpty)
        let due = Self.start + .seconds(8)
        scheduler.advance(to: due)
        let second = Self.all(&scheduler, at: due)
        #expect(second.map(\.number) == [2])
        #expect(Self.end(second[0], Self.failure, &scheduler, at: due, random: 1000) == .retry(after: .seconds(24)))
        let last = due + .seconds(24)
        scheduler.advance(to: last)
        let third = Self.all(&scheduler, at: last)
        #expect(Self.end(third[0], Self.failure, &scheduler, at: last) == .settled(.triesUsedUp))
        #expect(scheduler.pending == 0)
        #expect(!scheduler.needs.mayNeed(0..<2))
    }

    @Test func aDeadReceiverHoldsUpNoOther() throws {
        var scheduler = try Self.scheduler([1, 2])
        for sequence in 1...500 {
            scheduler.accepted(EventFixture.event(UInt64(sequence), for: [1, 2]), now: Self.start)
        }
        var delivered = 0
        for _ in 0..<2_000 {
            let flying = Self.all(&scheduler)
            if flying.isEmpty { break }
            for attempt in flying where attempt.webhook == 2 {
                Self.end(attempt, .delivered, &scheduler)
                delivered += 1
            }
        }
        #expect(delivered == 500, "webhook 1 never ends an attempt")
        #expect(scheduler.health(of: 1)?.inFlight == 2)
    }

    @Test func aPausedWebhookWaits() throws {
        var scheduler = try Self.scheduler([])
        scheduler.setLane(of: try EventFixture.webhook(1, state: .paused), now: Self.start, wall: 0)
        scheduler.accepted(EventFixture.event(1, for: [1]), now: Self.start)
        #expect(Self.all(&scheduler).isEmpty)
        let early = scheduler.nextRead()
        #expect(early == nil)
        #expect(scheduler.health(of: 1)?.pending == 1)
        scheduler.setLane(of: try EventFixture.webhook(1), now: Self.start, wall: 0)
        let read = scheduler.nextRead()
        #expect(read?.from == 1)
        scheduler.loaded([EventFixture.event(1, for: [1])], for: 1, next: 2, now: Self.start, wall: 0)
        #expect(Self.all(&scheduler).map(\.sequence) == [1])
    }

    @Test func thePauseOfTheHostStopsAll() throws {
        var scheduler = try Self.scheduler([1])
        scheduler.isPaused = true
        scheduler.accepted(EventFixture.event(1, for: [1]), now: Self.start)
        #expect(Self.all(&scheduler).isEmpty)
        scheduler.isPaused = false
        #expect(Self.all(&scheduler).count == 1)
    }

    @Test func aRemovedWebhooksAttemptComesToNothing() throws {
        var scheduler = try Self.scheduler([1, 2])
        scheduler.accepted(EventFixture.event(1, for: [1]), now: Self.start)
        let attempt = Self.all(&scheduler)[0]
        scheduler.removeLane(of: 1)
        #expect(scheduler.inFlight == 0)
        #expect(Self.end(attempt, .delivered, &scheduler) == .none)
        #expect(scheduler.inFlight == 0)
        #expect(!scheduler.needs.mayNeed(0..<2))
    }
}
