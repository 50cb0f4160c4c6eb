import RelayCore

/// Parameters of calls, as the OpenAPI document tells of them.
enum Parameters {
    static func path(_ name: String, _ text: String, _ schema: JSONValue = ["type": "string"]) -> JSONValue {
        [
            "name": .string(name), "in": "path", "required": true, "description": .string(text),
            "schema": schema,
        ]
    }

    static func query(_ name: String, _ text: String, _ schema: JSONValue) -> JSONValue {
        ["name": .string(name), "in": "query", "description": .string(text), "schema": schema]
    }

    static let webhook = path("id", "The webhook's id.")
    static let event = path("id", "The event's id.")
    static let tenant = query(
        "tenantId", "Narrows the call to one tenant: what is another's is not there.",
        Schema.string(pattern: Patterns.identifier))

    static let limit = query(
        "limit", "Entries of a page; \(Page().limit) unless given.",
        Schema.integer("", Int64(Page.limits.lowerBound)...Int64(Page.limits.upperBound)))

    /// A list's place: opaque, and of the shapes that a list hands out.
    static func cursor(_ pattern: String) -> JSONValue {
        query("cursor", "The `nextCursor` of the page before.", Schema.string(pattern: pattern))
    }

    static let sort = query(
        "sort",
        "`created`: the oldest first; `backlog`: most deliveries not settled first; `rate`: most deliveries a second of late; `failures`: most in a "
            + "row; `name`: by description, or URL; `lastFailure`: the youngest first, of those that have failed. "
            + "A sorted list has no cursor: `offset` goes on in it.",
        Schema.choice(WebhookOrder.allCases.map(\.rawValue)))
    static let offset = query(
        "offset", "How many of the sorted list to skip.",
        Schema.integer("", Int64(Page.offsets.lowerBound)...Int64(Page.offsets.upperBound)))

    static let since = query("since", "From then on.", Schema.moment())
    static let until = query("until", "Before.", Schema.moment())
    static let status = query("status", "Only such.", Schema.choice(DeliveryStatus.allCases.map(\.rawValue)))
}
