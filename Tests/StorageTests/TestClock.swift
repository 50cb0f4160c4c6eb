import RelayCore
import Storage
import Synchronization

/// A journal's surroundings: a clock that stands still until it is moved, and what the journal has told.
final class TestClock: Sendable {
    private struct State {
        var now = MonotonicTime(nanoseconds: 0)
        var rotations = 0
        var failures: [Int32?] = []
    }

    private let state = Mutex(State())

    var now: MonotonicTime { state.withLock { $0.now } }
    var rotations: Int { state.withLock { $0.rotations } }
    /// The error numbers that the journal has told of, and nil for each time that it could be written again.
    var failures: [Int32?] { state.withLock { $0.failures } }

    func advance(by duration: Duration) { state.withLock { $0.now = $0.now + duration } }
    func noteRotation() { state.withLock { $0.rotations += 1 } }
    func noteFailure(_ error: DiskError?) { state.withLock { $0.failures.append(error?.code) } }
}
