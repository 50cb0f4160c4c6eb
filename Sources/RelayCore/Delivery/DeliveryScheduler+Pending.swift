import DequeModule

/// What is pending, for people to see.
extension DeliveryScheduler {
    /// A lane's pending deliveries, as far as memory knows them one by one.
    package struct PendingDeliveries: Equatable, Sendable {
        package struct Delivery: Equatable, Sendable {
            package let sequence: UInt64
            /// Tries that have ended.
            package let attempts: Int
            package let wait: Wait
        }

        /// What a delivery waits for.
        package enum Wait: Equatable, Sendable {
            case outcome
            case retry(at: MonotonicTime)
            case turn
            /// An earlier delivery of the same order.
            case predecessor
        }

        /// Newest first.
        package var deliveries: [Delivery] = []
        /// From this event on the journal alone knows them, up to `seen`; nil: there are none such.
        package var journalFrom: UInt64?
        package var seen: UInt64 = 0
        /// Of those, the ones that are not pending any more.
        package var cancelled: Set<UInt64> = []
    }

    /// A delivery, if it is pending.
    ///
    /// - Parameter isMatched: whether the webhook took the event when it was accepted: only then the journal may hold it
    ///   for a lane that has not come to it.
    package func pendingDelivery(
        of webhook: WebhookNumber, _ sequence: UInt64, isMatched: Bool
    ) -> PendingDeliveries.Delivery? {
        guard let slot = slots[webhook] else { return nil }
        let lane = lanes[slot]
        let blocked = lane.health.blockedUntil
        let turn = blocked.map { PendingDeliveries.Wait.retry(at: $0) } ?? .turn
        if let open = lane.open[sequence] {
            return PendingDeliveries.Delivery(
                sequence: sequence, attempts: Int(open.attempts), wait: open.phase.wait(turn, blocked))
        }
        let isInJournal = lane.isLagging && sequence >= lane.cursor && sequence <= seen && isMatched
        guard
            isInJournal && !lane.cancelled.contains(sequence)
                || lane.waiting.contains(where: { $0.sequence == sequence })
        else { return nil }
        return PendingDeliveries.Delivery(sequence: sequence, attempts: 0, wait: turn)
    }

    /// - Parameter bound: only what is below it.
    package func pendingDeliveries(of webhook: WebhookNumber, below bound: UInt64) -> PendingDeliveries {
        guard let slot = slots[webhook] else { return PendingDeliveries() }
        let lane = lanes[slot]
        var pending = PendingDeliveries()
        // Behind an open breaker all wait for the same moment at best.
        let blocked = lane.health.blockedUntil
        let turn = blocked.map { PendingDeliveries.Wait.retry(at: $0) } ?? .turn
        for (sequence, open) in lane.open where sequence < bound {
            pending.deliveries.append(
                PendingDeliveries.Delivery(
                    sequence: sequence, attempts: Int(open.attempts), wait: open.phase.wait(turn, blocked)))
        }
        for waiting in lane.waiting where waiting.sequence < bound {
            pending.deliveries.append(
                PendingDeliveries.Delivery(sequence: waiting.sequence, attempts: 0, wait: turn))
        }
        pending.deliveries.sort { $0.sequence > $1.sequence }
        pending.seen = seen
        if lane.isLagging {
            pending.journalFrom = lane.cursor
            pending.cancelled = lane.cancelled
        }
        return pending
    }
}

extension Lane.Open.Phase {
    /// - Parameters:
    ///   - turn: what those wait for that could begin.
    ///   - blocked: until when the lane begins none.
    fileprivate func wait(
        _ turn: DeliveryScheduler.PendingDeliveries.Wait, _ blocked: MonotonicTime?
    ) -> DeliveryScheduler.PendingDeliveries.Wait {
        switch self {
        case .inFlight: .outcome
        case .parked(let due): .retry(at: max(due, blocked ?? due))
        case .due: turn
        case .blocked: .predecessor
        }
    }
}
