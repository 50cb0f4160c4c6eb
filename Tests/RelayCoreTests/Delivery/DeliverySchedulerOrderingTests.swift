import Testing

@testable import RelayCore

@Suite("Delivery scheduler: order")
struct DeliverySchedulerOrderingTests {
    private static let start = MonotonicTime(nanoseconds: 0)
    private static let failure = AttemptOutcome.Result.failed(AttemptFailure(.status, "HTTP 500"))

    /// One webhook's lane with its receiver at hand.
    private struct Bench {
        var scheduler: DeliveryScheduler
        var events: [UInt64: EventRecord] = [:]
        var now = start
        var flying: [DeliveryScheduler.Attempt] = []
        var delivered: [UInt64] = []

        init(_ ordering: DeliveryOrdering, state: LaneState? = nil, seen: UInt64 = 0, maxInFlight: Int = 8) throws {
            scheduler = DeliveryScheduler(
                settings: DeliveryScheduler.Settings(
                    maxInFlight: 100, maxInFlightPerWebhook: maxInFlight, timeout: .seconds(15),
                    retry: RetryPolicy(schedule: [.seconds(10), .seconds(20)], maxAge: .seconds(1_000_000))), seen: seen
            )
            try set(ordering, state: state)
        }

        mutating func set(
            _ ordering: DeliveryOrdering, rateLimit: RateLimit? = nil, state: LaneState? = nil
        ) throws {
            let settings = DeliverySettings(rateLimit: rateLimit, ordering: ordering)
            scheduler.setLane(
                of: try EventFixture.webhook(1, settings: settings), state: state, now: now, wall: 0)
        }

        mutating func make(_ sequence: UInt64, _ key: String?) -> EventRecord {
            let buffer = RecordBuffer(capacity: 256)
            EventFixture.append(
                sequence, webhooks: [MatchedWebhook(number: 1, takesDeliveries: true)],
                data: key.map { "{\"k\":\"\($0)\"}" } ?? "{}", acceptedAt: 0, to: buffer)
            let event = EventRecord(buffer: buffer, offset: 0)!
            events[sequence] = event
            return event
        }

        mutating func accept(_ keys: [String?]) {
            for key in keys { scheduler.accepted(make(scheduler.seen + 1, key), now: now) }
        }

        /// Whether no attempt can be begun without a look at the journal.
        var isIdle: Bool {
            var copy = scheduler
            return copy.nextAttempt(now: now, wall: 0) == nil
        }

        /// Begins all that can be begun.
        @discardableResult mutating func begin() -> [UInt64] {
            let before = flying.count
            var isBusy = true
            while isBusy {
                isBusy = false
                while let attempt = scheduler.nextAttempt(now: now, wall: 0) { flying.append(attempt) }
                while let lookUp = scheduler.nextLookUp() {
                    var found: [UInt64: EventRecord] = [:]
                    for sequence in lookUp.sequences { found[sequence] = events[sequence] }
                    scheduler.found(found, for: lookUp)
                    isBusy = true
                }
                while let read = scheduler.nextRead() {
                    let last = min(read.through, read.from + UInt64(read.maxEvents) - 1)
                    scheduler.loaded(
                        (read.from...last).compactMap { events[$0] }, for: 1, next: last + 1, now: now, wall: 0)
                    isBusy = true
                }
            }
            return flying[before...].map(\.sequence)
        }

        mutating func end(_ sequence: UInt64, _ result: AttemptOutcome.Result = .delivered) {
            guard let index = flying.firstIndex(where: { $0.sequence == sequence }) else {
                Issue.record("\(sequence) is not in flight")
                return
            }
            let attempt = flying.remove(at: index)
            if result == .delivered { delivered.append(sequence) }
            _ = scheduler.finished(
                attempt, acceptedAt: 0, AttemptOutcome(result, duration: .zero), now: now, wall: 0, random: 500)
        }

        mutating func wait(_ duration: Duration) {
            now = now + duration
            scheduler.advance(to: now)
        }

        /// Everything that is begun is delivered, until nothing more is.
        mutating func deliverAll() {
            repeat {
                begin()
                while let first = flying.first { end(first.sequence) }
                if let timer = scheduler.nextTimer, scheduler.pending > 0 { wait(timer - now) }
            } while !begin().isEmpty
        }

        mutating func reopen(_ sequences: [UInt64]) {
            for sequence in sequences {
                let reopening = scheduler.reopen(
                    sequence, bytes: events[sequence]?.body.count ?? 0, for: 1, isMatched: true, now: now, wall: 0)
                #expect(reopening == .reopened)
            }
        }
    }

    private static func key() throws -> DeliveryOrdering { .key(try JSONPointer("/data/k")) }

    // MARK: One line

    @Test func ofAnOrderedWebhookOneGoesAfterTheOther() throws {
        var bench = try Bench(.webhook)
        bench.accept(["a", "b", nil, "a"])
        #expect(bench.begin() == [1])
        bench.end(1)
        #expect(bench.begin() == [2])
        bench.end(2)
        #expect(bench.begin() == [3])
    }

    @Test func theHeadBlocksUntilItIsDelivered() throws {
        var bench = try Bench(.webhook)
        bench.accept(["a", "b", "c"])
        bench.begin()
        bench.end(1, Self.failure)
        #expect(bench.begin() == [])
        bench.wait(.seconds(9))
        #expect(bench.begin() == [])
        bench.wait(.seconds(1))
        #expect(bench.begin() == [1])
        bench.end(1)
        #expect(bench.begin() == [2])
    }

    @Test func theHeadBlocksUntilItIsGivenUp() throws {
        var bench = try Bench(.webhook)
        bench.accept(["a", "b"])
        for _ in 0..<3 {
            #expect(bench.begin() == [1])
            bench.end(1, Self.failure)
            if bench.scheduler.health(of: 1)?.givenUp == 0 { #expect(bench.begin() == []) }
            bench.wait(.seconds(20))
        }
        #expect(bench.begin() == [2])
    }

    @Test func whatWaitsBehindAFailedHeadIsNotHeldInMemory() throws {
        var bench = try Bench(.webhook)
        bench.begin()
        bench.accept(Array(repeating: "a", count: 50))
        bench.begin()
        bench.end(1, Self.failure)
        bench.accept(Array(repeating: "a", count: 50))
        bench.begin()
        let lane = bench.scheduler.lanes[0]
        #expect(lane.waiting.isEmpty && lane.open.count == 1 && bench.scheduler.memory.bytes == 0)
        #expect(lane.pending == 100)
        bench.deliverAll()
        #expect(bench.delivered == Array(1...100))
    }

    @Test func anAttemptThatIsBrokenOffStaysTheHead() throws {
        var bench = try Bench(.webhook)
        bench.accept(["a", "b"])
        bench.begin()
        bench.end(1, .abandoned)
        #expect(bench.begin() == [1])
    }

    @Test func aHeadThatIsCancelledLetsTheNextOneGo() throws {
        for ordering in try [DeliveryOrdering.webhook, Self.key()] {
            var bench = try Bench(ordering)
            bench.accept(["a", "a"])
            bench.begin()
            bench.end(1, Self.failure)
            #expect(bench.begin() == [])
            bench.scheduler.cancel(bench.events[1]!, wall: 0)
            #expect(bench.begin() == [2])
        }
    }

    // MARK: A line for each value

    @Test func valuesDoNotWaitForEachOther() throws {
        var bench = try Bench(try Self.key())
        bench.scheduler.lanes[0].window = 8
        bench.accept(["a", "b", "a", "c", "b"])
        #expect(bench.begin() == [1, 2, 4])
        bench.end(1, Self.failure)
        bench.end(2)
        #expect(bench.begin() == [5])
        bench.end(4)
        bench.end(5)
        bench.accept(["a", "b"])
        #expect(bench.begin() == [7])
        bench.wait(.seconds(10))
        #expect(bench.begin() == [1])
        bench.end(1)
        #expect(bench.begin() == [3])
        bench.end(3)
        #expect(bench.begin() == [6])
    }

    @Test func whatHasNoValueHasNoOrder() throws {
        var bench = try Bench(try Self.key())
        bench.scheduler.lanes[0].window = 8
        bench.accept([nil, nil, "a", nil])
        #expect(bench.begin() == [1, 2, 3, 4])
        bench.end(1, Self.failure)
        bench.end(2)
        bench.accept([nil])
        #expect(bench.begin() == [5])
    }

    @Test func aBlockedValueHoldsBackNoOtherUntilTheBound() throws {
        var bench = try Bench(try Self.key())
        bench.accept(["z"])
        bench.deliverAll()
        bench.accept(["bad"])
        bench.begin()
        bench.end(2, Self.failure)
        let bound = 4 * Limits.laneRetries
        bench.accept(Array(repeating: "bad", count: bound - 2))
        bench.accept(["good"])
        #expect(bench.begin() == [UInt64(bound) + 1])
        bench.end(UInt64(bound) + 1)
        bench.accept(["bad", "good"])
        #expect(bench.begin() == [], "as many are blocked as may be")
        let lane = bench.scheduler.lanes[0]
        #expect(lane.open.count == bound && lane.waiting.isEmpty)
        bench.wait(.seconds(10))
        #expect(bench.begin() == [2, UInt64(bound) + 3], "there is room for another one")
        bench.end(2)
        #expect(bench.begin() == [3])
        bench.deliverAll()
        #expect(Set(bench.delivered).count == bound + 3 && bench.scheduler.pending == 0)
        let bad = bench.delivered.filter { $0 != 1 && $0 != UInt64(bound) + 1 && $0 != UInt64(bound) + 3 }
        #expect(bad == bad.sorted())
        #expect(bench.scheduler.lanes[0].order.lines.isEmpty, "a line that has come to its end is forgotten")
    }

    @Test func blockedDeliveriesSayWhatTheyWaitFor() throws {
        var bench = try Bench(try Self.key())
        bench.accept(["a", "a", "b"])
        bench.begin()
        let pending = bench.scheduler.pendingDeliveries(of: 1, below: .max).deliveries
        #expect(pending.map(\.wait) == [.outcome, .predecessor, .outcome])
    }

    // MARK: Restarts

    private func restarted(_ bench: Bench, _ ordering: DeliveryOrdering) throws -> Bench {
        var old = bench.scheduler
        _ = old.takeProgress()
        let buffer = RecordBuffer()
        CheckpointRecord.append(
            number: 1, asOf: old.seen, revision: 0, madeAt: 0, floor: 0, lanes: old.laneStates(now: bench.now, wall: 0),
            to: buffer)
        let record = try #require(EventFixture.payload(buffer).withUnsafeBytes { CheckpointRecord($0) })
        var next = try Bench(ordering, state: record.lanes[1], seen: old.seen)
        next.events = bench.events
        return next
    }

    @Test func whatWasOpenAtARestartComesFirst() throws {
        for ordering in try [DeliveryOrdering.webhook, Self.key()] {
            var bench = try Bench(ordering)
            bench.accept(["a", "a", "b", "a"])
            bench.begin()
            bench.end(1, Self.failure)
            if ordering != .webhook { bench.end(3) }
            bench.begin()
            var next = try restarted(bench, ordering)
            next.accept(["a", "b"])
            #expect(next.begin() == (ordering == .webhook ? [] : [6]))
            next.wait(.seconds(10))
            next.deliverAll()
            #expect(next.delivered.filter { $0 != 6 && $0 != 3 } == [1, 2, 4, 5])
            #expect(next.scheduler.pending == 0)
        }
    }

    @Test func nothingOvertakesWhatTheJournalHasNotToldOfYet() throws {
        var bench = try Bench(try Self.key())
        bench.accept(["a", "a"])
        bench.begin()
        var next = try restarted(bench, try Self.key())
        next.accept(["a", "b"])
        #expect(next.isIdle)
        let wish = next.scheduler.nextLookUp()
        let lookUp = try #require(wish)
        let another = next.scheduler.nextLookUp()
        #expect(another == nil)
        next.scheduler.found(nil, for: lookUp)
        #expect(next.isIdle, "the journal could not be read")
        #expect(next.begin() == [1, 4])
    }

    @Test func anEventThatIsGoneHoldsNobodyBack() throws {
        var bench = try Bench(try Self.key())
        bench.accept(["a", "a"])
        bench.begin()
        var next = try restarted(bench, try Self.key())
        next.events[1] = nil
        #expect(next.begin() == [1, 2], "its attempt will tell that it is gone")
    }

    // MARK: Changes

    @Test func anOrderThatIsAskedForCountsForWhatIsOpen() throws {
        var bench = try Bench(.none)
        bench.scheduler.lanes[0].window = 4
        bench.accept(["a", "b", "a", "b", "a", "b"])
        #expect(bench.begin() == [1, 2, 3, 4])
        bench.end(1, Self.failure)
        bench.end(3)
        try bench.set(.webhook)
        bench.wait(.seconds(10))
        #expect(bench.begin() == [], "two are under way from before")
        bench.end(2)
        bench.end(4, Self.failure)
        #expect(bench.begin() == [1])
        bench.end(1)
        #expect(bench.begin() == [], "the fourth has a time to wait for")
        bench.wait(.seconds(10))
        bench.deliverAll()
        #expect(bench.delivered == [3, 2, 1, 4, 5, 6])
    }

    @Test func anOrderThatIsNotWantedAnyMoreLetsAllGo() throws {
        var bench = try Bench(.webhook)
        bench.accept(["a", "b", "c"])
        bench.begin()
        bench.end(1, Self.failure)
        try bench.set(.none)
        #expect(bench.begin() == [2])
        bench.end(2)
        var other = try Bench(try Self.key())
        other.accept(["a", "a", "a"])
        other.begin()
        other.end(1, Self.failure)
        other.begin()
        try other.set(.none)
        #expect(other.begin() == [2])
    }

    @Test func anotherPointerMakesOtherLines() throws {
        var bench = try Bench(.key(try JSONPointer("/event")))
        bench.scheduler.lanes[0].window = 8
        bench.accept(["a", "b", "a"])
        #expect(bench.begin() == [1])
        try bench.set(try Self.key())
        #expect(bench.begin() == [2])
        bench.end(1)
        #expect(bench.begin() == [3])
    }

    @Test func aChangeWhileEventsAreLookedUpIsNotConfusedByTheAnswer() throws {
        var bench = try Bench(.none)
        bench.scheduler.lanes[0].window = 8
        bench.accept(["a", "a", "b"])
        bench.begin()
        bench.end(1, .abandoned)
        bench.end(2, .abandoned)
        bench.end(3, .abandoned)
        try bench.set(try Self.key())
        let wish = bench.scheduler.nextLookUp()
        let stale = try #require(wish)
        try bench.set(.key(try JSONPointer("/event")))
        bench.scheduler.found(bench.events, for: stale)
        #expect(bench.begin() == [1])
        bench.end(1)
        #expect(bench.begin() == [2])
    }

    // MARK: Once more

    @Test func whatIsMadeOnceMoreKeepsItsOrder() throws {
        for ordering in try [DeliveryOrdering.webhook, Self.key()] {
            var bench = try Bench(ordering)
            bench.accept(Array(repeating: "a", count: 6))
            bench.deliverAll()
            bench.delivered = []
            bench.reopen([2, 3, 5])
            #expect(bench.begin() == [2])
            bench.end(2, Self.failure)
            #expect(bench.begin() == [])
            bench.wait(.seconds(10))
            bench.deliverAll()
            #expect(bench.delivered == [2, 3, 5])
        }
    }

    @Test func liveDeliveriesAndRepeatsTakeTurns() throws {
        for ordering in try [DeliveryOrdering.none, .webhook, Self.key()] {
            var bench = try Bench(ordering, maxInFlight: 1)
            bench.accept(Array(repeating: "a", count: 100))
            bench.deliverAll()
            bench.delivered = []
            bench.reopen(Array(1...40))
            bench.begin()
            bench.accept(Array(repeating: "a", count: 30))
            for _ in 0..<60 {
                bench.begin()
                bench.end(try #require(bench.flying.first).sequence)
            }
            let live = bench.delivered.indices.filter { bench.delivered[$0] > 100 }
            #expect(live.count >= 29, "\(ordering)")
            for (one, next) in zip(live, live.dropFirst()) { #expect(next - one <= 2, "\(ordering)") }
            #expect(bench.delivered.filter { $0 > 100 } == (0..<live.count).map { UInt64(101 + $0) })
            bench.deliverAll()
            #expect(bench.delivered.filter { $0 <= 100 } == Array(1...40))
        }
    }

    @Test func repeatsOfFullHostsHoldNoLiveDeliveryBack() throws {
        var bench = try Bench(.none, maxInFlight: 1)
        bench.accept(Array(repeating: "a", count: 100))
        bench.deliverAll()
        bench.delivered = []
        bench.reopen(Array(1...50))
        // As many wait for their next try elsewhere as may.
        bench.scheduler.parked += Limits.retries
        bench.scheduler.isCrowded = true
        bench.accept(["a"])
        #expect(bench.scheduler.roomToReopen(for: 1) == 0)
        for _ in 0..<4 {
            bench.begin()
            bench.end(try #require(bench.flying.first).sequence)
        }
        #expect(bench.delivered.contains(101))
    }

    @Test func repeatsAreStillSuchAfterARestart() throws {
        var bench = try Bench(.webhook)
        bench.accept(Array(repeating: "a", count: 10))
        bench.deliverAll()
        _ = bench.scheduler.takeProgress()
        bench.reopen([1, 2, 3, 4])
        bench.accept(["a", "a"])
        var next = try restarted(bench, .webhook)
        next.deliverAll()
        #expect(next.delivered.filter { $0 <= 10 } == [1, 2, 3, 4])
        #expect(next.delivered.firstIndex(of: 11) ?? 9 <= 1)
        #expect(next.scheduler.pending == 0 && next.scheduler.lanes[0].openRepeats == 0)
    }

    // MARK: Rate limits

    @Test func attemptsWaitForATokenWithoutUsingATry() throws {
        var bench = try Bench(.none)
        try bench.set(.none, rateLimit: RateLimit(perSecond: 1, burst: 2))
        bench.scheduler.lanes[0].window = 8
        bench.accept(["a", "b", "c", "d"])
        #expect(bench.begin() == [1, 2])
        bench.end(1, Self.failure)
        bench.end(2)
        #expect(bench.scheduler.nextTimer == Self.start + .seconds(1))
        #expect(!bench.scheduler.hasReadyWork, "a stop does not wait for tokens")
        bench.wait(.milliseconds(999))
        #expect(bench.begin() == [])
        bench.wait(.milliseconds(1))
        #expect(bench.begin() == [3])
        bench.wait(.seconds(9))
        #expect(bench.begin() == [1, 4])
        #expect(bench.flying.first { $0.sequence == 1 }?.number == 2)
        #expect(bench.flying.first { $0.sequence == 4 }?.number == 1)
    }

    @Test func aLimitThatIsTakenAwayLetsAllGo() throws {
        var bench = try Bench(.none)
        try bench.set(.none, rateLimit: RateLimit(perSecond: 0.001, burst: 1))
        bench.scheduler.lanes[0].window = 8
        bench.accept(["a", "b", "c"])
        #expect(bench.begin() == [1])
        try bench.set(.none)
        #expect(bench.begin() == [2, 3])
    }

    @Test func aReloadOfTheSettingsGivesNoTokens() throws {
        var bench = try Bench(.none)
        for _ in 0..<3 { try bench.set(.none, rateLimit: RateLimit(perSecond: 0.01, burst: 1)) }
        bench.accept(["a", "b"])
        #expect(bench.begin() == [1])
        try bench.set(.none, rateLimit: RateLimit(perSecond: 0.01, burst: 1))
        #expect(bench.begin() == [])
    }
}
