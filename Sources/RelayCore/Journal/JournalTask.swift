/// Work on the journal that takes a while and has to be finished over a restart; the payload of a record of kind
/// ``RecordKind/task``, as JSON.
///
/// ```
/// {"number":7,"madeAt":1777732330000,"isDone":false,"count":0,
///  "eraseEvent":{"tenant":"acme","id":"order-17","sequences":[41]}}
/// ```
///
/// with one of `eraseEvent`, `eraseTenant`, `replay` and `replayEvent`. Times are Unix milliseconds.
///
/// A task is on disk before its caller is answered. Every checkpoint is written together with the tasks that are not done, so
/// that the segments before it may go. The last record with a number is the one that counts.
package struct JournalTask: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case eraseEvent(EraseEvent)
        case eraseTenant(EraseTenant)
        case replay(Replay)
        case replayEvent(ReplayEvent)
    }

    /// Takes the events that had an id out of all segments for good.
    package struct EraseEvent: Equatable, Sendable, Codable {
        package let tenant: String
        package let id: String
        package let sequences: [UInt64]

        package init(tenant: String, id: String, sequences: [UInt64]) {
            self.tenant = tenant
            self.id = id
            self.sequences = sequences
        }
    }

    /// Takes a tenant's events up to a sequence out of all segments for good.
    package struct EraseTenant: Equatable, Sendable, Codable {
        package let tenant: String
        package let through: UInt64

        package init(tenant: String, through: UInt64) {
            self.tenant = tenant
            self.through = through
        }
    }

    /// Which deliveries are repeated.
    package enum ReplayStatus: String, Equatable, Sendable, Codable, CaseIterable {
        /// What was given up or skipped, and not delivered since.
        case undelivered
        case givenUp = "given_up"
        case skipped
        case delivered
        /// Everything that the webhook's patterns match now.
        case any
    }

    /// Delivers a webhook's events once more, from `next` on.
    package struct Replay: Equatable, Sendable, Codable {
        package let webhook: WebhookNumber
        /// The webhook's id, to be shown.
        package let id: String?
        /// The webhook's tenant; records of before there were keys do not have it.
        package let tenant: String?
        package let status: ReplayStatus
        /// Events accepted from then on and before, Unix milliseconds.
        package let since: Int64
        package let until: Int64
        /// The first event that has not been looked at.
        package var next: UInt64
        /// The last event to look at.
        package let through: UInt64

        package init(
            webhook: WebhookNumber, id: String? = nil, tenant: String? = nil, status: ReplayStatus, since: Int64,
            until: Int64,
            next: UInt64, through: UInt64
        ) {
            self.webhook = webhook
            self.id = id
            self.tenant = tenant
            self.status = status
            self.since = since
            self.until = until
            self.next = next
            self.through = through
        }
    }

    /// Delivers one event once more to some webhooks.
    package struct ReplayEvent: Equatable, Sendable, Codable {
        package let id: String
        /// The event's tenant; records of before there were keys do not have it.
        package let tenant: String?
        package let sequence: UInt64
        /// Those that it has not been handed to yet.
        package var webhooks: [WebhookNumber]

        package init(id: String, tenant: String? = nil, sequence: UInt64, webhooks: [WebhookNumber]) {
            self.id = id
            self.tenant = tenant
            self.sequence = sequence
            self.webhooks = webhooks
        }
    }

    package let number: UInt64
    /// Unix milliseconds.
    package let madeAt: Int64
    package var kind: Kind
    package var isDone = false
    /// Events erased, or deliveries repeated, so far: after a crash about.
    package var count: UInt64 = 0

    package init(number: UInt64, madeAt: Int64, kind: Kind) {
        self.number = number
        self.madeAt = madeAt
        self.kind = kind
    }

    /// Whose events it is about; nil: the record does not say.
    package var tenant: String? {
        switch kind {
        case .eraseEvent(let erase): erase.tenant
        case .eraseTenant(let erase): erase.tenant
        case .replay(let replay): replay.tenant
        case .replayEvent(let replay): replay.tenant
        }
    }

    package var isErasure: Bool {
        switch kind {
        case .eraseEvent, .eraseTenant: true
        case .replay, .replayEvent: false
        }
    }
}

extension JournalTask: Codable {
    private enum CodingKeys: String, CodingKey {
        case number, madeAt, isDone, count, eraseEvent, eraseTenant, replay, replayEvent
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        number = try container.decode(UInt64.self, forKey: .number)
        madeAt = try container.decode(Int64.self, forKey: .madeAt)
        isDone = try container.decode(Bool.self, forKey: .isDone)
        count = try container.decode(UInt64.self, forKey: .count)
        if let erase = try container.decodeIfPresent(EraseEvent.self, forKey: .eraseEvent) {
            kind = .eraseEvent(erase)
        } else if let erase = try container.decodeIfPresent(EraseTenant.self, forKey: .eraseTenant) {
            kind = .eraseTenant(erase)
        } else if let replay = try container.decodeIfPresent(Replay.self, forKey: .replay) {
            kind = .replay(replay)
        } else {
            kind = .replayEvent(try container.decode(ReplayEvent.self, forKey: .replayEvent))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(number, forKey: .number)
        try container.encode(madeAt, forKey: .madeAt)
        try container.encode(isDone, forKey: .isDone)
        try container.encode(count, forKey: .count)
        switch kind {
        case .eraseEvent(let erase): try container.encode(erase, forKey: .eraseEvent)
        case .eraseTenant(let erase): try container.encode(erase, forKey: .eraseTenant)
        case .replay(let replay): try container.encode(replay, forKey: .replay)
        case .replayEvent(let replay): try container.encode(replay, forKey: .replayEvent)
        }
    }
}
