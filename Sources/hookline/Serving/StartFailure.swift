import Logging
import RelayCore
import Systemd

/// What stands in the way of the daemon: told in the log, to the service manager, and to whoever has started it by hand.
struct StartFailure {
    let reason: String
    /// errno(3), where a system call has failed.
    let errno: Int32?
    /// Whether it stands on standard error already.
    var isTold = false

    /// - Parameter hasJournal: whether the log is the journal, where standard error would say it once more.
    func tell(_ logger: Logger, hasJournal: Bool) {
        if hasJournal || !isTold {
            logger.critical(
                "can't run", metadata: [LogMessage.key: "\(LogMessage.startRefused)", "error": "\(reason)"])
        }
        if !hasJournal, !isTold { FailureText.print("hookline: \(reason)") }
        ServiceNotifier().failed(status: "can't run: \(reason)", errno: errno)
    }
}
