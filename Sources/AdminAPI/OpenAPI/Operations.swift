import RelayCore

/// What the OpenAPI document says of each route. A route that is not here fails a test; what is no route is left out.
enum Operations {
    static func find(_ method: String, _ path: String) -> Operation? { all["\(method) \(path)"] }

    static let all = [webhooks, rotation, deliveries, events, eventLife, host, keys].reduce(into: [:]) { all, some in
        all.merge(some) { _, _ in preconditionFailure("a route is described twice") }
    }

    /// Problems of calls with a body, beside the fields' own.
    static let bodyProblems = [400, 413, 415]

    private static let webhooks: [String: Operation] = [
        "POST /api/v1/webhooks": Operation(
            id: "createWebhook", group: .webhooks, summary: "Register a webhook",
            body: Operation.Body(
                schema: Schema.named("WebhookDraft"),
                example: [
                    "url": "https://hooks.example.com/hookline", "events": ["application.*", "job.closed"],
                    "isActive": true, "tenantId": "tenant_abc123",
                ]),
            answer: Operation.Answer(
                status: 201, text: "The webhook, with its secret.", schema: Schema.named("NewWebhook"),
                hasLocation: true),
            problems: bodyProblems + [409, 422, 503]),
        "GET /api/v1/webhooks": Operation(
            id: "listWebhooks", group: .webhooks, summary: "List webhooks",
            text: "In the order of their creation, by pages; or, with `sort`, those that want looking at first.",
            parameters: [
                Parameters.tenant, Parameters.limit, Parameters.cursor("^c(?:0|[1-9a-z][0-9a-z]{0,5})$"),
                Parameters.sort, Parameters.offset,
            ],
            answer: Operation.Answer(status: 200, text: "A page of them.", schema: Schema.named("WebhookPage")),
            problems: [422]),
        "GET /api/v1/webhooks/{id}": Operation(
            id: "getWebhook", group: .webhooks, summary: "Show a webhook",
            parameters: [Parameters.webhook, Parameters.tenant],
            answer: Operation.Answer(
                status: 200, text: "The webhook, without its secret.", schema: Schema.named("Webhook")),
            problems: [404, 422]),
        "PATCH /api/v1/webhooks/{id}": Operation(
            id: "changeWebhook", group: .webhooks, summary: "Change a webhook", text: "A merge patch, RFC 7396.",
            parameters: [Parameters.webhook, Parameters.tenant],
            body: Operation.Body(schema: Schema.named("WebhookPatch"), otherTypes: ["application/merge-patch+json"]),
            answer: Operation.Answer(status: 200, text: "As it is now.", schema: Schema.named("Webhook")),
            problems: bodyProblems + [404, 422, 503]),
        "DELETE /api/v1/webhooks/{id}": Operation(
            id: "deleteWebhook", group: .webhooks, summary: "Delete a webhook",
            text: "Deliveries to it that are not settled are cancelled.",
            parameters: [Parameters.webhook, Parameters.tenant],
            answer: Operation.Answer(status: 204, text: "It is gone."), problems: [404, 422, 503]),
    ]

    private static let deliveries: [String: Operation] = [
        "GET /api/v1/webhooks/{id}/deliveries": Operation(
            id: "listDeliveries", group: .deliveries, summary: "List a webhook's deliveries",
            text: "Newest first. `since` and `until` are about the outcome, or the acceptance where there is none yet. "
                + "A page may have fewer than `limit` entries and still not be the last one.",
            parameters: [
                Parameters.webhook, Parameters.tenant, Parameters.status, Parameters.since, Parameters.until,
                Parameters.limit,
                Parameters.cursor("^(?:p\(base36)|h\(base36)-\(base36)-\(base36))$"),
            ],
            answer: Operation.Answer(status: 200, text: "A page of them.", schema: Schema.named("DeliveryPage")),
            problems: [404, 422, 503]),
        "POST /api/v1/webhooks/{id}/replay": Operation(
            id: "replayWebhook", group: .deliveries, summary: "Deliver a webhook's events once more",
            parameters: [Parameters.webhook, Parameters.tenant],
            body: Operation.Body(schema: Schema.named("ReplayRequest"), isRequired: false),
            answer: Operation.Answer(
                status: 202, text: "How many, and the task that does it, unless that was a dry run.",
                schema: Schema.named("ReplayAnswer")),
            problems: bodyProblems + [404, 409, 422, 503]),
        "POST /api/v1/webhooks/{id}/test": Operation(
            id: "testWebhook", group: .deliveries, summary: "Send a sample now",
            text: "Signed like any delivery, past the webhook's queue, once; waits for what comes of it.",
            parameters: [Parameters.webhook, Parameters.tenant],
            body: Operation.Body(schema: Schema.named("TestRequest"), isRequired: false),
            answer: Operation.Answer(
                status: 200, text: "What came of it, also where that is a failure.",
                schema: Schema.named("TestReport")),
            problems: bodyProblems + [404, 422, 503]),
        "POST /api/v1/events/{id}/replay": Operation(
            id: "replayEvent", group: .deliveries, summary: "Deliver an event once more",
            text: "To one webhook, or to all that it matches or matched.",
            parameters: [Parameters.event, Parameters.tenant],
            body: Operation.Body(schema: Schema.named("EventReplayRequest"), isRequired: false),
            answer: Operation.Answer(
                status: 202, text: "How many deliveries, and the task that makes them.",
                schema: Schema.named("ReplayAnswer")),
            problems: bodyProblems + [404, 409, 422, 503]),
    ]

    /// A number of 64 bits, as cursors have it.
    private static let base36 = "(?:0|[1-9a-z][0-9a-z]{0,11})"

    private static let events: [String: Operation] = [
        "DELETE /api/v1/events/{id}": Operation(
            id: "eraseEvent", group: .events, summary: "Erase an event's payload for good",
            text: "From old segments of the journal too.", parameters: [Parameters.event, Parameters.tenant],
            answer: accepted, problems: [404, 409, 422, 503]),
        "DELETE /api/v1/tenants/{id}/events": Operation(
            id: "eraseTenantEvents", group: .events, summary: "Erase all payloads of a tenant for good",
            parameters: [
                Parameters.path(
                    "id", "The tenant's id; what it has sent up to now.", Schema.string(pattern: Patterns.identifier))
            ],
            answer: accepted, problems: [409, 422, 503]),
        "GET /api/v1/event-types": Operation(
            id: "listEventTypes", group: .events, summary: "List the event types, each with a sample",
            answer: Operation.Answer(status: 200, text: "All of them.", schema: Schema.named("EventTypePage")),
            problems: [422]),
        "GET /api/v1/tasks": Operation(
            id: "listTasks", group: .tasks, summary: "List erasures and replays",
            text: "Those that are not finished and the last ones that are, newest first.",
            answer: Operation.Answer(status: 200, text: "All of them.", schema: Schema.named("TaskPage")),
            problems: [422]),
        "GET /api/v1/tasks/{number}": Operation(
            id: "getTask", group: .tasks, summary: "Show what an erasure or a replay has come to",
            parameters: [
                Parameters.path(
                    "number", "The task's number.",
                    ["type": "integer", "minimum": 1, "maximum": .integer(.max)])
            ],
            answer: Operation.Answer(
                status: 200, text: "The task; one that was done long ago without its details.",
                schema: Schema.named("Task")),
            problems: [404, 422]),
    ]

    private static let accepted = Operation.Answer(
        status: 202, text: "The task that does it.", schema: Schema.named("AcceptedTask"), hasLocation: true)

    private static let host: [String: Operation] = [
        "POST /api/v1/pause": Operation(
            id: "pause", group: .host, summary: "Hold all deliveries of the host back",
            text: "Survives a restart. Events are still accepted.", answer: isPaused, problems: [422, 503]),
        "POST /api/v1/resume": Operation(
            id: "resume", group: .host, summary: "Let deliveries go on", answer: isPaused, problems: [422, 503]),
        "GET /api/v1/status": Operation(
            id: "getStatus", group: .host, summary: "Show how the daemon is doing",
            answer: Operation.Answer(status: 200, text: "One look.", schema: Schema.named("Status")), problems: [422]),
        "GET /api/v1/openapi.json": Operation(
            id: "getOpenAPI", group: .host, summary: "This document",
            answer: Operation.Answer(
                status: 200, text: "OpenAPI 3.1.",
                schema: ["type": "object", "required": ["openapi", "info", "paths", "components"]]),
            problems: [422]),
        "GET /healthz": Operation(
            id: "isLive", group: .host, summary: "Whether the process answers",
            answer: Operation.Answer(status: 200, text: "It does.", schema: probe("ok")), isOpen: true),
        "GET /readyz": Operation(
            id: "isReady", group: .host, summary: "Whether events are accepted",
            answer: Operation.Answer(status: 200, text: "They are.", schema: probe("ready")), problems: [503],
            isOpen: true),
        "GET /metrics": Operation(
            id: "getMetrics", group: .host, summary: "Metrics for Prometheus",
            answer: Operation.Answer(
                status: 200, text: "Prometheus text format 0.0.4.", schema: Schema.string(), type: "text/plain"),
            isOpen: true),
    ]

    private static let isPaused = Operation.Answer(
        status: 200, text: "As it is now.", schema: Schema.object([("isPaused", Schema.boolean())]))

    private static func probe(_ word: String) -> JSONValue {
        Schema.object([("status", Schema.choice([word]))])
    }
}
