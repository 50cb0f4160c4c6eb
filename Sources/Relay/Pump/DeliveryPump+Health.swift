import Logging
import NIOCore
import RelayCore
import Storage

/// How receivers are doing: logged, counted, and passed on.
extension DeliveryPump {
    /// What the pump gathers for people.
    struct Told {
        var gathering = GivenUpGathering()
        var timer: Scheduled<Void>?
        /// The event whose attempt has ended last.
        var event: EventRecord?
    }

    /// Tells of changes since the last call.
    func tellHealth() {
        let changes = scheduler.takeHealthChanges()
        if changes.contains(where: { OperationalEvent.Kind($0.kind) != nil }) { onState?() }
        for change in changes {
            counters.count(change.kind)
            log(change)
            guard let kind = OperationalEvent.Kind(change.kind) else { continue }
            onNews?(
                OperationalEvents.News(
                    kind: kind, webhook: change.webhook, reason: change.publicReason, count: change.count,
                    eventID: id(of: change.sequence), isAnnounced: change.isAnnounced))
        }
    }

    func id(of sequence: UInt64?) -> String? {
        guard let event = told.event, event.sequence == sequence else { return nil }
        return event.id(in: journal.id)
    }

    // MARK: Given up

    /// An attempt has ended in its delivery's being given up.
    func gather(_ result: SettlementResult, of attempt: DeliveryScheduler.Attempt) {
        guard told.event?.isOperational != true else { return }
        gather(attempt.webhook, result, count: 1, eventID: id(of: attempt.sequence))
    }

    func gather(_ webhook: WebhookNumber, _ result: SettlementResult, count: Int, eventID: String? = nil) {
        told.gathering.add(webhook, result, count: count, eventID: eventID, now: Clock.monotonic())
        armGathering()
    }

    private func armGathering() {
        guard told.timer == nil, let due = told.gathering.nextDue else { return }
        let wait = max(0, (due - Clock.monotonic()).nanoseconds)
        told.timer = loop.assumeIsolated().scheduleTask(in: .nanoseconds(wait)) { [self] in
            told.timer = nil
            tell(told.gathering.take(at: Clock.monotonic()))
            armGathering()
        }
    }

    /// Tells what was gathered, before its time is up.
    func flushGivenUp() {
        told.timer?.cancel()
        told.timer = nil
        tell(told.gathering.takeAll())
    }

    private func tell(_ summaries: [GivenUpGathering.Summary]) {
        for summary in summaries {
            onNews?(
                OperationalEvents.News(
                    kind: .givenUp, webhook: summary.webhook, reason: summary.reason, count: summary.count,
                    eventID: summary.eventID))
        }
    }
}

extension OperationalEvent.Kind {
    /// Nil: it is told to nobody but the log and the metrics.
    fileprivate init?(_ kind: DeliveryScheduler.HealthChange.Kind) {
        switch kind {
        case .failing: self = .failing
        case .recovered: self = .recovered
        case .disabled: self = .disabled
        case .opened, .halfOpened, .closed: return nil
        }
    }
}
