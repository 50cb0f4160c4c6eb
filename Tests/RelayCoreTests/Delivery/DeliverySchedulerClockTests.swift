import Testing

@testable import RelayCore

/// The wall clock jumps by hours; tries and ages go by the monotonic one.
@Suite("Delivery scheduler, clocks")
struct DeliverySchedulerClockTests {
    private static let hour: Int64 = 3_600_000
    private static let noon: Int64 = 1_777_000_000_000
    private static let failure = AttemptOutcome(
        .failed(AttemptFailure(.connect, "refused")), status: nil, duration: .zero)

    private static func scheduler(seen: UInt64 = 0, maxAge: Duration = .seconds(1800)) -> DeliveryScheduler {
        DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: 10, maxInFlightPerWebhook: 8, timeout: .seconds(15),
                retry: RetryPolicy(schedule: [.seconds(10), .seconds(600)], maxAge: maxAge)), seen: seen)
    }

    private static func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    /// Half an hour is the age at which it is given up; the wall clock says ten hours, the monotonic one a second.
    @Test("a jump while a delivery is under way makes it no older and no younger", arguments: [-10, 10] as [Int64])
    func atRunTime(hours: Int64) throws {
        var scheduler = Self.scheduler()
        scheduler.setLane(of: try EventFixture.webhook(1), now: Self.at(0), wall: Self.noon)
        scheduler.accepted(EventFixture.event(1, for: [1], acceptedAt: Self.noon), now: Self.at(0))
        let begun = scheduler.nextAttempt(now: Self.at(0), wall: Self.noon)
        let attempt = try #require(begun)
        let jumped = Self.noon + hours * Self.hour
        let decision = scheduler.finished(
            attempt, acceptedAt: Self.noon, Self.failure, now: Self.at(1), wall: jumped, random: 500)
        #expect(decision == .retry(after: .seconds(10)))
        // Neither at once nor after hours.
        scheduler.advance(to: Self.at(10))
        let early = scheduler.nextAttempt(now: Self.at(10), wall: jumped)
        #expect(early?.sequence == nil)
        scheduler.advance(to: Self.at(11))
        let next = scheduler.nextAttempt(now: Self.at(11), wall: jumped)
        let second = try #require(next)
        // By then it is an hour old by the monotonic clock.
        let last = scheduler.finished(
            second, acceptedAt: Self.noon, Self.failure, now: Self.at(3600), wall: jumped, random: 500)
        #expect(last == .settled(.tooOld))
    }

    /// The try was to come 100 s after the checkpoint, whatever the wall clock says at the restart.
    @Test(
        "a jump across a restart neither stalls a try nor makes it come later than it was to",
        arguments: [(-10, 100), (0, 40), (10, 0)] as [(Int64, Int64)])
    func acrossARestart(hours: Int64, wait: Int64) throws {
        var state = LaneState(cursor: 2)
        (state.pending, state.pendingBytes) = (1, 10)
        state.open[1] = LaneState.Open(attempts: 1, nextAt: Self.noon + 100_000, bytes: 10, waitMax: 100_000)
        // A minute has passed since the checkpoint, and the jump.
        let wall = Self.noon + 60_000 + hours * Self.hour
        var scheduler = Self.scheduler(seen: 1)
        scheduler.setLane(of: try EventFixture.webhook(1), state: state, now: Self.at(0), wall: wall)
        if wait > 0 {
            scheduler.advance(to: Self.at(wait - 1))
            let early = scheduler.nextAttempt(now: Self.at(wait - 1), wall: wall)
            #expect(early?.sequence == nil)
        }
        scheduler.advance(to: Self.at(wait))
        let due = scheduler.nextAttempt(now: Self.at(wait), wall: wall)
        #expect(due?.sequence == 1)
    }

    /// All tries that were to come over the next hours are due at once; the lane's window lets them out one by one.
    @Test func noStormAfterAJumpForward() throws {
        var state = LaneState(cursor: 1_001)
        state.pending = 1_000
        for sequence in 1...1_000 as ClosedRange<UInt64> {
            state.open[sequence] = LaneState.Open(
                attempts: 1, nextAt: Self.noon + Int64(sequence) * 10_000, bytes: 1, waitMax: 10_000_000)
        }
        var scheduler = Self.scheduler(seen: 1_000)
        scheduler.setLane(
            of: try EventFixture.webhook(1), state: state, now: Self.at(0), wall: Self.noon + 100 * Self.hour)
        var begun = 0
        while scheduler.nextAttempt(now: Self.at(0), wall: Self.noon) != nil { begun += 1 }
        #expect(begun == 2)
    }

    @Test func whatWasWrittenDownSaysHowLongATryMayWait() throws {
        let buffer = RecordBuffer()
        var lane = LaneState(cursor: 5)
        lane.open[3] = LaneState.Open(attempts: 2, nextAt: Self.noon + 70_000, bytes: 4)
        CheckpointRecord.append(
            number: 1, asOf: 9, revision: 2, madeAt: Self.noon, floor: 1, lanes: [1: lane], to: buffer)
        let record = EventFixture.payload(buffer).withUnsafeBytes { CheckpointRecord($0) }
        #expect(record?.lanes[1]?.open[3]?.waitMax == 70_000)
        var recovery = RecoveryState(checkpoint: nil)
        var progress = LaneProgress()
        progress.retried = [
            LaneProgress.Retry(
                sequence: 8, at: Self.noon, nextAt: Self.noon + 5_000, status: 503, attempts: 1, microseconds: 9,
                bytes: 4, reason: "x")
        ]
        recovery.apply(ProgressRecord(lanes: [.init(webhook: 1, cursor: 9, progress: progress)]))
        #expect(recovery.lanes[1]?.open[8]?.waitMax == 5_000)
    }
}
