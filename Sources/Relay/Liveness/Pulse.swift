import RelayCore
import Synchronization

/// Finds out whether a loop is alive by having it answer: it is idle if it does so at once.
final class Pulse: Sendable {
    private struct State {
        var asked: UInt64 = 0
        var answered: UInt64 = 0
    }

    private let state = Mutex(State())
    private let onAnswer: @Sendable () -> Void

    /// - Parameter onAnswer: called by the loop with each answer: must be quick.
    init(onAnswer: @escaping @Sendable () -> Void) {
        self.onAnswer = onAnswer
    }

    /// Asks, unless an answer is due anyway.
    ///
    /// - Parameter pass: hands the answer to the loop, which gives it on its own thread; whoever finds the loop ended gives
    ///   it instead: nothing of it can hang any more.
    func ask(_ pass: (@escaping @Sendable () -> Void) -> Void) {
        let number: UInt64? = state.withLock { state in
            guard state.asked == state.answered else { return nil }
            state.asked += 1
            return state.asked
        }
        guard let number else { return }
        pass { [self] in
            state.withLock { $0.answered = max($0.answered, number) }
            onAnswer()
        }
    }

    /// - Parameter steps: what the loop has done besides.
    func sign(steps: UInt64 = 0) -> LoopSign {
        state.withLock { LoopSign(isIdle: $0.asked == $0.answered, turns: $0.answered &+ steps) }
    }
}
