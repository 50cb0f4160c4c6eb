import AdminAPI

/// What a tick of the live screen knows, for programs.
enum TopReport {
    static func json(_ model: TopModel) -> JSONValue {
        guard let sample = model.sample else { return [:] }
        let history = model.history
        return [
            "at": .time(sample.wall),
            "isReady": .bool(sample.isReady),
            "isPaused": .bool(sample.isPaused),
            "problems": .array(
                sample.problems.map { ["message": .string($0.message), "command": .string($0.command)] }),
            "perSecond": [
                "accepted": number(history.accepted.rate), "delivered": number(history.delivered.rate),
                "failedAttempts": number(history.failed.rate),
            ],
            "backlog": [
                "pending": .integer(sample.pending), "inFlight": .integer(sample.inFlight),
                "oldestAcceptedAt": .time(sample.oldestAcceptedAt),
            ],
            "latencySeconds": [
                "p50": number(history.latency(0.5)), "p95": number(history.latency(0.95)),
                "p99": number(history.latency(0.99)),
            ],
            "webhookStates": [
                "active": .integer(sample.active), "paused": .integer(sample.paused),
                "disabled": .integer(sample.disabled),
            ],
            "webhooks": .array(sample.webhooks.map { webhook($0, history) }),
            "recentFailures": .array(
                model.failures.prefix(TopSampler.failures).map {
                    [
                        "at": .time($0.at), "webhookId": .string($0.webhook.id),
                        "tenantId": .string($0.webhook.tenant), "reason": .text($0.webhook.lastFailure),
                    ]
                }),
        ]
    }

    /// A tick that has brought nothing.
    static func failure(_ failure: APIFailure, at wall: Int64) -> JSONValue {
        ["at": .time(wall), "error": .string("\(failure)")]
    }

    private static func webhook(_ webhook: TopWebhook, _ history: TopHistory) -> JSONValue {
        [
            "id": .string(webhook.id), "tenantId": .string(webhook.tenant), "url": .string(webhook.url),
            "description": .text(webhook.description), "state": .string(webhook.state),
            "breaker": .string(webhook.breaker), "consecutiveFailures": .integer(webhook.failures),
            "pending": .integer(webhook.pending), "inFlight": .integer(webhook.inFlight),
            "deliveredPerSecond": number(history.rate(of: webhook.id)),
            "lastSuccessAt": .time(webhook.lastSuccessAt), "lastFailureAt": .time(webhook.lastFailureAt),
            "lastFailure": .text(webhook.lastFailure),
        ]
    }

    private static func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
}
