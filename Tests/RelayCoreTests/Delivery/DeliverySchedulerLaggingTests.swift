import RelayCore
import Testing

/// A lane that reads the journal: where it goes on after it has let go of what it had read.
@Suite("Delivery scheduler, lagging lanes")
struct DeliverySchedulerLaggingTests {
    private static let start = MonotonicTime(nanoseconds: 0)

    /// A scheduler whose only lane, paused and resumed, has events 1 to `count` to read.
    private static func lagging(_ count: UInt64) throws -> DeliveryScheduler {
        var scheduler = DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: 100, maxInFlightPerWebhook: 8, timeout: .seconds(15),
                retry: RetryPolicy(schedule: [.seconds(10)], maxAge: .seconds(3600))), seen: 0)
        try pause(true, &scheduler)
        for sequence in 1...count { scheduler.accepted(EventFixture.event(sequence, for: [1]), now: start) }
        try pause(false, &scheduler)
        return scheduler
    }

    private static func pause(_ isPaused: Bool, _ scheduler: inout DeliveryScheduler) throws {
        scheduler.setLane(
            of: try EventFixture.webhook(1, state: isPaused ? .paused : .active), now: start, wall: 0)
    }

    private static func answer(_ read: DeliveryScheduler.Read, upTo count: Int, _ scheduler: inout DeliveryScheduler) {
        let next = min(read.through + 1, read.from + UInt64(min(count, read.maxEvents)))
        let events = (read.from..<next).map { EventFixture.event($0, for: [1]) }
        scheduler.loaded(events, for: read.webhook, next: next, now: start, wall: 0)
    }

    /// Delivers until nothing more happens; what was begun, in order.
    private static func deliverAll(_ scheduler: inout DeliveryScheduler) -> [UInt64] {
        var begun: [UInt64] = []
        while true {
            var isBusy = false
            while let attempt = scheduler.nextAttempt(now: start, wall: 0) {
                isBusy = true
                begun.append(attempt.sequence)
                _ = scheduler.finished(
                    attempt, acceptedAt: 0, AttemptOutcome(.delivered, duration: .zero), now: start, wall: 0, random: 0)
            }
            while let read = scheduler.nextRead() {
                isBusy = true
                answer(read, upTo: 7, &scheduler)
            }
            if !isBusy { return begun }
        }
    }

    @Test("it reads its backlog in order, catches up and goes live again")
    func catchesUp() throws {
        var scheduler = try Self.lagging(100)
        #expect(Self.deliverAll(&scheduler) == Array(1...100))
        scheduler.accepted(EventFixture.event(101, for: [1]), now: Self.start)
        let live = scheduler.nextAttempt(now: Self.start, wall: 0)
        #expect(live?.sequence == 101 && live?.event != nil)
    }

    @Test("a new lane begins behind events that go to no webhook, though nobody handed them over")
    func beginsBehindOthers() throws {
        var scheduler = try Self.lagging(3)
        scheduler.noteAccepted(through: 9)
        scheduler.noteAccepted(through: 5)
        scheduler.setLane(of: try EventFixture.webhook(2), now: Self.start, wall: 0)
        #expect(scheduler.seen == 9)
        #expect(scheduler.laneStates(now: Self.start, wall: 0)[2]?.cursor == 10)
    }

    @Test("a read that a pause has overtaken is not taken for the next one")
    func overtakenRead() throws {
        var scheduler = try Self.lagging(100)
        let askedFirst = scheduler.nextRead()
        let first = try #require(askedFirst)
        Self.answer(first, upTo: 8, &scheduler)
        let askedSecond = scheduler.nextRead()
        let second = try #require(askedSecond)
        #expect(first.from == 1 && second.from == 9)
        // The lane lets go of 1 to 8, then the answer for 9 and later comes.
        try Self.pause(true, &scheduler)
        try Self.pause(false, &scheduler)
        let early = scheduler.nextRead()
        #expect(early == nil, "one read at a time")
        Self.answer(second, upTo: 8, &scheduler)
        #expect(Self.deliverAll(&scheduler) == Array(1...100))
        #expect(scheduler.pending == 0)
    }

    @Test("an answer that comes during a pause changes nothing")
    func answerDuringPause() throws {
        var scheduler = try Self.lagging(20)
        let asked = scheduler.nextRead()
        let read = try #require(asked)
        try Self.pause(true, &scheduler)
        Self.answer(read, upTo: 20, &scheduler)
        #expect(scheduler.needs.needs(EventFixture.event(1, for: [1])))
        try Self.pause(false, &scheduler)
        #expect(Self.deliverAll(&scheduler) == Array(1...20))
    }

    @Test("more live events than a lane holds in memory: the rest is read back", arguments: [1023, 1024, 1025, 3000])
    func window(count: Int) throws {
        var scheduler = DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: 100, maxInFlightPerWebhook: 8, timeout: .seconds(15),
                retry: RetryPolicy(schedule: [], maxAge: .seconds(3600))), seen: 0)
        try Self.pause(false, &scheduler)
        for sequence in 1...UInt64(count) {
            scheduler.accepted(EventFixture.event(sequence, for: [1]), now: Self.start)
        }
        let early = scheduler.nextRead()
        #expect(early == nil, "there is enough at hand")
        #expect(Self.deliverAll(&scheduler) == Array(1...UInt64(count)))
        #expect(!scheduler.needs.mayNeed(0..<UInt64(count) + 1) && scheduler.pending == 0)
    }
}
