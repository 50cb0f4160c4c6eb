import RelayCore
import Synchronization

/// A histogram that one thread feeds and others look at.
final class SharedHistogram: Sendable {
    private let state: Mutex<Histogram>

    init(_ histogram: Histogram) {
        state = Mutex(histogram)
    }

    func observe(_ duration: Duration) { state.withLock { $0.observe(duration) } }

    var value: Histogram { state.withLock { $0 } }
}
