import CSystemd
import Glibc

/// Tells systemd how the service is: sd_notify(3). Without `NOTIFY_SOCKET` nothing is sent and nothing happens.
package struct ServiceNotifier: Sendable {
    package init() {}

    /// Start-up is done: events are accepted.
    package func ready(status: String) { send("READY=1\nSTATUS=\(oneLine(status))") }

    /// One line for `systemctl status`.
    package func status(_ text: String) { send("STATUS=\(oneLine(text))") }

    package func stopping(status: String) { send("STOPPING=1\nSTATUS=\(oneLine(status))") }

    /// A reload has begun; ``ready(status:)`` ends it. systemd from version 253 on asks for the time with it.
    package func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        send("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }

    /// The service goes on starting or stopping: without another word it has so much time from now on, or until the unit's
    /// own time is up if that is later. To be sent only where there is progress.
    package func extendTimeout(by time: Duration, status: String) {
        send("EXTEND_TIMEOUT_USEC=\(Int64(time / .microseconds(1)))\nSTATUS=\(oneLine(status))")
    }

    /// The start has failed. Waits until that was read: a message of a process that is gone belongs to no service.
    ///
    /// - Parameter errno: the system's reason, errno(3); nil: there is none.
    package func failed(status: String, errno: Int32?) {
        guard isManaged else { return }
        send("STATUS=\(oneLine(status))" + (errno.map { "\nERRNO=\($0)" } ?? ""))
        // Whoever doesn't answer in a second is not waited for.
        _ = sd_notify_barrier(0, 1_000_000)
    }

    /// Whether there is a service manager to tell.
    package var isManaged: Bool { getenv("NOTIFY_SOCKET").map { $0.pointee != 0 } ?? false }

    /// The service is alive: every critical loop has made progress, or has nothing to do.
    package func watchdog() { send("WATCHDOG=1") }

    /// How often systemd wants to hear ``watchdog()``: sd_watchdog_enabled(3). Nil: not at all.
    package var watchdogInterval: Duration? {
        var microseconds: UInt64 = 0
        guard sd_watchdog_enabled(0, &microseconds) > 0, microseconds > 0 else { return nil }
        return .microseconds(Int64(clamping: microseconds))
    }

    private func send(_ state: String) {
        // A service manager that can't be reached is no reason to fail: it will see for itself.
        _ = sd_notify(0, state)
    }

    private func oneLine(_ text: String) -> String {
        LogText.bounded(LogText.escaped(text))
    }
}
