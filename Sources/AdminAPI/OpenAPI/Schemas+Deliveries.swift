import RelayCore

/// Deliveries, replays, tasks, the host, and problems.
extension OpenAPIDocument {
    static let deliverySchemas: [(String, JSONValue)] = [
        ("Delivery", delivery),
        ("DeliveryPage", Schema.page(of: "Delivery")),
        ("ReplayRequest", replayRequest),
        (
            "EventReplayRequest",
            Schema.object(
                [("webhookId", Schema.orNull(Schema.string("Only to this one.")))], required: [], isClosed: true)
        ),
        ("ReplayAnswer", replayAnswer),
        ("TestReport", testReport),
        ("Task", Schema.object(taskMembers, required: ["task", "status"])),
        ("AcceptedTask", Schema.object(taskMembers + [location], required: ["task", "status", "kind", "location"])),
        ("TaskPage", Schema.page(of: "Task")),
        (
            "EventTypePage",
            Schema.object([
                ("data", Schema.array(eventType)), ("nextCursor", ["type": "null"]),
            ])
        ),
        ("Status", status),
        ("Problem", problem),
    ]

    private static let location = ("location", Schema.string("The task's path."))

    private static let delivery = Schema.object([
        ("eventId", Schema.orNull(Schema.string("Null where the event is gone from the journal."))),
        ("event", Schema.orNull(Schema.string("Its type."))),
        ("acceptedAt", Schema.orNull(Schema.moment())),
        ("status", Schema.choice(DeliveryStatus.allCases.map(\.rawValue))),
        ("reason", Schema.orNull(Schema.string("Why it ended."))),
        ("attempts", Schema.integer()),
        ("lastStatus", Schema.orNull(Schema.integer("HTTP status of the last attempt.", 0...999))),
        ("settledAt", Schema.orNull(Schema.moment())),
        ("nextAttemptAt", Schema.orNull(Schema.moment())),
        ("waitsFor", Schema.orNull(Schema.choice(DeliveryView.Wait.allCases.map(\.rawValue)))),
    ])

    private static let replayRequest = Schema.object(
        [
            ("since", Schema.orNull(Schema.moment("Accepted from then on."))),
            ("until", Schema.orNull(Schema.moment("Accepted before."))),
            (
                "status",
                Schema.orNull(
                    Schema.choice(
                        JournalTask.ReplayStatus.allCases.map(\.rawValue),
                        "`undelivered` unless given; `any`: all that the webhook's patterns match now, also what was "
                            + "accepted before it existed."))
            ),
            ("dryRun", Schema.orNull(Schema.boolean("Only count."))),
        ], required: [], isClosed: true)

    private static let replayAnswer = Schema.object(
        [
            ("count", Schema.integer("How many deliveries are meant.")),
            ("isExact", Schema.boolean("False: that is as far as was counted in time, and there may be more.")),
            ("dryRun", Schema.boolean()),
        ] + taskMembers.filter { $0.0 != "count" } + [location],
        required: ["count", "isExact", "dryRun"])

    private static let testReport = Schema.object([
        ("eventId", Schema.string("The id that the receiver saw.")), ("event", Schema.string()),
        ("at", Schema.moment()), ("outcome", Schema.choice(["delivered", "failed"])),
        ("status", Schema.orNull(Schema.integer("HTTP status.", 0...999))), ("durationMs", Schema.integer()),
        (
            "errorKind",
            Schema.orNull(Schema.choice(AttemptFailure.Kind.allCases.map(\.rawValue)))
        ),
        ("error", Schema.orNull(Schema.string("Why it failed."))),
    ])

    /// A task that was done long ago is no more than a number and its status.
    private static let taskMembers: [(String, JSONValue)] = [
        ("task", Schema.integer("Its number.")), ("status", Schema.choice(["pending", "done"])),
        ("kind", Schema.choice(["erase_event", "erase_tenant", "replay", "replay_event"])),
        ("tenantId", Schema.string("Of an erasure.")),
        ("eventId", Schema.string("Of what is about one event.")),
        ("webhookId", Schema.orNull(Schema.string("Of a webhook's replay."))),
        ("count", Schema.integer("Events erased, or deliveries handed over, so far.")),
        ("createdAt", Schema.moment()),
    ]

    private static let eventType = Schema.object([
        ("event", Schema.string()),
        ("operational", Schema.boolean("Made by Hookline itself: producers can't send it, and `*` doesn't match it.")),
        (
            "sample",
            Schema.object(
                [
                    ("event", Schema.string()), ("timestamp", Schema.moment()), ("tenantId", Schema.string()),
                    ("data", ["type": "object"]),
                ], "The body of a delivery of this type.")
        ),
    ])

    private static func counts(_ names: String...) -> JSONValue {
        Schema.object(names.map { ($0, Schema.integer()) })
    }

    private static let status = Schema.object([
        ("version", Schema.string()), ("pid", Schema.integer()), ("startedAt", Schema.moment()),
        ("isReady", Schema.boolean("Whether events are accepted.")), ("isPaused", Schema.boolean()),
        ("trouble", Schema.orNull(Schema.string("Why events are not accepted."))),
        ("webhooks", counts("active", "paused", "disabled")),
        ("events", counts("connections", "accepted", "duplicates", "refused", "blankLines")),
        (
            "deliveries",
            Schema.object(
                ["pending", "inFlight", "delivered", "givenUp", "failedAttempts"].map { ($0, Schema.integer()) }
                    + [
                        (
                            "oldestAcceptedAt",
                            Schema.orNull(Schema.moment("Of the oldest event with a delivery that is not settled."))
                        )
                    ])
        ),
        ("journal", counts("bytes", "maxBytes", "segments", "damagedRecords")),
        ("failing", Schema.array(Schema.named("Webhook"), "Whose last attempt failed, worst first.", 0...10)),
        ("problems", Schema.array(statusProblem, "What is not well, worst first; none: all is well.")),
    ])

    private static let statusProblem = Schema.object([
        ("kind", Schema.choice(StatusProblem.Kind.allCases.map(\.rawValue))),
        ("message", Schema.string("What is wrong: a sentence.")),
        ("since", Schema.orNull(Schema.moment("Since when, where that is known."))),
        ("purpose", Schema.string("What the command is for: reads on from \"To\".")),
        ("command", Schema.string("What to run; words in capitals stand for what only the reader knows.")),
    ])

    private static let problem = Schema.object(
        [
            ("type", Schema.string("`about:blank`: the status and the members say it all.")),
            ("title", Schema.string("The status in words.")),
            ("status", Schema.integer("", 400...599)),
            ("detail", Schema.string("What is wrong, for people.")),
            (
                "errors",
                Schema.array(
                    Schema.object([
                        ("field", Schema.string("A member of the body or a parameter; empty: the body as a whole.")),
                        ("message", Schema.string("A sentence's end, for people.")),
                    ]), "With 422: everything that is wrong.")
            ),
            ("tenants", Schema.array(Schema.string(), "With 409: who has events with this id.")),
        ], required: ["type", "title", "status", "detail"], "Problem details, RFC 9457.")
}
