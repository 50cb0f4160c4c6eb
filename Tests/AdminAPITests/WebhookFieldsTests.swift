import RelayCore
import Testing

@testable import AdminAPI

@Suite struct WebhookFieldsTests {
    static let complete: JSONObject = JSONObject([
        ("tenantId", "acme"), ("url", "https://hooks.example/in"), ("events", ["application.*"]),
    ])

    func draft(_ changes: [(String, JSONValue?)]) throws(InvalidFields) -> WebhookDraft {
        var object = Self.complete
        for (name, value) in changes { object[name] = value }
        return try WebhookFields.draft(object, by: .administrator, rules: .forTests(extra: ["invoice.paid"]))
    }

    /// The faults of a draft with these members changed.
    func faults(_ changes: (String, JSONValue?)...) -> [FieldError] {
        do {
            _ = try draft(changes)
            return []
        } catch {
            return error.errors
        }
    }

    // MARK: What is taken

    @Test func shortestDraft() throws {
        let draft = try draft([])
        #expect(
            draft
                == WebhookDraft(
                    tenant: "acme", url: try WebhookURL("https://hooks.example/in"),
                    patterns: [.prefix("application.")]))
    }

    @Test func everyField() throws {
        let secret = WebhookSecret(randomBytes: [UInt8](repeating: 1, count: 32))
        let draft = try draft([
            ("events", ["*", "webhook.*", "job.closed", "invoice.paid"]), ("isActive", false),
            ("description", "for the CRM"), ("headers", ["X-B": "2", "x-a": "1"]), ("secret", .string(secret.text)),
            ("ordering", "webhook"), ("maxInFlight", 3), ("timeoutMs", 2500), ("maxAgeSeconds", 60),
            ("rateLimit", ["perSecond": .number(0.5), "burst": 7]), ("retrySchedule", ["5s", "20m"]),
        ])
        #expect(
            draft
                == WebhookDraft(
                    tenant: "acme", url: try WebhookURL("https://hooks.example/in"),
                    patterns: [.all, .prefix("webhook."), .type("job.closed"), .type("invoice.paid")],
                    isActive: false, summary: "for the CRM",
                    headers: [HeaderField(name: "X-B", value: "2"), HeaderField(name: "x-a", value: "1")],
                    secret: secret,
                    settings: DeliverySettings(
                        maxInFlight: 3, timeout: .milliseconds(2500), maxAge: .seconds(60),
                        retrySchedule: [.seconds(5), .seconds(1200)], rateLimit: RateLimit(perSecond: 0.5, burst: 7),
                        ordering: .webhook)))
    }

    @Test func nullIsAbsence() throws {
        let changes: [(String, JSONValue?)] = [
            "description", "headers", "secret", "ordering", "maxInFlight", "timeoutMs", "maxAgeSeconds", "rateLimit",
            "retrySchedule",
        ].map { ($0, .null) }
        #expect(try draft(changes) == draft([]))
    }

    // MARK: Both neighbours of each bound

    @Test(
        arguments: [
            ("timeoutMs", 100, 600_000), ("maxInFlight", 1, 4096), ("maxAgeSeconds", 1, 315_360_000),
        ] as [(String, Int64, Int64)])
    func numbers(field: String, least: Int64, most: Int64) {
        #expect(faults((field, .integer(least))) == [])
        #expect(faults((field, .integer(most))) == [])
        for bad: JSONValue in [.integer(least - 1), .integer(most + 1), .number(Double(least) + 0.5), "1", true, []] {
            #expect(
                faults((field, bad)) == [FieldError(field, "must be a whole number from \(least) to \(most)")], "\(bad)"
            )
        }
    }

    @Test func wholeNumbersInAnySpelling() throws {
        #expect(try draft([("timeoutMs", .number(1000))]).settings.timeout == .seconds(1))
    }

    @Test func secretLength() {
        func secret(_ bytes: Int) -> JSONValue {
            .string(WebhookSecret(randomBytes: [UInt8](repeating: 9, count: bytes)).text)
        }
        for good in [24, 64] { #expect(faults(("secret", secret(good))) == []) }
        let fault = FieldError("secret", "must be whsec_ and the base64 of 24 to 64 bytes")
        for bad in [23, 65] { #expect(faults(("secret", secret(bad))) == [fault]) }
        #expect(faults(("secret", "hunter2")) == [fault])
        #expect(faults(("secret", "whsec_!!!!")) == [fault])
        #expect(faults(("secret", 1)) == [FieldError("secret", "must be a string, not a number")])
    }

    @Test func descriptionLength() {
        #expect(faults(("description", .string(String(repeating: "d", count: 1024)))) == [])
        #expect(faults(("description", .string(String(repeating: "d", count: 1025)))).map(\.field) == ["description"])
        // Code points count, as for JSON Schema's maxLength: neither bytes nor what is seen as one character.
        #expect(faults(("description", .string(String(repeating: "é", count: 1024)))) == [])
        #expect(
            faults(("description", .string(String(repeating: "e\u{301}", count: 513)))).map(\.field) == ["description"])
    }

    @Test func tenantShape() {
        #expect(faults(("tenantId", .string(String(repeating: "t", count: 64)))) == [])
        for bad: JSONValue in ["", .string(String(repeating: "t", count: 65)), "a b", "é", "a/b", 7] {
            #expect(faults(("tenantId", bad)).map(\.field) == ["tenantId"])
        }
    }

    @Test func retrySchedule() throws {
        func schedule(_ count: Int) -> JSONValue { .array(.init(repeating: "5s", count: count)) }
        #expect(try draft([("retrySchedule", [])]).settings.retrySchedule == [])
        #expect(faults(("retrySchedule", schedule(64))) == [])
        #expect(
            faults(("retrySchedule", schedule(65)))
                == [FieldError("retrySchedule", "must have at most 64 entries, and has 65")])
        #expect(faults(("retrySchedule", ["1ms", "3650d"])) == [])
        #expect(faults(("retrySchedule", ["0s", "3651d", "5", 5, nil, "soon"])).count == 6)
        #expect(faults(("retrySchedule", "5s")).map(\.field) == ["retrySchedule"])
    }

    @Test func eventCount() {
        #expect(faults(("events", [])).map(\.field) == ["events"])
        let known = EventCatalogue.builtIn.map { JSONValue.string($0) }
        #expect(faults(("events", .array(known))) == [])
        #expect(faults(("events", .array(.init(repeating: "*", count: 65)))).count == 1)
        // 64 are not too many, only the same.
        #expect(faults(("events", .array(.init(repeating: "*", count: 64)))).count == 63)
    }

    @Test func headerBounds() {
        func headers(_ count: Int) -> JSONValue {
            .object(JSONObject((0..<count).map { ("X-\($0)", "v") }))
        }
        #expect(faults(("headers", headers(32))) == [])
        #expect(faults(("headers", headers(33))) == [FieldError("headers", "must be at most 32")])
        let room = 8 * 1024 - 3
        #expect(faults(("headers", ["X-A": .string(String(repeating: "v", count: room))])) == [])
        #expect(
            faults(("headers", ["X-A": .string(String(repeating: "v", count: room + 1))]))
                == [FieldError("headers", "must have at most 8192 bytes in all, and have 8193")])
    }

    // MARK: What is refused

    @Test(arguments: ["Host", "content-type", "WEBHOOK-ID", "Connection", "X-Signature", "x-hiresscope-signature"])
    func reservedHeaders(name: String) {
        #expect(
            faults(("headers", .object(JSONObject([(name, "v")]))))
                == [FieldError("headers", "has \"\(name)\", which deliveries set themselves")])
    }

    @Test(arguments: ["", "a b", "a:b", "é", "a\nb", "(x)"])
    func headerNames(name: String) {
        #expect(faults(("headers", .object(JSONObject([(name, "v")])))).map(\.field) == ["headers"])
    }

    @Test(arguments: ["a\r\nb", "a\u{0}", "\u{7F}", "a\tb", "\u{85}", " a", "a "])
    func headerValues(value: String) {
        #expect(faults(("headers", ["X-A": .string(value)])).map(\.field) == ["headers"])
    }

    @Test func headerKinds() {
        #expect(faults(("headers", ["X-A": 1])).count == 1)
        #expect(faults(("headers", ["X-A": "1", "x-a": "2"])).count == 1)
        #expect(
            faults(("headers", [["X-A", "1"]]))
                == [FieldError("headers", "must be an object of names and texts, not an array")])
    }

    @Test(arguments: ["application.unknown", "nothing.*", "applic*", "", "a b", "application.", ".*", "invoice.*x"])
    func unknownEvents(text: String) throws {
        let found = faults(("events", [.string(text), "job.created"]))
        let fault = try #require(found.first)
        #expect(found.count == 1)
        #expect(fault.field == "events")
        for known in EventCatalogue.builtIn + ["invoice.paid"] { #expect(fault.message.contains(known)) }
    }

    @Test func eventKinds() {
        #expect(
            faults(("events", ["*", 1, "*"])) == [
                FieldError("events", "must be an array of strings, but entry 1 is a number"),
                FieldError("events", "has \"*\" twice"),
            ])
        #expect(
            faults(("events", "*")) == [FieldError("events", "must be an array of strings, not a string")])
    }

    @Test(arguments: [
        "https://10.1.2.3/", "https://127.0.0.1/", "https://[::1]/", "http://127.0.0.1:8081/", "http://93.184.215.14/",
        "https://169.254.169.254/", "ftp://hooks.example/", "hooks.example", "https://u:p@hooks.example/", "",
    ])
    func forbiddenURLs(text: String) {
        #expect(faults(("url", .string(text))).map(\.field) == ["url"])
    }

    @Test(arguments: ["http://127.0.0.1:8080/in", "https://93.184.215.14/", "https://hooks.example:8443/a?b=c"])
    func allowedURLs(text: String) {
        #expect(faults(("url", .string(text))) == [])
    }

    @Test func everyFaultAtOnce() {
        let found = faults(
            ("tenantId", nil), ("url", 5), ("events", ["nope"]), ("isActive", "yes"), ("description", []),
            ("headers", ["Host": "x"]), ("secret", "x"), ("ordering", "fifo"), ("maxInFlight", 0),
            ("rateLimit", ["perSecond": 0, "burst": 1]), ("timeoutMs", 99), ("maxAgeSeconds", 0),
            ("retrySchedule", ["x"]), ("colour", "red"), ("Url", "x"))
        #expect(
            Set(found.map(\.field)) == [
                "tenantId", "url", "events", "isActive", "description", "headers", "secret", "ordering", "maxInFlight",
                "rateLimit", "timeoutMs", "maxAgeSeconds", "retrySchedule", "colour", "Url",
            ])
        #expect(found.count == 15)
    }

    @Test func requiredFields() throws {
        let found = faults(("tenantId", nil), ("url", .null), ("events", nil), ("isActive", .null))
        #expect(found.map(\.field) == ["tenantId", "url", "events", "isActive"])
        #expect(try #require(found.first).message.hasPrefix("is required"))
    }

    // MARK: Order and rate

    @Test(
        arguments: [
            ("none", .none), ("webhook", .webhook), (["key": "/data/applicationId"], "/data/applicationId"),
            (["key": "/data/a~1b/0"], "/data/a~1b/0"), (["key": "/tenantId"], "/tenantId"),
        ] as [(JSONValue, Order)])
    func orderings(value: JSONValue, order: Order) throws {
        #expect(try draft([("ordering", value)]).settings.ordering == order.ordering())
        let patch = try WebhookFields.patch(
            JSONObject([("ordering", value)]), tenant: "acme", by: .administrator, rules: .forTests())
        #expect(try patch.ordering == order.ordering())
    }

    /// An ordering as a table writes it.
    enum Order: Sendable, ExpressibleByStringLiteral {
        case none, webhook
        case key(String)

        init(stringLiteral value: String) { self = .key(value) }

        func ordering() throws -> DeliveryOrdering {
            switch self {
            case .none: .none
            case .webhook: .webhook
            case .key(let pointer): .key(try JSONPointer(pointer))
            }
        }
    }

    @Test(
        arguments: [
            "", "None", "key", "/data/a", 1, true, [], ["webhook"], [:], ["key": 1], ["key": nil], ["key": ""],
            ["key": "data/a"], ["key": "/a"], ["key": "/data/~"], ["key": "/event/x"],
            ["key": "/data/a", "pointer": "/data/b"], ["pointer": "/data/a"],
        ] as [JSONValue])
    func faultyOrderings(value: JSONValue) throws {
        let found = faults(("ordering", value))
        #expect(found.map(\.field) == ["ordering"])
        #expect(try #require(found.first).message.contains(value["key"]?.stringValue == nil ? "must be" : "must"))
    }

    @Test(
        arguments: [
            (["perSecond": 1, "burst": 1], 1, 1), (["perSecond": .number(0.001), "burst": 100_000], 0.001, 100_000),
            (["perSecond": 100_000, "burst": 1], 100_000, 1), (["perSecond": .number(2.5)], 2.5, 3),
            (["perSecond": .number(0.1)], 0.1, 1),
            (["perSecond": 7, "burst": nil], 7, 7), (["burst": .number(2.0), "perSecond": .number(1e1)], 10, 2),
        ] as [(JSONValue, Double, Int)])
    func rateLimits(value: JSONValue, perSecond: Double, burst: Int) throws {
        let limit = try #require(try draft([("rateLimit", value)]).settings.rateLimit)
        #expect(limit.perSecond == perSecond && limit.burst == burst)
    }

    @Test(
        arguments: [
            [:], 10, "10", [10, 10], ["perSecond": 0], ["perSecond": .number(0.0009), "burst": 1],
            ["perSecond": -1, "burst": 1],
            ["perSecond": .number(100_000.1), "burst": 1], ["perSecond": "1", "burst": 1],
            ["perSecond": 1, "burst": 0],
            ["perSecond": 1, "burst": 100_001], ["perSecond": 1, "burst": .number(1.5)],
            ["perSecond": 1, "burst": "1"],
            ["burst": 1], ["perSecond": 1, "burst": 1, "perMinute": 60],
        ] as [JSONValue])
    func faultyRateLimits(value: JSONValue) {
        #expect(Set(faults(("rateLimit", value)).map(\.field)) == ["rateLimit"])
    }
}
