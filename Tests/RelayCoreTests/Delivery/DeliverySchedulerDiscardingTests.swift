import Testing

@testable import RelayCore

/// Deliveries that end without an attempt, and those that are made once more.
@Suite("Delivery scheduler, discarding")
struct DeliverySchedulerDiscardingTests {
    private static let start = MonotonicTime(nanoseconds: 0)
    private static let bytes = EventFixture.event(1).body.count
    private static let failure = AttemptOutcome.Result.failed(AttemptFailure(.connect, "refused"))

    private static func scheduler(backlog: Int = .max, isPaused: Bool = false) throws -> DeliveryScheduler {
        var scheduler = DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: 100, maxInFlightPerWebhook: 8, timeout: .seconds(15),
                retry: RetryPolicy(schedule: [.seconds(10), .seconds(10)], maxAge: .seconds(3600)),
                backlogBytesPerWebhook: backlog), seen: 0)
        scheduler.setLane(of: try EventFixture.webhook(1, state: isPaused ? .paused : .active), now: start, wall: 0)
        return scheduler
    }

    private static func accept(_ sequences: ClosedRange<UInt64>, _ scheduler: inout DeliveryScheduler) {
        for sequence in sequences { scheduler.accepted(EventFixture.event(sequence, for: [1]), now: start) }
    }

    private static func settled(_ scheduler: inout DeliveryScheduler) -> [UInt64: SettlementResult] {
        var all: [UInt64: SettlementResult] = [:]
        let record = scheduler.takeProgress()
        for settlement in record?.lanes.flatMap(\.progress.settled) ?? [] {
            #expect(all.updateValue(settlement.result, forKey: settlement.sequence) == nil, "settled twice")
        }
        return all
    }

    /// Reads and delivers until nothing more happens; what was attempted, in order.
    private static func deliver(
        _ scheduler: inout DeliveryScheduler, _ result: AttemptOutcome.Result = .delivered,
        at now: MonotonicTime = start
    ) -> [UInt64] {
        var begun: [UInt64] = []
        while true {
            var isBusy = false
            while let attempt = scheduler.nextAttempt(now: now, wall: 0) {
                isBusy = true
                begun.append(attempt.sequence)
                _ = scheduler.finished(
                    attempt, acceptedAt: 0, AttemptOutcome(result, duration: .zero), now: now, wall: 0, random: 500)
            }
            while let read = scheduler.nextRead() {
                isBusy = true
                let next = min(read.through + 1, read.from + UInt64(read.maxEvents))
                scheduler.loaded(
                    (read.from..<next).map { EventFixture.event($0, for: [1]) }, for: 1, next: next, now: now, wall: 0)
            }
            if !isBusy { return begun }
        }
    }

    // MARK: Displacing

    @Test("past the backlog's limit the oldest go, and a sixteenth more", arguments: [31, 32, 33])
    func backlogLimit(count: UInt64) throws {
        var scheduler = try Self.scheduler(backlog: 32 * Self.bytes)
        Self.accept(1...count, &scheduler)
        let notices = scheduler.takeNotices()
        let settled = Self.settled(&scheduler)
        #expect(settled == (count < 33 ? [:] : [1: .displaced, 2: .displaced, 3: .displaced]))
        #expect(notices == (count < 33 ? [] : [.init(webhook: 1, result: .displaced, count: 3)]))
        #expect(Self.deliver(&scheduler) == (count < 33 ? Array(1...count) : Array(4...count)))
        #expect(scheduler.pending == 0)
    }

    @Test("a paused webhook's oldest go as they are read, and the rest waits")
    func pausedBacklog() throws {
        var scheduler = try Self.scheduler(backlog: 64 * Self.bytes, isPaused: true)
        Self.accept(1...65, &scheduler)
        #expect(Self.deliver(&scheduler).isEmpty)
        let settled = Self.settled(&scheduler)
        #expect(settled == Dictionary(uniqueKeysWithValues: (1...5).map { ($0, .displaced) }))
        #expect(scheduler.health(of: 1)?.pending == 60)
        scheduler.setLane(of: try EventFixture.webhook(1), now: Self.start, wall: 0)
        #expect(Self.deliver(&scheduler) == Array(6...65))
        #expect(scheduler.pending == 0)
    }

    @Test("the largest failing webhook gives way, and none that works")
    func displaceLargest() throws {
        var scheduler = try Self.scheduler()
        scheduler.setLane(of: try EventFixture.webhook(2), now: Self.start, wall: 0)
        for sequence in 1...10 as ClosedRange<UInt64> {
            scheduler.accepted(EventFixture.event(sequence, for: sequence > 4 ? [1, 2] : [1]), now: Self.start)
        }
        let early = scheduler.displaceLargest(bytes: 1, wall: 0)
        #expect(early == nil)
        while let attempt = scheduler.nextAttempt(now: Self.start, wall: 0) {
            _ = scheduler.finished(
                attempt, acceptedAt: 0,
                AttemptOutcome(attempt.webhook == 1 ? Self.failure : .delivered, duration: .zero), now: Self.start,
                wall: 0, random: 500)
        }
        _ = Self.settled(&scheduler)
        let displaced = scheduler.displaceLargest(bytes: 3 * Self.bytes - 1, wall: 0)
        #expect(displaced == 1)
        #expect(Self.settled(&scheduler) == [1: .displaced, 2: .displaced, 3: .displaced])
        #expect(scheduler.health(of: 1)?.pending == 7)
    }

    // MARK: Cancelling

    @Test("a delivery is cancelled wherever it is: waiting, parked, in flight, or in the journal alone")
    func cancel() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...4, &scheduler)
        let first = scheduler.nextAttempt(now: Self.start, wall: 0)
        let second = scheduler.nextAttempt(now: Self.start, wall: 0)
        let (flying, parked) = (try #require(first), try #require(second))
        _ = scheduler.finished(
            parked, acceptedAt: 0, AttemptOutcome(Self.failure, duration: .zero), now: Self.start, wall: 0, random: 500)
        for sequence in [1, 2, 3] as [UInt64] { scheduler.cancel(sequence, bytes: Self.bytes, for: 1, wall: 0) }
        #expect(Self.settled(&scheduler) == [2: .cancelled, 3: .cancelled])
        let decision = scheduler.finished(
            flying, acceptedAt: 0, AttemptOutcome(Self.failure, duration: .zero), now: Self.start, wall: 0, random: 500)
        #expect(decision == .settled(.cancelled))
        #expect(Self.settled(&scheduler) == [1: .cancelled])
        #expect(Self.deliver(&scheduler) == [4])
        #expect(scheduler.pending == 0)

        var lagging = try Self.scheduler(isPaused: true)
        Self.accept(1...5, &lagging)
        lagging.cancel(3, bytes: Self.bytes, for: 1, wall: 0)
        lagging.cancel(3, bytes: Self.bytes, for: 1, wall: 0)
        #expect(Self.settled(&lagging) == [3: .cancelled])
        lagging.setLane(of: try EventFixture.webhook(1), now: Self.start, wall: 0)
        #expect(Self.deliver(&lagging) == [1, 2, 4, 5])
        #expect(lagging.pending == 0)
    }

    @Test("an attempt under way that succeeds in spite of its cancellation is delivered")
    func cancelledAndDelivered() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...1, &scheduler)
        let begun = scheduler.nextAttempt(now: Self.start, wall: 0)
        let attempt = try #require(begun)
        scheduler.cancelAll(of: 1, through: 1, wall: 0)
        let decision = scheduler.finished(
            attempt, acceptedAt: 0, AttemptOutcome(.delivered, duration: .zero), now: Self.start, wall: 0, random: 0)
        #expect(decision == .settled(.delivered))
        #expect(scheduler.pending == 0)
    }

    @Test("all of a webhook's deliveries up to an event are cancelled, read or not", arguments: [false, true])
    func cancelAll(isPaused: Bool) throws {
        var scheduler = try Self.scheduler(isPaused: isPaused)
        Self.accept(1...100, &scheduler)
        scheduler.cancelAll(of: 1, through: 90, wall: 0)
        Self.accept(101...110, &scheduler)
        if isPaused {
            #expect(Self.deliver(&scheduler).isEmpty)
            scheduler.setLane(of: try EventFixture.webhook(1), now: Self.start, wall: 0)
        }
        #expect(Self.deliver(&scheduler) == Array(91...110))
        let settled = Self.settled(&scheduler)
        #expect(settled.filter { $1 == .cancelled }.keys.sorted() == Array(1...90))
        #expect(settled.count == 110 && scheduler.pending == 0)
    }

    // MARK: Once more

    @Test("a settled delivery is made once more, a pending one is not")
    func reopen() throws {
        var scheduler = try Self.scheduler()
        Self.accept(1...3, &scheduler)
        #expect(Self.deliver(&scheduler) == [1, 2, 3])
        _ = Self.settled(&scheduler)
        let reopened = scheduler.reopen(2, bytes: Self.bytes, for: 1, isMatched: true, now: Self.start, wall: 0)
        let again = scheduler.reopen(2, bytes: Self.bytes, for: 1, isMatched: true, now: Self.start, wall: 0)
        let future = scheduler.reopen(4, bytes: Self.bytes, for: 1, isMatched: true, now: Self.start, wall: 0)
        let unknown = scheduler.reopen(2, bytes: Self.bytes, for: 9, isMatched: true, now: Self.start, wall: 0)
        #expect([reopened, again, future, unknown] == [.reopened, .pending, .pending, .pending])
        #expect(scheduler.pending == 1)
        let record = scheduler.takeProgress()
        #expect(record?.lanes.first?.progress.reopened.map(\.sequence) == [2])
        #expect(Self.deliver(&scheduler) == [2])
        #expect(Self.settled(&scheduler) == [2: .delivered])
        #expect(scheduler.pending == 0)
    }

    /// A settlement and its delivery's reopening may become durable with the same record, whichever came first.
    @Test("a start finds what was reopened, saved together with its settlement or not", arguments: [0, 1, 2])
    func reopenBeforeSaving(order: Int) throws {
        var scheduler = try Self.scheduler()
        var state = RecoveryState(checkpoint: nil)
        for sequence in 1...3 as ClosedRange<UInt64> {
            let event = EventFixture.event(sequence, for: [1])
            scheduler.accepted(event, now: Self.start)
            state.apply(event)
        }
        #expect(Self.deliver(&scheduler) == [1, 2, 3])
        var failed: ProgressRecord?
        if order == 1 { if let record = scheduler.takeProgress() { state.apply(record) } }
        if order == 2 { failed = scheduler.takeProgress() }
        let reopened = scheduler.reopen(2, bytes: Self.bytes, for: 1, isMatched: true, now: Self.start, wall: 0)
        #expect(reopened == .reopened)
        if let failed { scheduler.restoreProgress(failed) }
        if let record = scheduler.takeProgress() { state.apply(record) }
        #expect(state.lanes[1]?.open.keys.sorted() == [2])
        #expect(state.lanes[1]?.pending == 1)
        #expect(Self.deliver(&scheduler) == [2])
        if let record = scheduler.takeProgress() { state.apply(record) }
        #expect(state.lanes[1]?.open.isEmpty == true && state.lanes[1]?.pending == 0)
    }
}
