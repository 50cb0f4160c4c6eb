import RelayCore

/// An event's whole life, and events as they arrive.
extension Operations {
    static let eventLife: [String: Operation] = [
        "GET /api/v1/events": Operation(
            id: "followEvents", group: .events, summary: "Follow events as they are accepted",
            text:
                "One line of JSON for each, until either side ends it; an empty line where nothing has happened, and "
                + "`{\"dropped\":n}` where the client was too slow for some.",
            parameters: [
                .object(
                    JSONObject(
                        Parameters.query("follow", "Must be true.", ["type": "boolean", "const": true])
                            .objectValue!.members.map { ($0.name, $0.value) } + [("required", true)])),
                Parameters.tenant, Parameters.query("event", "Only such.", Schema.named("EventPattern")),
            ],
            answer: Operation.Answer(
                status: 200, text: "Lines of JSON.", schema: Schema.string(), type: "application/x-ndjson"),
            problems: [409, 422, 503]),
        "GET /api/v1/events/{id}": Operation(
            id: "getEvent", group: .events, summary: "Show an event and its whole life",
            text: "Who sent it, which webhooks it matched and why not the others, and every attempt.",
            parameters: [Parameters.event, Parameters.tenant],
            answer: Operation.Answer(status: 200, text: "The event.", schema: Schema.named("Event")),
            problems: [404, 409, 422, 503]),
    ]

    static let eventLifeSchemas: [(String, JSONValue)] = [
        ("Event", event), ("EventDelivery", delivery), ("Attempt", attempt),
    ]

    private static let event = Schema.object([
        ("id", Schema.string()), ("event", Schema.string("Its type.")), ("tenantId", Schema.string()),
        ("timestamp", Schema.string("As deliveries have it.")),
        ("timestampBy", Schema.choice(["producer", "hookline"])),
        ("acceptedAt", Schema.moment()),
        (
            "producer",
            Schema.orNull(
                Schema.object([("uid", Schema.integer()), ("gid", Schema.integer()), ("pid", Schema.integer())]))
        ),
        ("bodyBytes", Schema.integer()),
        ("earlier", Schema.array(Schema.moment(), "When other events with this id were accepted.")),
        ("deliveries", Schema.array(Schema.named("EventDelivery"))),
        (
            "unmatched",
            Schema.array(
                Schema.object([
                    ("webhookId", Schema.string()), ("url", Schema.string()),
                    ("reason", Schema.choice(["pattern", "created_later", "changed_later"])),
                    ("events", Schema.array(Schema.string())),
                ]), "The tenant's other webhooks, and why it did not go to them.")
        ),
        ("omittedAttempts", Schema.integer("Attempts that are left out.")),
        ("data", ["type": "object", "description": "Byte for byte as it was sent."]),
    ])

    private static let delivery = Schema.object([
        ("webhookId", Schema.orNull(Schema.string())), ("url", Schema.orNull(Schema.string())),
        ("status", Schema.orNull(Schema.choice(DeliveryStatus.allCases.map(\.rawValue)))),
        ("reason", Schema.orNull(Schema.string("Why it ended."))), ("attempts", Schema.integer()),
        ("settledAt", Schema.orNull(Schema.moment())), ("nextAttemptAt", Schema.orNull(Schema.moment())),
        ("waitsFor", Schema.orNull(Schema.choice(DeliveryView.Wait.allCases.map(\.rawValue)))),
        ("matched", Schema.boolean("False: it was replayed to a webhook that it had not matched.")),
        ("repeats", Schema.integer("Replays.")), ("history", Schema.array(Schema.named("Attempt"))),
    ])

    private static func milliseconds(_ text: String = "") -> JSONValue {
        Schema.orNull(Schema.described(["type": "number", "minimum": 0], text))
    }

    private static let attempt = Schema.object([
        ("at", Schema.moment()), ("number", Schema.integer()), ("repeat", Schema.integer("The replay it belongs to.")),
        ("outcome", Schema.choice(["delivered", "failed"])),
        ("status", Schema.orNull(Schema.integer("HTTP status.", 0...999))), ("durationMs", milliseconds()),
        (
            "phases",
            Schema.orNull(
                Schema.object([
                    ("resolveMs", milliseconds()), ("connectMs", milliseconds()), ("tlsMs", milliseconds()),
                    ("firstByteMs", milliseconds()),
                ]))
        ),
        ("errorKind", Schema.orNull(Schema.choice(AttemptFailure.Kind.allCases.map(\.rawValue)))),
        ("error", Schema.orNull(Schema.string())), ("answer", Schema.orNull(Schema.string("Its first bytes."))),
        ("decision", Schema.choice(["settled", "retry"])), ("nextAttemptAt", Schema.orNull(Schema.moment())),
    ])
}
