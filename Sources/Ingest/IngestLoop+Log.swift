import Glibc
import Logging
import RelayCore

/// Log lines that there may be thousands of.
extension IngestLoop.Loop {
    enum LineKind: Hashable, Sendable {
        case noConnection
        case unreadReplies(uid: UInt32)

        var text: String {
            switch self {
            case .noConnection: "events.sock: no connection can be accepted"
            case .unreadReplies: "a producer takes no replies"
            }
        }
    }

    func monotonic() -> MonotonicTime {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return MonotonicTime(nanoseconds: Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec))
    }

    mutating func logLeftOut() {
        guard logRate.nextDue != nil else { return }
        for summary in logRate.take(at: monotonic()) {
            var metadata: Logger.Metadata = [
                LogMessage.key: "\(LogMessage.linesLeftOut)", "count": "\(summary.count)",
                "of": "\(summary.kind?.text ?? "lines of many producers")",
            ]
            if case .unreadReplies(let uid) = summary.kind { metadata["uid"] = "\(uid)" }
            owner.logger.notice("more like this in the last minute", metadata: metadata)
        }
    }
}
