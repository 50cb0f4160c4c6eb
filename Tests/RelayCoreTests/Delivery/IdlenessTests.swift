import RelayCore
import Testing

@Suite("Idleness of a loop")
struct IdlenessTests {
    private static func isBusy(gap: Duration, work: Duration) -> Bool {
        var idleness = Idleness()
        var now = MonotonicTime(nanoseconds: 1_000_000_000)
        for _ in 0..<1000 {
            idleness.noteActivity(at: now)
            now = now + work
            idleness.noteActivity(at: now)
            now = now + gap
        }
        return idleness.isBusy
    }

    @Test func whatHasNoGapsIsBusy() {
        #expect(Self.isBusy(gap: .microseconds(10), work: .microseconds(8)))
    }

    @Test func aGapNowAndThenIsNotYetIdleness() {
        #expect(Self.isBusy(gap: .microseconds(50), work: .microseconds(30)) == false)
        #expect(Self.isBusy(gap: .milliseconds(1), work: .microseconds(30)) == false)
        // Pieces of work that follow each other, with a gap now and then.
        var idleness = Idleness()
        var now = MonotonicTime(nanoseconds: 1_000_000_000)
        for step in 0..<2000 {
            idleness.noteActivity(at: now)
            now = now + (step % 20 == 0 ? .microseconds(60) : .microseconds(15))
        }
        #expect(idleness.isBusy)
    }

    @Test func aQuietMomentDoesNotEndABusyTime() {
        var idleness = Idleness()
        var now = MonotonicTime(nanoseconds: 1_000_000_000)
        func pass(_ time: Duration, inStepsOf step: Duration) {
            let end = now + time
            while now < end {
                now = now + step
                idleness.noteActivity(at: now)
            }
        }
        pass(.milliseconds(20), inStepsOf: .microseconds(15))
        pass(Limits.busyMemory - .milliseconds(20), inStepsOf: .microseconds(500))
        #expect(idleness.isBusy)
        pass(.milliseconds(40), inStepsOf: .microseconds(500))
        #expect(!idleness.isBusy)
        pass(.milliseconds(20), inStepsOf: .microseconds(15))
        #expect(idleness.isBusy)
    }

    @Test func whatStandsStillIsIdle() {
        var idleness = Idleness()
        idleness.noteActivity(at: MonotonicTime(nanoseconds: 5))
        idleness.noteActivity(at: MonotonicTime(nanoseconds: 60_000_000_000))
        #expect(!idleness.isBusy)
    }
}
