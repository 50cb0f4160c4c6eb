import CSystemd
import Dispatch
import Glibc
import Logging
import Synchronization

/// Sends log lines to the journal, on a queue of its own: sd_journal_sendv(3) blocks for as long as journald takes nothing,
/// and no loop may wait for that.
///
/// So much waits at most; what comes on top of it is counted, and the count is logged once there is room. Where the journal
/// is not to be reached, lines go to standard error.
package final class JournalSink: Sendable {
    /// Lines that wait: some seconds' worth of the most that are logged.
    private static let maxWaiting = 512
    private static let socketPath = "/run/systemd/journal/socket"

    private struct State {
        var waiting = 0
        var lost = 0
    }

    private let queue = DispatchQueue(label: "log")
    private let state = Mutex(State())

    /// Nil: standard error does not lead to the journal, systemd.exec(5) `JOURNAL_STREAM`. The variable alone proves nothing:
    /// whatever a service starts inherits it, with another standard error.
    package init?() {
        guard let variable = getenv("JOURNAL_STREAM"), Self.isJournal(STDERR_FILENO, String(cString: variable)) else {
            return nil
        }
    }

    /// Whether a descriptor is the stream that a variable's value describes: `DEVICE:INODE` in decimal.
    static func isJournal(_ descriptor: Int32, _ value: String) -> Bool {
        let numbers = value.split(separator: ":", omittingEmptySubsequences: false).map { UInt64($0) }
        var status = stat()
        guard numbers.count == 2, fstat(descriptor, &status) == 0 else { return false }
        return numbers[0] == UInt64(status.st_dev) && numbers[1] == UInt64(status.st_ino)
    }

    func put(_ entry: JournalEntry, level: Logger.Level, text: String) {
        let isTaken = state.withLock { state in
            guard state.waiting < Self.maxWaiting else {
                state.lost += 1
                return false
            }
            state.waiting += 1
            return true
        }
        guard isTaken else { return }
        queue.async { [self] in
            Self.send(entry, level: level, text: text)
            let lost = state.withLock { state in
                state.waiting -= 1
                defer { if state.waiting == 0 { state.lost = 0 } }
                return state.waiting == 0 ? state.lost : 0
            }
            guard lost > 0 else { return }
            let text = "log lines were lost: the journal did not take them count=\(lost)"
            let entry = JournalEntry(level: .warning, text: text, metadata: [("count", "\(lost)")])
            Self.send(entry, level: .warning, text: text)
        }
    }

    /// Waits until what was put before is sent, at most for a time: before the process ends.
    package func flush(within limit: Duration) {
        let isDone = DispatchSemaphore(value: 0)
        queue.async { isDone.signal() }
        // What the journal hasn't taken by then is lost with the process.
        _ = isDone.wait(timeout: .now() + .nanoseconds(Int(limit / .nanoseconds(1))))
    }

    private static func send(_ entry: JournalEntry, level: Logger.Level, text: String) {
        // Without a journal the call succeeds, and does nothing.
        let isThere = access(socketPath, F_OK) == 0
        if isThere, send(entry) { return }
        StandardError.write("<\(JournalEntry.priority(level))>\(text)\n")
    }

    private static func send(_ entry: JournalEntry) -> Bool {
        entry.bytes.withUnsafeBytes { bytes in
            var start = 0
            let vectors = entry.ends.map { end in
                defer { start = end }
                return iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress.map { $0 + start }),
                    iov_len: end - start)
            }
            return sd_journal_sendv(vectors, Int32(vectors.count)) == 0
        }
    }
}

enum StandardError {
    /// One write a line: lines of several threads don't mix. If standard error is gone there is nobody to tell.
    static func write(_ line: String) {
        var text = line
        _ = text.withUTF8 { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
