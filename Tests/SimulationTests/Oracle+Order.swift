import RelayCore

/// Webhooks that are ordered get the events of one line as they were accepted, one after the other; webhooks with a rate
/// limit get no more attempts than it allows, over restarts too.
extension Oracle {
    struct Order {
        /// As the scheduler knows them.
        var settings: [WebhookNumber: DeliverySettings] = [:]
        /// When attempts began, since the limit is in force.
        var begun: [WebhookNumber: [MonotonicTime]] = [:]
    }

    func inForce(_ webhook: Webhook) {
        let settings = webhook.settings
        if order.settings[webhook.number]?.rateLimit != settings.rateLimit { order.begun[webhook.number] = [] }
        order.settings[webhook.number] = settings
    }

    /// An attempt begins.
    ///
    /// - Parameters:
    ///   - flying: those of the webhook that are under way.
    ///   - pending: those of the webhook that are not settled: the oracle hears of what ends without an attempt later.
    func begins(
        _ sequence: UInt64, for webhook: WebhookNumber, among flying: Set<UInt64>,
        pending: DeliveryScheduler.PendingDeliveries, at now: MonotonicTime
    ) {
        guard let settings = order.settings[webhook] else { return }
        if let limit = settings.rateLimit { checkRate(limit, webhook, now) }
        guard let event = acceptances[sequence]?.event, let line = line(of: event, settings.ordering) else { return }
        tally["ordered attempts", default: 0] += 1
        for other in flying {
            guard let event = acceptances[other]?.event, self.line(of: event, settings.ordering) == line else {
                continue
            }
            complain("\(webhook) gets \(sequence) while \(other) of the same line is under way")
        }
        for earlier in open.values where earlier.sequence < sequence && earlier.fates[webhook] == .owed {
            guard earlier.status == .durable, self.line(of: earlier.event, settings.ordering) == line,
                isPending(earlier.sequence, pending)
            else { continue }
            complain("\(webhook) gets \(sequence) before \(earlier.sequence), which is of the same line and owed")
        }
    }

    private func isPending(_ sequence: UInt64, _ pending: DeliveryScheduler.PendingDeliveries) -> Bool {
        if let first = pending.journalFrom, sequence >= first { return !pending.cancelled.contains(sequence) }
        return pending.deliveries.contains { $0.sequence == sequence }
    }

    private func line(of event: SimulatedProducer.Event, _ ordering: DeliveryOrdering) -> String? {
        switch ordering {
        case .none: nil
        case .webhook: "all"
        case .key(let pointer): pointer.text == "/data/k" ? event.key : event.type
        }
    }

    private func checkRate(_ limit: RateLimit, _ webhook: WebhookNumber, _ now: MonotonicTime) {
        tally["limited attempts", default: 0] += 1
        order.begun[webhook, default: []].append(now)
        let begun = order.begun[webhook]?.suffix(100) ?? []
        for (index, first) in begun.enumerated() {
            let seconds = Double((now - first).nanoseconds) / 1e9
            if Double(begun.count - index) > Double(limit.burst) + seconds * limit.perSecond + 1e-6 {
                return complain(
                    "\(webhook) gets \(begun.count - index) attempts in \(seconds) s, its limit is \(limit)")
            }
        }
    }
}
