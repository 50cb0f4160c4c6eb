/// Gathers what was given up, by webhook, so that people hear of it once a minute and not once a delivery.
package struct GivenUpGathering: Sendable {
    package struct Summary: Equatable, Sendable {
        package let webhook: WebhookNumber
        /// Names of the results, the most frequent first.
        package let reason: String
        package let count: Int
        /// The first of them, as far as it is known.
        package let eventID: String?
    }

    private struct Entry {
        let due: MonotonicTime
        var counts: [SettlementResult: Int] = [:]
        var eventID: String?
    }

    private var entries: [WebhookNumber: Entry] = [:]

    package init() {}

    /// When ``take(at:)`` has something to hand out next.
    package var nextDue: MonotonicTime? { entries.values.map(\.due).min() }

    package mutating func add(
        _ webhook: WebhookNumber, _ result: SettlementResult, count: Int = 1, eventID: String? = nil, now: MonotonicTime
    ) {
        guard count > 0, result != .delivered, result != .cancelled else { return }
        var entry = entries[webhook] ?? Entry(due: now + Limits.givenUpTime)
        entry.counts[result, default: 0] += count
        if entry.eventID == nil { entry.eventID = eventID }
        entries[webhook] = entry
    }

    /// What has been gathered for long enough.
    package mutating func take(at now: MonotonicTime) -> [Summary] {
        take { $0.due <= now }
    }

    /// What has been gathered up to now.
    package mutating func takeAll() -> [Summary] {
        take { _ in true }
    }

    package mutating func forget(_ webhook: WebhookNumber) { entries[webhook] = nil }

    private mutating func take(where isTaken: (Entry) -> Bool) -> [Summary] {
        let taken = entries.filter { isTaken($0.value) }
        for webhook in taken.keys { entries[webhook] = nil }
        return taken.sorted { $0.key < $1.key }.map { webhook, entry in
            let results = entry.counts.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            return Summary(
                webhook: webhook, reason: results.map(\.key.name).joined(separator: ", "),
                count: entry.counts.values.reduce(0, +), eventID: entry.eventID)
        }
    }
}
