import RelayCore

/// A webhook's server, as a script of good and bad times.
struct SimulatedReceiver {
    private enum Mood {
        case well
        case failing(times: Int)
        case down(until: MonotonicTime)
        case silent(until: MonotonicTime)
    }

    private var mood = Mood.well
    private let isTroubled: Bool

    init(_ random: inout SimulatedRandom) {
        isTroubled = random.chance(50)
    }

    mutating func recover() { mood = .well }

    mutating func change(at now: MonotonicTime, _ random: inout SimulatedRandom) {
        switch random.below(isTroubled ? 8 : 16) {
        case 0, 1: mood = .failing(times: 1 + random.below(8))
        case 2: mood = .down(until: now + .seconds(1 + random.below(600)))
        case 3: mood = .silent(until: now + .seconds(1 + random.below(60)))
        default: mood = .well
        }
    }

    /// What becomes of an attempt that begins now, and after how long.
    mutating func answer(
        at now: MonotonicTime, timeout: Duration, _ random: inout SimulatedRandom
    ) -> (result: AttemptOutcome.Result, status: UInt16?, after: Duration) {
        let after = Duration.milliseconds(1 + random.below(40))
        switch mood {
        case .failing(let times) where times > 0:
            mood = .failing(times: times - 1)
            return (.failed(AttemptFailure(.status, "HTTP 503")), 503, after)
        case .down(let until) where now < until:
            return (.failed(AttemptFailure(.connect, "refused")), nil, .milliseconds(1))
        case .silent(let until) where now < until:
            return (.failed(AttemptFailure(.timeout, "no answer")), nil, timeout)
        default:
            return (.delivered, 204, after)
        }
    }
}
