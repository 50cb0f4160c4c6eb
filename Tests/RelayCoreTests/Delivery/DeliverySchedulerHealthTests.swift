import Testing

@testable import RelayCore

/// What outcomes do to a whole lane: windows, breaker, holds, disabling, and what is told of it.
@Suite("Delivery scheduler, health")
struct DeliverySchedulerHealthTests {
    static let start = MonotonicTime(nanoseconds: 0)
    static let day: Int64 = 86_400
    static let refused = AttemptOutcome.Result.failed(AttemptFailure(.connect, "10.0.0.1: refused"))

    static func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    static func scheduler(
        schedule: [Duration] = [.seconds(10), .seconds(100), .seconds(1000)],
        disableAfter: Duration = .seconds(5 * day),
        webhooks: ClosedRange<WebhookNumber> = 1...1
    ) throws -> DeliveryScheduler {
        var scheduler = DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: 100, maxInFlightPerWebhook: 16, timeout: .seconds(10),
                retry: RetryPolicy(schedule: schedule, maxAge: .seconds(100 * day)), disableAfter: disableAfter),
            seen: 0)
        for number in webhooks { scheduler.setLane(of: try EventFixture.webhook(number), now: start, wall: 0) }
        return scheduler
    }

    static func accept(
        _ sequences: ClosedRange<UInt64>, isOperational: Bool = false, _ scheduler: inout DeliveryScheduler
    ) {
        for sequence in sequences {
            scheduler.accepted(EventFixture.event(sequence, for: [1], isOperational: isOperational), now: start)
        }
    }

    /// What can be begun at a time, events that have to be read included.
    static func begin(
        _ scheduler: inout DeliveryScheduler, isOperational: Bool = false, at now: MonotonicTime
    ) -> [DeliveryScheduler.Attempt] {
        scheduler.advance(to: now)
        var attempts: [DeliveryScheduler.Attempt] = []
        while true {
            while let attempt = scheduler.nextAttempt(now: now, wall: now.nanoseconds / 1_000_000) {
                attempts.append(attempt)
            }
            guard let read = scheduler.nextRead() else { return attempts }
            let next = min(read.through + 1, read.from + UInt64(read.maxEvents))
            scheduler.loaded(
                (read.from..<next).map {
                    EventFixture.event($0, for: [read.webhook], isOperational: isOperational)
                }, for: read.webhook, next: next,
                now: now, wall: now.nanoseconds / 1_000_000)
        }
    }

    @discardableResult
    static func end(
        _ attempt: DeliveryScheduler.Attempt, _ result: AttemptOutcome.Result, status: UInt16? = nil,
        wish: AttemptOutcome.Wish? = nil, took: Duration = .zero, _ scheduler: inout DeliveryScheduler,
        at now: MonotonicTime, random: UInt64 = 500
    ) -> DeliveryScheduler.Decision {
        scheduler.finished(
            attempt, acceptedAt: 0, AttemptOutcome(result, status: status, duration: took, wish: wish), now: now,
            wall: now.nanoseconds / 1_000_000, random: random)
    }

    static func answer(_ status: UInt16, retryAfter: Duration? = nil) -> AttemptOutcome.Result {
        .failed(AttemptFailure(.status, "HTTP \(status)", retryAfter: retryAfter))
    }

    static func kinds(_ scheduler: inout DeliveryScheduler) -> [DeliveryScheduler.HealthChange.Kind] {
        scheduler.takeHealthChanges().map(\.kind)
    }

    /// Fails until nothing more can be begun.
    static func failAll(_ scheduler: inout DeliveryScheduler, at now: MonotonicTime) -> Int {
        var count = 0
        var flying = begin(&scheduler, at: now)
        while !flying.isEmpty {
            count += 1
            end(flying.removeFirst(), refused, &scheduler, at: now)
            flying += begin(&scheduler, at: now)
        }
        return count
    }

    // MARK: Windows

    @Test("an answer that takes half of the timeout costs a quarter of the window")
    func slowness() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...200, &scheduler)
        var flying = Self.begin(&scheduler, at: Self.start)
        while flying.count < 16 {
            Self.end(flying.removeFirst(), .delivered, took: .milliseconds(4_999), &scheduler, at: Self.start)
            flying += Self.begin(&scheduler, at: Self.start)
        }
        Self.end(flying.removeFirst(), .delivered, took: .seconds(5), &scheduler, at: Self.start)
        #expect(scheduler.lanes[0].window == 12)
        for expected in [9, 7, 6, 5, 4, 3, 2, 1, 1] {
            Self.end(flying.removeFirst(), .delivered, took: .seconds(9), &scheduler, at: Self.start)
            #expect(scheduler.lanes[0].window == expected)
        }
    }

    @Test("429, 502, 503 and 504 leave a window of one, other failures halve it", arguments: [429, 500, 502, 503, 504])
    func throttled(status: UInt16) throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...200, &scheduler)
        var flying = Self.begin(&scheduler, at: Self.start)
        while flying.count < 16 {
            Self.end(flying.removeFirst(), .delivered, &scheduler, at: Self.start)
            flying += Self.begin(&scheduler, at: Self.start)
        }
        Self.end(flying.removeFirst(), Self.answer(status), status: status, &scheduler, at: Self.start)
        #expect(scheduler.lanes[0].window == (status == 500 ? 8 : 1))
    }

    // MARK: Retry-After

    @Test(
        "a whole lane waits for Retry-After where the status is about all of it",
        arguments: [(429, true), (502, true), (503, true), (504, true), (500, false), (400, false)]
            as [(UInt16, Bool)])
    func hold(status: UInt16, isHeld: Bool) throws {
        var scheduler = try Self.scheduler(webhooks: 1...2)
        Self.accept(1...50, &scheduler)
        let first = Self.begin(&scheduler, at: Self.start)
        let decision = Self.end(
            first[0], Self.answer(status, retryAfter: .seconds(60)), status: status, &scheduler, at: Self.start,
            random: 0)
        #expect(decision == .retry(after: .seconds(60)))
        // What is in flight already may well succeed.
        Self.end(first[1], .delivered, &scheduler, at: Self.at(1))
        let early = Self.begin(&scheduler, at: Self.at(59))
        #expect(early.isEmpty == isHeld)
        #expect(scheduler.health(of: 1)?.nextTry == Self.at(60))
        guard isHeld else { return }
        // Nothing is kept in memory for it, and no other lane feels it.
        #expect(scheduler.memory.bytes == 0)
        scheduler.accepted(EventFixture.event(51, for: [1, 2]), now: Self.at(59))
        #expect(Self.begin(&scheduler, at: Self.at(59)).map(\.webhook) == [2])
        #expect(!Self.begin(&scheduler, at: Self.at(60)).isEmpty)
    }

    @Test("the longer of two wishes counts, and none is longer than a day and a fifth")
    func holds() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...50, &scheduler)
        let first = Self.begin(&scheduler, at: Self.start)
        Self.end(
            first[0], Self.answer(503, retryAfter: .seconds(1_000_000)), status: 503, &scheduler, at: Self.start,
            random: 1000)
        Self.end(first[1], Self.answer(503, retryAfter: .seconds(1)), status: 503, &scheduler, at: Self.start)
        let end = Self.day + Self.day / 5
        #expect(Self.begin(&scheduler, at: Self.at(end - 1)).isEmpty)
        #expect(!Self.begin(&scheduler, at: Self.at(end)).isEmpty)
    }

    // MARK: The breaker

    @Test("an open lane lets one delivery go, by the schedule, and the others use up no tries")
    func probing() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...100, &scheduler)
        #expect(Self.failAll(&scheduler, at: Self.start) == 5)
        #expect(Self.kinds(&scheduler) == [.opened, .failing])
        #expect(scheduler.health(of: 1)?.breaker == .open)
        // The last step of the schedule counts on and on.
        var now: Int64 = 0
        for wait in [10, 100, 1000, 1000, 1000] as [Int64] {
            #expect(Self.begin(&scheduler, at: Self.at(now + wait - 1)).isEmpty)
            now += wait
            let probes = Self.begin(&scheduler, at: Self.at(now))
            #expect(probes.count == 1)
            Self.end(probes[0], Self.refused, &scheduler, at: Self.at(now))
            #expect(Self.kinds(&scheduler) == [.halfOpened, .opened])
        }
        // Ten tries have been made of a hundred events: nothing was given up.
        #expect(scheduler.health(of: 1)?.givenUp == 0 && scheduler.pending == 100)
        #expect(scheduler.lanes[0].open.values.reduce(0) { $0 + Int($1.attempts) } == 10)
    }

    @Test("a receiver that comes back gets one, then two, and all in the end")
    func recovery() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...100, &scheduler)
        _ = Self.failAll(&scheduler, at: Self.start)
        _ = Self.kinds(&scheduler)
        var delivered: Set<UInt64> = []
        var sizes: [Int] = []
        var now: Int64 = 10
        while scheduler.pending > 0, now < 100_000 {
            let flying = Self.begin(&scheduler, at: Self.at(now))
            if !flying.isEmpty { sizes.append(flying.count) }
            for attempt in flying {
                Self.end(attempt, .delivered, &scheduler, at: Self.at(now))
                #expect(delivered.insert(attempt.sequence).inserted)
            }
            now += 1
        }
        #expect(delivered.count == 100)
        #expect(sizes.prefix(4) == [1, 2, 4, 8], "no more than twice as many as the time before")
        #expect(sizes.max() == 16)
        #expect(Self.kinds(&scheduler) == [.halfOpened, .closed, .recovered])
    }

    @Test("one event that no receiver digests holds up no other")
    func poison() throws {
        var scheduler = try Self.scheduler(schedule: Array(repeating: .seconds(1), count: 20))
        Self.accept(1...1, &scheduler)
        for second in 0..<15 as Range<Int64> {
            for attempt in Self.begin(&scheduler, at: Self.at(second)) {
                Self.end(attempt, Self.answer(500), status: 500, &scheduler, at: Self.at(second))
            }
        }
        #expect(scheduler.health(of: 1)?.breaker == .closed)
        #expect(Self.kinds(&scheduler) == [.failing], "five failures are told, whatever the breaker does")
        Self.accept(2...4, &scheduler)
        let flying = Self.begin(&scheduler, at: Self.at(14))
        #expect(flying.map(\.sequence).contains(2))
        Self.end(flying[0], .delivered, &scheduler, at: Self.at(14))
        #expect(Self.kinds(&scheduler) == [.recovered])
    }

    @Test("resuming a paused webhook tries its receiver at once")
    func resume() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...20, &scheduler)
        _ = Self.failAll(&scheduler, at: Self.start)
        scheduler.setLane(of: try EventFixture.webhook(1, state: .paused), now: Self.at(1), wall: 0)
        #expect(Self.begin(&scheduler, at: Self.at(2)).isEmpty)
        scheduler.setLane(of: try EventFixture.webhook(1), now: Self.at(2), wall: 0)
        #expect(Self.begin(&scheduler, at: Self.at(2)).count == 1)
    }

    // MARK: Disabling

    @Test(
        "410 and the receiver's wish end a webhook, whatever is pending",
        arguments: [
            (410, nil, "410 Gone"), (500, .disable, "the receiver asked for it (webhook-delivery: disable)"),
            (410, .abortMessage, "410 Gone"), (204, .disable, "the receiver asked for it (webhook-delivery: disable)"),
        ]
            as [(UInt16, AttemptOutcome.Wish?, String)])
    func disabling(status: UInt16, wish: AttemptOutcome.Wish?, reason: String) throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...50, &scheduler)
        let first = Self.begin(&scheduler, at: Self.start)
        let result: AttemptOutcome.Result = status == 204 ? .delivered : Self.answer(status)
        let decision = Self.end(first[0], result, status: status, wish: wish, &scheduler, at: Self.start)
        #expect(decision == .settled(status == 204 ? .delivered : .webhookDisabled))
        let changes = scheduler.takeHealthChanges()
        #expect(changes.map(\.kind) == [.disabled] && changes.map(\.reason) == [reason])
        #expect(changes.allSatisfy { $0.isAnnounced && $0.count == 1 && $0.sequence == first[0].sequence })
        #expect(scheduler.isDisabling(1))
        // What is under way ends as it ends; what comes until the registration says so is given up, too.
        #expect(Self.end(first[1], Self.refused, &scheduler, at: Self.at(1)) == .settled(.webhookDisabled))
        Self.accept(51...60, &scheduler)
        #expect(Self.begin(&scheduler, at: Self.at(1_000)).isEmpty)
        #expect(scheduler.pending == 0)
        let settled = scheduler.takeProgress()?.lanes.flatMap(\.progress.settled) ?? []
        #expect(settled.count { $0.result == .webhookDisabled } == (status == 204 ? 59 : 60))
        #expect(Set(settled.map(\.sequence)) == Set(1...60))
        let again = scheduler.reopen(1, bytes: 1, for: 1, isMatched: true, now: Self.start, wall: 0)
        #expect(again == .pending)
        let later = scheduler.takeHealthChanges()
        #expect(later.isEmpty)
    }

    @Test("what the journal alone has of a disabled webhook is given up as it is read")
    func disablingALaggingLane() throws {
        var scheduler = try Self.scheduler()
        scheduler.setLane(of: try EventFixture.webhook(1, state: .paused), now: Self.start, wall: 0)
        Self.accept(1...5_000, &scheduler)
        scheduler.setLane(of: try EventFixture.webhook(1, state: .disabled(reason: "x")), now: Self.start, wall: 0)
        #expect(Self.begin(&scheduler, at: Self.start).isEmpty)
        #expect(scheduler.pending == 0)
        let notices = scheduler.takeNotices()
        #expect(notices == [.init(webhook: 1, result: .webhookDisabled, count: 5_000)])
    }

    @Test("attempts that are under way while a webhook is made active again are not counted as untried ones for good")
    func flightsOfAReopenedLane() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...100, &scheduler)
        // Its window grows with each that is delivered.
        for _ in 0..<4 {
            for attempt in Self.begin(&scheduler, at: Self.start) {
                Self.end(attempt, .delivered, &scheduler, at: Self.start)
            }
        }
        #expect(scheduler.unprovenInFlight == 0, "it works")
        let more = Self.begin(&scheduler, at: Self.start)
        for attempt in more.prefix(5) { Self.end(attempt, Self.refused, &scheduler, at: Self.start) }
        let left = more.dropFirst(5)
        #expect(left.count >= 1 && scheduler.unprovenInFlight == left.count, "it has failed five times")
        scheduler.setLane(of: try EventFixture.webhook(1, state: .disabled(reason: "x")), now: Self.start, wall: 0)
        #expect(scheduler.unprovenInFlight == left.count)
        scheduler.setLane(of: try EventFixture.webhook(1), now: Self.start, wall: 0)
        for attempt in left { Self.end(attempt, .delivered, &scheduler, at: Self.start) }
        #expect(scheduler.unprovenInFlight == 0 && scheduler.inFlight == 0)
    }

    @Test("a change that comes between keeps the lane disabled; being made active clears everything")
    func enabling() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...5, &scheduler)
        let first = Self.begin(&scheduler, at: Self.start)[0]
        Self.end(first, Self.answer(410), status: 410, &scheduler, at: Self.start)
        scheduler.setLane(of: try EventFixture.webhook(1), now: Self.start, wall: 0)
        #expect(scheduler.isDisabling(1))
        scheduler.setLane(of: try EventFixture.webhook(1, state: .disabled(reason: "x")), now: Self.start, wall: 0)
        #expect(!scheduler.isDisabling(1))
        scheduler.setLane(of: try EventFixture.webhook(1), now: Self.start, wall: 0)
        #expect(scheduler.health(of: 1)?.consecutiveFailures == 0)
        Self.accept(6...6, &scheduler)
        #expect(Self.begin(&scheduler, at: Self.at(1)).map(\.sequence) == [6])
        let progress = scheduler.takeProgress()
        #expect(progress?.lanes.first?.progress.health != nil)
        #expect(progress?.lanes.first?.progress.health?.failingMilliseconds == nil)
    }

    @Test("failing for long disables at the first failure after that long, and a success begins anew")
    func disableAfter() throws {
        var scheduler = try Self.scheduler(
            schedule: Array(repeating: .seconds(60), count: 50), disableAfter: .seconds(600))
        var sequence: UInt64 = 0
        var failedAt: [Int64] = []
        var disabledAt: Int64?
        for second in 0..<3_000 as Range<Int64> where disabledAt == nil {
            if second % 20 == 0 {
                sequence += 1
                Self.accept(sequence...sequence, &scheduler)
            }
            for attempt in Self.begin(&scheduler, at: Self.at(second)) {
                // One success in between.
                let isGood = second >= 300 && second < 400
                Self.end(attempt, isGood ? .delivered : Self.refused, &scheduler, at: Self.at(second))
                if !isGood { failedAt.append(second) }
            }
            if Self.kinds(&scheduler).contains(.disabled) { disabledAt = second }
        }
        let first = try #require(failedAt.first { $0 >= 400 } ?? failedAt.first)
        let decided = try #require(disabledAt)
        #expect(decided >= first + 600)
        #expect(!failedAt.contains { $0 >= first + 600 && $0 < decided })
    }
}
