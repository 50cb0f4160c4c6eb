import Testing

@testable import RelayCore

/// The bounds on what a scheduler holds in memory, and what happens at them.
@Suite("Delivery scheduler, limits")
struct DeliverySchedulerLimitsTests {
    private static let start = MonotonicTime(nanoseconds: 0)

    private static func scheduler(
        _ webhooks: ClosedRange<WebhookNumber> = 1...1, perWebhook: Int = 8, reason: String = "refused"
    ) throws -> DeliveryScheduler {
        var scheduler = DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: 1_000, maxInFlightPerWebhook: perWebhook, timeout: .seconds(15),
                retry: RetryPolicy(schedule: Array(repeating: .seconds(100), count: 50), maxAge: .seconds(1_000_000))),
            seen: 0)
        for number in webhooks { scheduler.setLane(of: try EventFixture.webhook(number), now: start, wall: 0) }
        return scheduler
    }

    private static func fail(
        _ scheduler: inout DeliveryScheduler, reason: String = "refused", at now: MonotonicTime = start
    ) -> Int {
        var count = 0
        while let attempt = scheduler.nextAttempt(now: now, wall: 0) {
            count += 1
            _ = scheduler.finished(
                attempt, acceptedAt: 0,
                AttemptOutcome(.failed(AttemptFailure(.connect, reason)), duration: .zero), now: now, wall: 0,
                random: 500)
        }
        return count
    }

    // MARK: What waits for its next try

    @Test("a lane that fails most of them begins no more than may wait for their next try")
    func laneRetries() throws {
        var scheduler = try Self.scheduler()
        var attempts = 0
        var sequence: UInt64 = 0
        while sequence < 4 * UInt64(4 * Limits.laneRetries) {
            for _ in 0..<1_000 {
                sequence += 1
                scheduler.accepted(EventFixture.event(sequence, for: [1]), now: Self.start)
            }
            while true {
                while let attempt = scheduler.nextAttempt(now: Self.start, wall: 0) {
                    attempts += 1
                    // Never five in a row: the breaker stays closed.
                    let failure = AttemptOutcome.Result.failed(AttemptFailure(.connect, "refused"))
                    _ = scheduler.finished(
                        attempt, acceptedAt: 0,
                        AttemptOutcome(attempts % 5 == 0 ? .delivered : failure, duration: .zero), now: Self.start,
                        wall: 0, random: 500)
                    if attempts.isMultiple(of: 10_000) { _ = scheduler.takeProgress() }
                }
                guard let read = scheduler.nextRead() else { break }
                let next = min(read.through + 1, read.from + UInt64(read.maxEvents))
                scheduler.loaded(
                    (read.from..<next).map { EventFixture.event($0, for: [1]) }, for: 1, next: next, now: Self.start,
                    wall: 0)
            }
        }
        #expect(scheduler.parked == 4 * Limits.laneRetries)
        #expect(scheduler.health(of: 1)?.breaker == .closed)
        #expect(scheduler.pending > 4 * Limits.laneRetries)
    }

    @Test("a lane that fails them all begins five")
    func openBreaker() throws {
        var scheduler = try Self.scheduler()
        var begun = 0
        for sequence in 1...5_000 as ClosedRange<UInt64> {
            scheduler.accepted(EventFixture.event(sequence, for: [1]), now: Self.start)
            begun += Self.fail(&scheduler)
        }
        #expect(begun == 5 && scheduler.parked == 5)
        #expect(scheduler.pending == 5_000 && scheduler.memory.bytes == 0)
        let read = scheduler.nextRead()
        #expect(read == nil, "what is not tried is not read either")
    }

    @Test(
        "where all lanes together have as many as memory is meant for, lanes with a few begin no more, and go on later")
    func crowded() throws {
        var scheduler = try Self.scheduler(1...40)
        // What a restart found: as many as there may be, less one.
        let perLane = Limits.retries / 40
        for webhook in 1...40 as ClosedRange<WebhookNumber> {
            var state = LaneState(cursor: 1)
            let count = webhook < 40 ? perLane : Limits.retries - 39 * perLane - 1
            for sequence in 0..<UInt64(count) {
                state.open[sequence + 1_000_000] = LaneState.Open(
                    attempts: 1, nextAt: 50_000, bytes: 9, waitMax: 50_000)
            }
            state.pending = count
            state.cursor = 2_000_000
            scheduler.removeLane(of: webhook)
            scheduler.setLane(of: try EventFixture.webhook(webhook), state: state, now: Self.start, wall: 0)
        }
        #expect(scheduler.parked == Limits.retries - 1 && !scheduler.isCrowded)
        scheduler.setLane(of: try EventFixture.webhook(41), now: Self.start, wall: 0)
        scheduler.accepted(EventFixture.event(2_000_001, for: [41]), now: Self.start)
        #expect(Self.fail(&scheduler) == 1)
        #expect(scheduler.isCrowded)
        // A lane with few of them goes on up to its share, one with many does not.
        for sequence in 2_000_002...2_000_011 as ClosedRange<UInt64> {
            scheduler.accepted(EventFixture.event(sequence, for: [1, 41]), now: Self.start)
        }
        #expect(Self.fail(&scheduler) == Limits.laneRetriesBeyond - 1)
        #expect(scheduler.health(of: 41)?.pending == 11)
        // Their time comes, and most of them are delivered: all lanes are woken.
        let later = Self.start + .seconds(51)
        scheduler.advance(to: later)
        var isOver = false
        var attempts = 0
        while !isOver {
            isOver = true
            while let attempt = scheduler.nextAttempt(now: later, wall: 51_000) {
                isOver = false
                attempts += 1
                _ = scheduler.finished(
                    attempt, acceptedAt: 0, AttemptOutcome(.delivered, duration: .zero), now: later, wall: 51_000,
                    random: 0)
                if attempts.isMultiple(of: 10_000) { _ = scheduler.takeProgress() }
            }
            while let read = scheduler.nextRead() {
                isOver = false
                let range = max(read.from, 2_000_001)...min(read.through, 2_000_011)
                scheduler.loaded(
                    range.map { EventFixture.event($0, for: [1, 41]) }, for: read.webhook, next: read.through + 1,
                    now: later, wall: 51_000)
            }
        }
        #expect(!scheduler.isCrowded)
        #expect(scheduler.health(of: 1)?.pending == 0)
        // What waits for its next try since then.
        #expect(scheduler.health(of: 41)?.pending == Limits.laneRetriesBeyond)
    }

    // MARK: What is not saved

    @Test("with too much unsaved nothing is attempted or read, and saving lets it go on")
    func unsaved() throws {
        var scheduler = try Self.scheduler(1...100, perWebhook: 2)
        let reason = String(repeating: "r", count: 100_000)
        var sequence: UInt64 = 0
        var begun = 0
        while scheduler.unsavedBytes < Limits.unsavedProgressBytes {
            sequence += 1
            scheduler.accepted(EventFixture.event(sequence, for: [WebhookNumber(sequence)]), now: Self.start)
            begun += Self.fail(&scheduler, reason: reason)
        }
        #expect(begun == Limits.unsavedProgressBytes / 100_000 + 1)
        scheduler.accepted(EventFixture.event(sequence + 1, for: [100]), now: Self.start)
        #expect(Self.fail(&scheduler) == 0)
        let taken = scheduler.takeProgress()
        let record = try #require(taken)
        #expect(scheduler.unsavedBytes == 0)
        // It could not be saved: what is in memory is as much as before.
        scheduler.restoreProgress(record)
        #expect(scheduler.unsavedBytes >= Limits.unsavedProgressBytes)
        #expect(Self.fail(&scheduler) == 0)
        _ = scheduler.takeProgress()
        #expect(Self.fail(&scheduler) == 1)
    }

    // MARK: Timers, and losses

    @Test("timers of deliveries that have ended do not heap up")
    func staleTimers() throws {
        var scheduler = try Self.scheduler()
        var sequence: UInt64 = 0
        var attempts = 0
        for _ in 0..<20 {
            for _ in 0..<500 {
                sequence += 1
                scheduler.accepted(EventFixture.event(sequence, for: [1]), now: Self.start)
            }
            while let attempt = scheduler.nextAttempt(now: Self.start, wall: 0) {
                attempts += 1
                // Never five in a row: the breaker stays closed.
                let failure = AttemptOutcome.Result.failed(AttemptFailure(.connect, "refused"))
                _ = scheduler.finished(
                    attempt, acceptedAt: 0,
                    AttemptOutcome(attempts % 5 == 0 ? .delivered : failure, duration: .zero), now: Self.start,
                    wall: 0, random: 500)
            }
            scheduler.cancelAll(of: 1, through: sequence, wall: 0)
            _ = scheduler.takeProgress()
        }
        #expect(scheduler.pending == 0 && scheduler.parked == 0)
        #expect(scheduler.staleTimers <= 1_024, "all timers that there are: no delivery has one")
    }

    @Test("what was counted and is not there is told once as lost", arguments: [0, 1, 3])
    func losses(lost: Int) throws {
        var scheduler = DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: 100, maxInFlightPerWebhook: 8, timeout: .seconds(15),
                retry: RetryPolicy(schedule: [], maxAge: .seconds(3600))), seen: 10)
        var state = LaneState(cursor: 1)
        state.pending = 10
        scheduler.setLane(of: try EventFixture.webhook(1), state: state, now: Self.start, wall: 0)
        #expect(scheduler.pending == 10)
        let asked = scheduler.nextRead()
        let read = try #require(asked)
        // The first ones are damaged.
        scheduler.loaded(
            (read.from..<11).dropFirst(lost).map { EventFixture.event($0, for: [1]) }, for: 1, next: 11,
            now: Self.start, wall: 0)
        #expect(scheduler.pending == 10 - lost)
        #expect(scheduler.health(of: 1)?.givenUp == lost)
        let notices = scheduler.takeNotices()
        #expect(notices == (lost == 0 ? [] : [.init(webhook: 1, result: .unreadable, count: lost)]))
        #expect(scheduler.takeNotices().isEmpty)
    }
}
