import Delivery
import Logging
import NIOCore
import RelayCore
import Storage

/// What the pump logs: changes in how receivers are doing always, and of single failures some a minute for each webhook.
extension DeliveryPump {
    /// What there may be thousands of.
    struct LineKind: Hashable, Sendable {
        enum Line: Hashable, Sendable {
            case attemptFailed
            case givenUp
            case unreadable

            /// As it is logged.
            var text: String {
                switch self {
                case .attemptFailed: "delivery attempt failed"
                case .givenUp: "delivery given up"
                case .unreadable: "events can't be read back"
                }
            }
        }

        let line: Line
        let webhook: WebhookNumber
    }

    struct LogState {
        var rate = LogRate<LineKind>()
        var timer: Scheduled<Void>?
    }

    private func allows(_ line: LineKind.Line, _ webhook: WebhookNumber, level: Logger.Level) -> Bool {
        guard logger.logLevel <= level else { return false }
        let isAllowed = logging.rate.allows(LineKind(line: line, webhook: webhook), at: Clock.monotonic())
        if !isAllowed { armLogging() }
        return isAllowed
    }

    private func armLogging() {
        guard logging.timer == nil, let due = logging.rate.nextDue else { return }
        let wait = max(0, (due - Clock.monotonic()).nanoseconds)
        logging.timer = loop.assumeIsolated().scheduleTask(in: .nanoseconds(wait)) { [self] in
            logging.timer = nil
            logLeftOut()
            armLogging()
        }
    }

    private func logLeftOut() {
        for summary in logging.rate.take(at: Clock.monotonic()) {
            var metadata: Logger.Metadata = [
                LogMessage.key: "\(LogMessage.linesLeftOut)", "count": "\(summary.count)",
                "of": "\(summary.kind?.line.text ?? "lines of many webhooks")",
            ]
            if let webhook = summary.kind?.webhook { metadata.merge(identity(of: webhook)) { $1 } }
            logger.notice("more like this in the last minute", metadata: metadata)
        }
    }

    /// What an administrator knows a webhook by.
    private func identity(of webhook: WebhookNumber) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["webhook": "\(name(of: webhook))"]
        if let target = target(of: webhook) { metadata["tenant"] = "\(target.tenant)" }
        return metadata
    }

    private func metadata(
        _ message: LogMessage, of attempt: DeliveryScheduler.Attempt, _ outcome: AttemptOutcome
    ) -> Logger.Metadata {
        var metadata = identity(of: attempt.webhook)
        metadata[LogMessage.key] = "\(message)"
        metadata["event"] = "\(id(of: attempt.sequence) ?? "\(attempt.sequence)")"
        metadata["attempt"] = "\(attempt.number)"
        if let status = outcome.status { metadata["status"] = "\(status)" }
        return metadata
    }

    func logFailure(_ attempt: DeliveryScheduler.Attempt, _ outcome: AttemptOutcome, _ failure: AttemptFailure) {
        guard allows(.attemptFailed, attempt.webhook, level: .info) else { return }
        var metadata = metadata(.attemptFailed, of: attempt, outcome)
        metadata["outcome"] = "\(failure.kind.rawValue)"
        metadata["reason"] = "\(failure.reason)"
        metadata["milliseconds"] = "\(outcome.duration.milliseconds)"
        if let detail = failure.detail { metadata["detail"] = "\(detail)" }
        logger.info("delivery attempt failed", metadata: metadata)
    }

    func logGivenUp(_ attempt: DeliveryScheduler.Attempt, _ outcome: AttemptOutcome, _ result: SettlementResult) {
        guard allows(.givenUp, attempt.webhook, level: .warning) else { return }
        var metadata = metadata(.deliveriesGivenUp, of: attempt, outcome)
        metadata["outcome"] = "\(result.name)"
        metadata["reason"] = "\(result.reason)"
        logger.warning("delivery given up", metadata: metadata)
    }

    /// Deliveries that ended without an attempt.
    func log(_ notice: DeliveryScheduler.Notice) {
        let isCancelled = notice.result == .cancelled
        guard allows(.givenUp, notice.webhook, level: isCancelled ? .notice : .warning) else { return }
        var metadata = identity(of: notice.webhook)
        metadata["count"] = "\(notice.count)"
        metadata["outcome"] = "\(notice.result.name)"
        metadata["reason"] = "\(notice.result.reason)"
        if !isCancelled { metadata[LogMessage.key] = "\(LogMessage.deliveriesGivenUp)" }
        switch notice.result {
        case .cancelled: logger.notice("deliveries cancelled", metadata: metadata)
        case .unreadable: logger.error("deliveries lost with their events", metadata: metadata)
        default: logger.warning("deliveries given up", metadata: metadata)
        }
    }

    /// The journal could not be read; it is tried again.
    func logUnreadable(_ webhook: WebhookNumber, _ error: DiskError) {
        guard allows(.unreadable, webhook, level: .error) else { return }
        var metadata = identity(of: webhook)
        metadata["error"] = "\(error)"
        logger.error("events can't be read back: tried again", metadata: metadata)
    }

    func log(_ change: DeliveryScheduler.HealthChange) {
        var metadata = identity(of: change.webhook)
        metadata["reason"] = "\(change.reason)"
        metadata["failures"] = "\(change.count)"
        if let id = id(of: change.sequence) { metadata["event"] = "\(id)" }
        func with(_ message: LogMessage) -> Logger.Metadata {
            metadata.merging([LogMessage.key: "\(message)"]) { $1 }
        }
        switch change.kind {
        case .failing: logger.warning("webhook is failing", metadata: with(.webhookFailing))
        case .recovered: logger.notice("webhook works again", metadata: with(.webhookRecovered))
        case .disabled: logger.warning("webhook disabled", metadata: with(.webhookDisabled))
        case .opened: logger.notice("breaker open: one delivery is tried from time to time", metadata: metadata)
        case .halfOpened: logger.info("breaker half open", metadata: metadata)
        case .closed: logger.notice("breaker closed", metadata: metadata)
        }
    }
}
