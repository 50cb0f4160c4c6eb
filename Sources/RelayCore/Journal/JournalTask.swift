/// Work on the journal that takes a while and has to be finished over a restart; the payload of a record of kind
/// ``RecordKind/task``, as JSON.
///
/// A task is on disk before its caller is answered. Each new segment begins with those that are not done, so that the
/// segments before it may go. The last record with a number is the one that counts.
package struct JournalTask: Equatable, Sendable, Codable {
    package enum Kind: Equatable, Sendable, Codable {
        /// Takes an event out of all segments for good.
        case eraseEvent(tenant: String, id: String, sequence: UInt64)
        /// Takes a tenant's events up to a sequence out of all segments for good.
        case eraseTenant(String, through: UInt64)
        /// Delivers a webhook's events once more, from `next` on.
        case replay(Replay)
    }

    /// Which deliveries are repeated.
    package struct Replay: Equatable, Sendable, Codable {
        package let webhook: WebhookNumber
        /// Events accepted from then on and before, Unix milliseconds.
        package let since: Int64
        package let until: Int64
        /// The first event that has not been looked at.
        package var next: UInt64
        /// The last event to look at.
        package let through: UInt64

        package init(webhook: WebhookNumber, since: Int64, until: Int64, next: UInt64, through: UInt64) {
            self.webhook = webhook
            self.since = since
            self.until = until
            self.next = next
            self.through = through
        }
    }

    package let number: UInt64
    package var kind: Kind
    package var isDone: Bool

    package init(number: UInt64, kind: Kind, isDone: Bool = false) {
        self.number = number
        self.kind = kind
        self.isDone = isDone
    }
}
