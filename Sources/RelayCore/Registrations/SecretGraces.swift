/// When the old secrets of rotations are to be dropped: by a clock that nobody sets, so that each one goes even if the wall
/// clock is set back for good.
package struct SecretGraces: Sendable {
    private var ends: [WebhookNumber: MonotonicTime] = [:]

    package init() {}

    package var isEmpty: Bool { ends.isEmpty }

    /// The first one's end.
    package var next: MonotonicTime? { ends.values.min() }

    /// Takes up what a table holds: after a start the wall clock alone tells how much of a grace is left.
    package mutating func begin(with table: RegistrationTable, wall: Int64, now: MonotonicTime) {
        for webhook in table.list(tenant: nil) { note(webhook, wall: wall, now: now) }
    }

    /// A webhook's secret was rotated.
    package mutating func note(_ webhook: Webhook, wall: Int64, now: MonotonicTime) {
        ends[webhook.number] = webhook.previousSecret.map { now + $0.remaining(at: wall) }
    }

    /// Those that are over, the earliest first.
    package func over(at now: MonotonicTime, limit: Int) -> [WebhookNumber] {
        Array(
            ends.filter { $0.value <= now }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.prefix(limit).map(\.key))
    }

    /// It is dropped, or its webhook is gone.
    package mutating func forget(_ number: WebhookNumber) {
        ends[number] = nil
    }
}
