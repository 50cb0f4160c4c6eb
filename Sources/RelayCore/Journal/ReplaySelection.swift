/// Which of a webhook's events are to be delivered once more: found out from the journal's records, in the order in which
/// they stand there. Going over some of them again does no harm.
///
/// Two bits an event is all that it remembers.
package struct ReplaySelection: Sendable {
    package let replay: JournalTask.Replay
    private let webhook: Webhook
    private let tenant: [UInt8]
    /// Events that may be chosen by what became of them, or, where that does not matter, that matched at their acceptance.
    private var candidates = SequenceSet()
    package private(set) var chosen = SequenceSet()
    /// Event types that were met, and whether the webhook wants them.
    private var types: [(name: [UInt8], isWanted: Bool)] = []

    /// - Parameter webhook: as it is now.
    package init(_ replay: JournalTask.Replay, of webhook: Webhook) {
        self.replay = replay
        self.webhook = webhook
        tenant = Array(webhook.tenant.utf8)
    }

    package mutating func apply(_ event: EventRecord) {
        let sequence = event.sequence
        guard sequence >= replay.next, sequence <= replay.through, event.acceptedAt >= replay.since,
            event.acceptedAt < replay.until, event.tenant.count == tenant.count, event.tenant.elementsEqual(tenant)
        else { return }
        switch replay.status {
        case .any:
            if wants(event.type) { chosen.insert(sequence) }
            if event.goes(to: webhook.number) { candidates.insert(sequence) }
        case .undelivered, .skipped:
            candidates.insert(sequence)
            if event.skips(webhook.number) { chosen.insert(sequence) }
        case .givenUp, .delivered:
            candidates.insert(sequence)
        }
    }

    package mutating func apply(_ record: ProgressRecord) {
        guard replay.status != .any else { return }
        for entry in record.lanes where entry.webhook == webhook.number {
            for opening in entry.progress.reopened { chosen.remove(opening.sequence) }
            for settlement in entry.progress.settled where candidates.contains(settlement.sequence) {
                if takes(settlement.result) {
                    chosen.insert(settlement.sequence)
                } else {
                    chosen.remove(settlement.sequence)
                }
            }
        }
    }

    /// Leaves out what the lane has pending.
    package mutating func exclude(_ lane: JournalNeeds.Lane) {
        for sequence in lane.open { chosen.remove(sequence) }
        guard replay.status == .any else { return }
        // What the lane has not come to is pending if it matched.
        var next = candidates.first(atOrAbove: lane.cursor)
        while let sequence = next {
            chosen.remove(sequence)
            next = candidates.first(atOrAbove: sequence + 1)
        }
    }

    private func takes(_ result: SettlementResult) -> Bool {
        switch replay.status {
        case .any, .skipped: false
        case .delivered: result == .delivered
        case .undelivered, .givenUp: result != .delivered && result != .cancelled
        }
    }

    private mutating func wants(_ type: UnsafeRawBufferPointer) -> Bool {
        if let known = types.first(where: { $0.name.count == type.count && type.elementsEqual($0.name) }) {
            return known.isWanted
        }
        let isWanted = webhook.wants(String(decoding: type, as: UTF8.self))
        types.append((Array(type), isWanted))
        return isWanted
    }
}

extension EventRecord {
    /// Whether the webhook matched while it was disabled.
    package func skips(_ number: WebhookNumber) -> Bool {
        for index in 0..<webhookCount where webhook(index) == MatchedWebhook(number: number, takesDeliveries: false) {
            return true
        }
        return false
    }
}
