import RelayCore
import Storage
import Synchronization
import Systemd

/// Asks the service manager for more time while a long recovery goes on: about once a second, and only after a step was done.
/// A disk that is stuck gets none.
final class StartProgress: Sendable {
    /// A step takes less by far on any disk that works.
    private static let extensionTime = Duration.seconds(30)
    private static let interval = Duration.seconds(1)

    private let last: Mutex<MonotonicTime>
    private let now: @Sendable () -> MonotonicTime
    private let send: @Sendable (_ time: Duration, _ status: String) -> Void

    convenience init(notifier: ServiceNotifier) {
        self.init(now: { Clock.monotonic() }, send: { notifier.extendTimeout(by: $0, status: $1) })
    }

    init(now: @escaping @Sendable () -> MonotonicTime, send: @escaping @Sendable (Duration, String) -> Void) {
        self.now = now
        self.send = send
        last = Mutex(now())
    }

    /// A step was done.
    func note(_ step: RecoveryStep) {
        let now = now()
        let isDue = last.withLock { last in
            guard now - last >= Self.interval else { return false }
            last = now
            return true
        }
        if isDue { send(Self.extensionTime, "starting: \(step)") }
    }
}
