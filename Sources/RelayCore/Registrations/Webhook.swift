/// A webhook's short name inside the process and the journal: given at creation, counted up, never used again.
package typealias WebhookNumber = UInt32

/// A registered receiver: where a tenant's events of some types go, and how they are signed.
package struct Webhook: Equatable, Sendable, Codable {
    package enum State: Equatable, Sendable, Codable {
        case active
        /// `isActive:false`: events wait, and go out on resume.
        case paused
        /// Given up on by the relay; the text says why. Events that match are recorded as skipped.
        case disabled(reason: String)
    }

    package let number: WebhookNumber
    /// `wh_` and 26 characters.
    package let id: String
    package let tenant: String
    package var url: WebhookURL
    package var patterns: [EventPattern]
    /// `whsec_` and base64. Signs everything, is shown once, and is never logged.
    package var secret: String
    /// Signs along since the last rotation; nil: none does.
    package var previousSecret: PreviousSecret?
    package var state: State
    package var summary: String?
    /// Sent with each delivery, in this order.
    package var headers: [HeaderField]
    package var settings: DeliverySettings
    /// Unix milliseconds.
    package let createdAt: Int64
    package var updatedAt: Int64
    /// Whether rules of `egress.allow` that name no tenant count for it.
    package var madeByAdministrator: Bool

    package init(
        number: WebhookNumber, id: String, tenant: String, url: WebhookURL, patterns: [EventPattern], secret: String,
        state: State = .active, summary: String? = nil, headers: [HeaderField] = [],
        settings: DeliverySettings = DeliverySettings(), createdAt: Int64, madeByAdministrator: Bool = true
    ) {
        self.number = number
        self.id = id
        self.tenant = tenant
        self.url = url
        self.patterns = patterns
        self.secret = secret
        self.state = state
        self.summary = summary
        self.headers = headers
        self.settings = settings
        self.createdAt = createdAt
        self.updatedAt = createdAt
        self.madeByAdministrator = madeByAdministrator
    }

    /// Whether events of this type go to it, in whatever state it is.
    package func wants(_ type: String) -> Bool {
        patterns.contains { $0.matches(type) }
    }
}

/// One HTTP header field as registered.
package struct HeaderField: Equatable, Sendable, Codable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What a webhook may set for itself; nil is the host's setting.
package struct DeliverySettings: Equatable, Sendable, Codable {
    package var maxInFlight: Int?
    package var timeout: Duration?
    package var maxAge: Duration?
    package var retrySchedule: [Duration]?
    package var rateLimit: RateLimit?
    package var ordering: DeliveryOrdering

    package init(
        maxInFlight: Int? = nil, timeout: Duration? = nil, maxAge: Duration? = nil, retrySchedule: [Duration]? = nil,
        rateLimit: RateLimit? = nil, ordering: DeliveryOrdering = .none
    ) {
        self.maxInFlight = maxInFlight
        self.timeout = timeout
        self.maxAge = maxAge
        self.retrySchedule = retrySchedule
        self.rateLimit = rateLimit
        self.ordering = ordering
    }
}

extension DeliverySettings {
    private enum CodingKeys: String, CodingKey {
        case maxInFlight, timeoutMs, maxAgeMs, retryScheduleMs, rateLimit, ordering
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        maxInFlight = try container.decodeIfPresent(Int.self, forKey: .maxInFlight)
        timeout = try container.decodeIfPresent(Int64.self, forKey: .timeoutMs).map { .milliseconds($0) }
        maxAge = try container.decodeIfPresent(Int64.self, forKey: .maxAgeMs).map { .milliseconds($0) }
        retrySchedule = try container.decodeIfPresent([Int64].self, forKey: .retryScheduleMs)?
            .map { .milliseconds($0) }
        rateLimit = try container.decodeIfPresent(RateLimit.self, forKey: .rateLimit)
        // Registrations of before there was a choice do not have it.
        ordering = try container.decodeIfPresent(DeliveryOrdering.self, forKey: .ordering) ?? .none
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(maxInFlight, forKey: .maxInFlight)
        try container.encodeIfPresent(timeout?.milliseconds, forKey: .timeoutMs)
        try container.encodeIfPresent(maxAge?.milliseconds, forKey: .maxAgeMs)
        try container.encodeIfPresent(retrySchedule?.map(\.milliseconds), forKey: .retryScheduleMs)
        try container.encodeIfPresent(rateLimit, forKey: .rateLimit)
        if ordering != .none { try container.encode(ordering, forKey: .ordering) }
    }
}

extension EventPattern: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let pattern = EventPattern(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no event pattern: \(text)")
        }
        self = pattern
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension WebhookURL: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do throws(WebhookURLError) {
            self = try WebhookURL(text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.message)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
