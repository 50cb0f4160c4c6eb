import RelayCore

/// A webhook as the API shows it.
enum WebhookPresentation {
    /// - Parameters:
    ///   - view: the webhook and how it is doing
    ///   - secret: shown only by the calls that make one
    static func json(_ view: WebhookView, secret: String? = nil) -> JSONValue {
        let webhook = view.webhook
        let state = describe(webhook.state)
        var members: [(String, JSONValue)] = [("id", .string(webhook.id))]
        if let secret { members.append(("secret", .string(secret))) }
        members += [
            ("url", .string(webhook.url.text)),
            ("events", .array(webhook.patterns.map { .string($0.description) })),
            ("isActive", .bool(webhook.state == .active)),
            ("tenantId", .string(webhook.tenant)),
            ("state", .string(state.name)),
            ("stateReason", .text(state.reason)),
            ("description", .text(webhook.summary)),
            ("headers", .object(JSONObject(webhook.headers.map { ($0.name, .string($0.value)) }))),
            ("previousSecretExpiresAt", .time(webhook.previousSecret?.expiresAt)),
            ("ordering", webhook.settings.ordering.json),
        ]
        members += settings(webhook.settings)
        members += [
            ("health", health(view.health)),
            ("backlog", backlog(view.health)),
            ("createdAt", .time(webhook.createdAt)),
            ("updatedAt", .time(webhook.updatedAt)),
        ]
        return .object(JSONObject(members))
    }

    private static func describe(_ state: Webhook.State) -> (name: String, reason: String?) {
        switch state {
        case .active: ("active", nil)
        case .paused: ("paused", nil)
        case .disabled(let reason): ("disabled", reason)
        }
    }

    /// What a webhook sets for itself; null is the host's setting.
    private static func settings(_ settings: DeliverySettings) -> [(String, JSONValue)] {
        [
            ("maxInFlight", settings.maxInFlight.map { .count($0) } ?? .null),
            ("timeoutMs", settings.timeout.map { .integer($0.wholeMilliseconds) } ?? .null),
            ("maxAgeSeconds", settings.maxAge.map { .integer($0.components.seconds) } ?? .null),
            ("rateLimit", settings.rateLimit?.json ?? .null),
            (
                "retrySchedule",
                settings.retrySchedule.map { .array($0.map { .string(DurationText.format($0)) }) } ?? .null
            ),
        ]
    }

    private static func health(_ health: WebhookHealth) -> JSONValue {
        [
            "breaker": .string(health.breaker.name),
            "consecutiveFailures": .count(health.consecutiveFailures),
            "failingSince": .time(health.failingSince),
            "lastSuccessAt": .time(health.lastSuccessAt),
            "lastFailureAt": .time(health.lastFailureAt),
            "lastFailure": .text(health.lastFailure),
            "delivered": .count(health.delivered),
            "givenUp": .count(health.givenUp),
        ]
    }

    private static func backlog(_ health: WebhookHealth) -> JSONValue {
        [
            "pending": .count(health.pending),
            "inFlight": .count(health.inFlight),
            "nextAttemptAt": .time(health.nextAttemptAt),
        ]
    }
}
