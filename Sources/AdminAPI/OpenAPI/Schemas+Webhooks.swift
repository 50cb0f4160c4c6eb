import RelayCore

/// Webhooks: what a request may say of one, and how answers show it.
extension OpenAPIDocument {
    /// - Parameter rules: what is checked against: the event types that this host knows
    static func webhookSchemas(_ rules: RegistrationRules) -> [(String, JSONValue)] {
        [
            ("EventPattern", pattern(rules.catalogue)),
            ("WebhookURL", url),
            ("Headers", headers(rules)),
            ("Secret", secret),
            ("Ordering", ordering),
            ("RateLimit", rateLimit(isRequest: false)),
            ("RateLimitDraft", rateLimit(isRequest: true)),
            ("RetrySchedule", retrySchedule),
            ("WebhookDraft", draft),
            ("WebhookPatch", patch),
            ("Webhook", webhook),
            ("NewWebhook", newWebhook),
            ("Health", health),
            ("WebhookPage", Schema.page(of: "Webhook")),
        ]
    }

    // MARK: Fields

    /// A type, all types below a prefix, or all.
    private static func pattern(_ catalogue: EventCatalogue) -> JSONValue {
        let types = catalogue.names + EventCatalogue.operational
        var prefixes: [String] = []
        for type in types {
            let segments = type.split(separator: ".")
            for count in 1..<max(2, segments.count) where segments.count > 1 {
                let prefix = segments.prefix(count).joined(separator: ".") + ".*"
                if !prefixes.contains(prefix) { prefixes.append(prefix) }
            }
        }
        return Schema.choice(
            types + prefixes + ["*"],
            "An event type, all types below a prefix, or `*`: all but the operational ones (`webhook.*`, `delivery.*`)."
        )
    }

    private static let url = Schema.string(
        "Where events go. `https`; plain `http` only to addresses that the host's configuration opens, and private "
            + "addresses only if it opens them. No credentials, no fragment; a host name has at most 253 bytes.",
        pattern: Patterns.url, max: WebhookURL.bytesMax)

    private static func headers(_ rules: RegistrationRules) -> JSONValue {
        [
            "type": "object",
            "description": .string(
                "Header fields of each delivery, at most \(Limits.headerBytesPerWebhook) bytes of UTF-8 in all; names "
                    + "are equal whatever their case."),
            "maxProperties": .count(Limits.headersPerWebhook),
            "propertyNames": [
                "type": "string", "pattern": .string(Patterns.headerName),
                "not": ["enum": .array(rules.reservedHeaders.sorted().map { .string($0) })],
            ],
            "additionalProperties": Schema.string(pattern: Patterns.headerValue),
        ]
    }

    private static let secret = Schema.string(
        "`\(WebhookSecret.prefix)` and the base64 of \(WebhookFields.secretBytes.lowerBound) to "
            + "\(WebhookFields.secretBytes.upperBound) bytes.",
        pattern: Patterns.secret)

    private static let ordering: JSONValue = [
        "description": .string(
            "`none`; `webhook`: one delivery after the other; or one after the other among events that have the same "
                + "value where a JSON pointer (RFC 6901) into the delivery's body leads."),
        "anyOf": [
            Schema.choice(["none", "webhook"]),
            Schema.object(
                [("key", Schema.string(pattern: Patterns.pointer, max: Limits.pointerBytes))], isClosed: true),
        ],
    ]

    private static func rateLimit(isRequest: Bool) -> JSONValue {
        let (rates, bursts) = (RateLimit.rates, RateLimit.bursts)
        let burst = Schema.integer(
            "Attempts at once after a pause; those of a second unless given.",
            Int64(bursts.lowerBound)...Int64(bursts.upperBound))
        return Schema.object(
            [
                (
                    "perSecond",
                    [
                        "type": "number", "minimum": .number(rates.lowerBound), "maximum": .number(rates.upperBound),
                        "description": "Attempts a second in the long run.",
                    ]
                ),
                ("burst", isRequest ? Schema.orNull(burst) : burst),
            ], required: isRequest ? ["perSecond"] : nil, isClosed: isRequest)
    }

    private static let retrySchedule = Schema.array(
        Schema.string("A whole number and ms, s, m, h or d; up to 3650d.", pattern: Patterns.duration),
        "How long to wait before each further try, each about 20 % more or less; empty: there is only one try.",
        0...WebhookFields.retries)

    private static let settings: [(String, JSONValue)] = [
        (
            "maxInFlight",
            Schema.orNull(Schema.integer("Attempts at once; null: the host's setting.", WebhookFields.inFlight))
        ),
        (
            "timeoutMs",
            Schema.orNull(
                Schema.integer("Of one attempt; null: the host's setting.", WebhookFields.timeoutMilliseconds))
        ),
        (
            "maxAgeSeconds",
            Schema.orNull(
                Schema.integer("After it a delivery is given up; null: the host's setting.", WebhookFields.ageSeconds))
        ),
        ("retrySchedule", Schema.orNull(Schema.named("RetrySchedule"))),
    ]

    private static let summary = Schema.orNull(
        Schema.string("For people.", max: Limits.descriptionCharacters))
    private static let events: JSONValue = {
        var schema = Schema.array(Schema.named("EventPattern"), "", 1...Limits.patternsPerWebhook)
        if case .object(var object) = schema {
            object["uniqueItems"] = true
            schema = .object(object)
        }
        return schema
    }()

    /// What a create call and a change have in common.
    private static let fields: [(String, JSONValue)] =
        [
            ("url", Schema.named("WebhookURL")), ("events", events),
            ("isActive", Schema.boolean("False: events wait, and go out when it is true again.")),
            ("description", summary), ("headers", Schema.orNull(Schema.named("Headers"))),
            ("ordering", Schema.orNull(Schema.named("Ordering"))),
            ("rateLimit", Schema.orNull(Schema.named("RateLimitDraft"))),
        ] + settings

    private static let draft = Schema.object(
        fields + [
            ("tenantId", Schema.string("Whose events it receives.", pattern: Patterns.identifier)),
            ("secret", Schema.orNull(Schema.named("Secret"))),
        ], required: ["url", "events", "tenantId"], isClosed: true)

    private static let patch = Schema.object(
        fields, required: [], isClosed: true,
        "Fields that are not there stay; null takes one away. `isActive: true` also re-enables a disabled webhook.")

    // MARK: Answers

    private static let shown: [(String, JSONValue)] =
        [
            ("url", Schema.string()), ("events", Schema.array(Schema.string())), ("isActive", Schema.boolean()),
            ("tenantId", Schema.string()), ("state", Schema.choice(["active", "paused", "disabled"])),
            ("stateReason", Schema.orNull(Schema.string("Why it is disabled."))), ("description", summary),
            ("headers", ["type": "object", "additionalProperties": Schema.string()]),
            ("ordering", Schema.named("Ordering")),
        ] + settings + [
            ("rateLimit", Schema.orNull(Schema.named("RateLimit"))), ("health", Schema.named("Health")),
            (
                "backlog",
                Schema.object([
                    ("pending", Schema.integer("Deliveries that are not settled.")),
                    ("inFlight", Schema.integer("Attempts under way.")),
                    ("nextAttemptAt", Schema.orNull(Schema.moment("Of one that has failed."))),
                ])
            ),
            (
                "previousSecretExpiresAt",
                Schema.orNull(Schema.moment("During a rotation: until when the old secret signs too."))
            ), ("createdAt", Schema.moment()), ("updatedAt", Schema.moment()),
        ]

    private static let id = ("id", Schema.string(pattern: "^wh_[A-Za-z0-9_-]+$"))

    private static let webhook = Schema.object([id] + shown)

    private static let newWebhook = Schema.object(
        [id, ("secret", Schema.described(Schema.named("Secret"), "Signs everything; shown only now."))] + shown)

    private static let health = Schema.object(
        [
            ("breaker", Schema.choice(Breaker.State.allCases.map(\.name))),
            ("consecutiveFailures", Schema.integer()),
            ("failingSince", Schema.orNull(Schema.moment("Since when there was no success but failures."))),
            ("lastSuccessAt", Schema.orNull(Schema.moment())), ("lastFailureAt", Schema.orNull(Schema.moment())),
            ("lastFailure", Schema.orNull(Schema.string("Why."))), ("delivered", Schema.integer()),
            ("givenUp", Schema.integer()),
        ], "As far as the daemon knows since its start.")
}
