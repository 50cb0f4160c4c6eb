import Testing

@testable import RelayCore

/// What survives a restart, and what is told of operational events.
extension DeliverySchedulerHealthTests {
    // MARK: Restarts

    /// The process ends and another one goes on from what was written down, `seconds` later by the wall clock.
    static func restarted(
        _ scheduler: inout DeliveryScheduler, from old: MonotonicTime, after seconds: Int64, viaCheckpoint: Bool,
        disableAfter: Duration
    ) throws -> DeliveryScheduler {
        let wall = old.nanoseconds / 1_000_000
        let seen = scheduler.seen
        let lane: LaneState
        let taken = scheduler.takeProgress()
        let progress = try #require(taken)
        if viaCheckpoint {
            let buffer = RecordBuffer()
            CheckpointRecord.append(
                number: 1, asOf: seen, revision: 0, madeAt: wall, floor: 0,
                lanes: scheduler.laneStates(now: old, wall: wall), to: buffer)
            let record = EventFixture.payload(buffer).withUnsafeBytes { CheckpointRecord($0) }
            lane = try #require(record?.lanes[1])
        } else {
            let buffer = RecordBuffer()
            progress.append(to: buffer, sequence: seen)
            let record = EventFixture.payload(buffer).withUnsafeBytes { ProgressRecord($0) }
            var recovery = RecoveryState(checkpoint: nil)
            recovery.apply(try #require(record))
            lane = try #require(recovery.lanes[1])
        }
        var next = DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: 100, maxInFlightPerWebhook: 16, timeout: .seconds(10),
                retry: RetryPolicy(schedule: [.seconds(10), .seconds(100)], maxAge: .seconds(100 * day)),
                disableAfter: disableAfter), seen: seen)
        next.setLane(of: try EventFixture.webhook(1), state: lane, now: start, wall: wall + seconds * 1_000)
        return next
    }

    @Test("an open breaker and its wait survive a restart", arguments: [true, false])
    func breakerOverRestart(viaCheckpoint: Bool) throws {
        var old = try Self.scheduler(schedule: [.seconds(100)])
        Self.accept(1...20, &old)
        _ = Self.failAll(&old, at: Self.start)
        var scheduler = try Self.restarted(
            &old, from: Self.start, after: 40, viaCheckpoint: viaCheckpoint, disableAfter: .seconds(1_000))
        #expect(scheduler.health(of: 1)?.breaker == .open)
        #expect(scheduler.health(of: 1)?.consecutiveFailures == 5)
        #expect(Self.begin(&scheduler, at: Self.at(59)).isEmpty)
        #expect(Self.begin(&scheduler, at: Self.at(61)).count == 1)
        #expect(Self.kinds(&scheduler) == [.halfOpened], "what was told before is not told again")
    }

    @Test(
        "a receiver's wish survives a restart, and a wall clock set back makes it no longer", arguments: [30, -9_999])
    func holdOverRestart(seconds: Int64) throws {
        var old = try Self.scheduler()
        Self.accept(1...20, &old)
        let first = Self.begin(&old, at: Self.start)[0]
        Self.end(first, Self.answer(429, retryAfter: .seconds(60)), status: 429, &old, at: Self.start, random: 0)
        var scheduler = try Self.restarted(
            &old, from: Self.start, after: seconds, viaCheckpoint: false, disableAfter: .seconds(1_000))
        let left = seconds > 0 ? 60 - seconds : 60
        #expect(Self.begin(&scheduler, at: Self.at(left - 1)).isEmpty)
        #expect(!Self.begin(&scheduler, at: Self.at(left + 1)).isEmpty)
    }

    @Test("the clock of disable-after goes on over a restart", arguments: [(true, 590), (false, 590), (false, 500)])
    func clockOverRestart(viaCheckpoint: Bool, pause: Int64) throws {
        var old = try Self.scheduler(schedule: [.seconds(10)], disableAfter: .seconds(600))
        Self.accept(1...3, &old)
        _ = Self.failAll(&old, at: Self.start)
        var scheduler = try Self.restarted(
            &old, from: Self.start, after: pause, viaCheckpoint: viaCheckpoint, disableAfter: .seconds(600))
        let now = Self.at(15)
        for attempt in Self.begin(&scheduler, at: now) { Self.end(attempt, Self.refused, &scheduler, at: now) }
        #expect(Self.kinds(&scheduler).contains(.disabled) == (pause == 590))
    }

    // MARK: Operational events

    @Test("nothing is told about the delivery of what is told", arguments: [true, false])
    func noLoops(isOperational: Bool) throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...20, isOperational: isOperational, &scheduler)
        _ = Self.failAll(&scheduler, at: Self.start)
        let failing = scheduler.takeHealthChanges().filter { $0.kind == .failing }
        #expect(failing.map(\.isAnnounced) == [!isOperational])
        #expect(failing.first?.publicReason == "no connection", "no address is told to a tenant")
        let probe = Self.begin(&scheduler, isOperational: isOperational, at: Self.at(10))[0]
        Self.end(probe, Self.answer(410), status: 410, &scheduler, at: Self.at(10))
        let ended = scheduler.takeHealthChanges()
        #expect(ended.last?.isAnnounced == !isOperational)
        let notices = scheduler.takeNotices()
        #expect(notices.map { $0.count - $0.operational } == [isOperational ? 0 : 19])
    }

    @Test("which deliveries are of operational events is known after a restart", arguments: [true, false])
    func operationalOverRestart(viaCheckpoint: Bool) throws {
        var old = try Self.scheduler()
        Self.accept(1...3, isOperational: true, &old)
        _ = Self.failAll(&old, at: Self.start)
        Self.accept(4...4, &old)
        _ = Self.failAll(&old, at: Self.start)
        var scheduler = try Self.restarted(
            &old, from: Self.start, after: 1, viaCheckpoint: viaCheckpoint, disableAfter: .seconds(1_000))
        scheduler.setLane(of: try EventFixture.webhook(1, state: .disabled(reason: "x")), now: Self.start, wall: 0)
        let notices = scheduler.takeNotices()
        #expect(notices.map(\.count) == [4] && notices.map(\.operational) == [3])
    }

    @Test("a lane whose ordinary events fail later is told of then")
    func mixed() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...5, isOperational: true, &scheduler)
        _ = Self.failAll(&scheduler, at: Self.start)
        _ = scheduler.takeHealthChanges()
        scheduler.accepted(EventFixture.event(6, for: [1]), now: Self.start)
        var told: [DeliveryScheduler.HealthChange] = []
        var now: Int64 = 0
        while told.isEmpty, now < 20_000 {
            now += 10
            for attempt in Self.begin(&scheduler, at: Self.at(now)) {
                Self.end(attempt, Self.refused, &scheduler, at: Self.at(now))
            }
            told = scheduler.takeHealthChanges().filter { $0.kind == .failing }
        }
        #expect(told.map(\.isAnnounced) == [true] && told.first?.sequence == 6)
    }
}
