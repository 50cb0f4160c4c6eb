import RelayCore
import Testing

@testable import AdminAPI

@Suite struct DeliveryRoutesTests {
    private static let path = "/api/v1/webhooks/wh_1"

    private func withWebhook(_ body: @Sendable (APIHarness) async throws -> Void) async throws {
        try await APIHarness.run { api in
            _ = try await api.call("POST", "/api/v1/webhooks", WebhookRoutesTests.body)
            try await body(api)
        }
    }

    @Test func aDeliveryHasAllItsMembers() async throws {
        try await withWebhook { api in
            var ended = DeliveryView(status: .givenUp)
            ended.eventID = "order-17"
            ended.event = "job.created"
            ended.acceptedAt = 1_777_732_330_000
            ended.reason = .displaced
            ended.attempts = 3
            ended.lastStatus = 503
            ended.settledAt = 1_777_732_331_000
            var pending = DeliveryView(status: .pending)
            pending.nextAttemptAt = 1_777_732_332_000
            pending.waitsFor = .retry
            let page = DeliveryPage(deliveries: [pending, ended], next: .history(ordinal: 7, offset: 8192, entry: 2))
            api.administration.edit { $0.page = page }
            let json = try await api.call("GET", Self.path + "/deliveries").json
            #expect(
                json["data"]?.arrayValue?[1] == [
                    "eventId": "order-17", "event": "job.created", "acceptedAt": "2026-05-02T14:32:10.000Z",
                    "status": "given_up", "reason": "displaced", "attempts": 3, "lastStatus": 503,
                    "settledAt": "2026-05-02T14:32:11.000Z", "nextAttemptAt": nil, "waitsFor": nil,
                ])
            #expect(
                json["data"]?.arrayValue?[0] == [
                    "eventId": nil, "event": nil, "acceptedAt": nil, "status": "pending", "reason": nil, "attempts": 0,
                    "lastStatus": nil, "settledAt": nil, "nextAttemptAt": "2026-05-02T14:32:12.000Z",
                    "waitsFor": "retry",
                ])
            let next = try #require(json["nextCursor"]?.stringValue)
            _ = try await api.call("GET", Self.path + "/deliveries?cursor=" + next)
            #expect(api.administration.edit { $0.queries.last?.cursor } == page.next)
        }
    }

    @Test func theQueryIsUnderstood() async throws {
        try await withWebhook { api in
            _ = try await api.call(
                "GET",
                Self.path + "/deliveries?status=given_up&since=2026-05-02T14:32:10Z&until=2026-05-02T16:32:10.5%2B02:00"
                    + "&limit=7")
            var wanted = DeliveryQuery()
            wanted.status = .givenUp
            wanted.since = 1_777_732_330_000
            wanted.until = 1_777_732_330_500
            wanted.limit = 7
            let asked = api.administration.edit { $0.queries }
            #expect(asked == [wanted])
        }
    }

    @Test(arguments: [
        ("status=lost", ["status"]), ("since=yesterday", ["since"]), ("until=2026-05-02", ["until"]),
        ("limit=0&cursor=x", ["limit", "cursor"]), ("cursor=c1", ["cursor"]), ("cursor=h1-2", ["cursor"]),
        ("cursor=h1-2-zzzzzzzzzzzzzz", ["cursor"]), ("sort=up", ["sort"]),
    ])
    func aQueryThatMakesNoSense(_ query: String, _ fields: [String]) async throws {
        try await withWebhook { api in
            let answer = try await api.call("GET", Self.path + "/deliveries?" + query)
            #expect(answer.status == 422)
            #expect(try answer.fields == fields)
        }
    }

    @Test func aReplayIsATask() async throws {
        try await withWebhook { api in
            let answer = try await api.call(
                "POST", Self.path + "/replay", ["status": "any", "since": "2026-05-02T14:32:10Z"])
            #expect(answer.status == 202)
            #expect(answer.headers["location"] == "/api/v1/tasks/1")
            let json = try answer.json
            #expect(json["count"] == 3)
            #expect(json["isExact"] == true)
            #expect(json["dryRun"] == false)
            #expect(json["task"] == 1)
            #expect(json["webhookId"] == "wh_1")
            var wanted = ReplayRequest()
            wanted.status = .any
            wanted.since = 1_777_732_330_000
            let asked = api.administration.edit { $0.replays }
            #expect(asked == [wanted])

            // Nothing needs to be said.
            #expect(try await api.call("POST", Self.path + "/replay").status == 202)
            #expect(api.administration.edit { $0.replays.last } == ReplayRequest())
            let dry = try await api.call("POST", Self.path + "/replay", ["dryRun": true])
            #expect(dry.status == 202)
            #expect(try dry.json == ["count": 3, "isExact": false, "dryRun": true])
        }
    }

    @Test func oneEvent() async throws {
        try await withWebhook { api in
            api.administration.edit { $0.events = ["order-17": ["acme"]] }
            let answer = try await api.call("POST", "/api/v1/events/order-17/replay", ["webhookId": "wh_1"])
            #expect(answer.status == 202)
            #expect(try answer.json["count"] == 1)
            #expect(try answer.json["kind"] == "replay_event")
            let all = try await api.call("POST", "/api/v1/events/order-17/replay").json
            #expect(all["count"] == 2)
            #expect(try await api.call("POST", "/api/v1/events/other/replay").status == 404)
            let unknown = try await api.call("POST", "/api/v1/events/order-17/replay", ["webhookId": "wh_9"])
            #expect(unknown.status == 404)
        }
    }

    @Test(
        arguments: [
            (["status": "lost"], ["status"]), (["since": 5, "until": "x"], ["since", "until"]),
            (["dryRun": "yes", "extra": 1], ["dryRun", "extra"]),
        ] as [(JSONValue, [String])])
    func aReplayThatMakesNoSense(_ body: JSONValue, _ fields: [String]) async throws {
        try await withWebhook { api in
            let answer = try await api.call("POST", Self.path + "/replay", body)
            #expect(answer.status == 422)
            #expect(try answer.fields == fields)
        }
    }

    @Test func whatCannotBe() async throws {
        try await withWebhook { api in
            let unknown = try await api.call("GET", "/api/v1/webhooks/wh_2/deliveries")
            #expect(unknown.status == 404)
            let replay = try await api.call("POST", "/api/v1/webhooks/wh_2/replay")
            #expect(replay.status == 404)
            api.administration.edit { $0.failure = .conflict("The webhook is disabled.") }
            let disabled = try await api.call("POST", Self.path + "/replay")
            #expect(disabled.status == 409)
        }
    }

    @Test(arguments: [
        DeliveryCursor.pending(below: 0), .pending(below: .max), .history(ordinal: 1, offset: 0, entry: 0),
        .history(ordinal: .max, offset: .max, entry: .max),
    ])
    func cursorsAreTexts(_ cursor: DeliveryCursor) {
        #expect(DeliveryCursor(text: cursor.text) == cursor)
        #expect(DeliveryCursor(text: cursor.text + "-") == nil)
        #expect(DeliveryCursor(text: cursor.text.uppercased()) == nil)
    }

    @Test func aTestSendsASampleAndTellsTheOutcome() async throws {
        try await withWebhook { api in
            let json = try await api.call("POST", Self.path + "/test").json
            #expect(
                json == [
                    "eventId": "test_1", "event": "application.created", "at": "2026-05-02T14:32:10.000Z",
                    "outcome": "delivered", "status": 204, "durationMs": 12, "errorKind": nil, "error": nil,
                ])
            api.administration.edit {
                $0.testOutcome = AttemptOutcome(
                    .failed(AttemptFailure(.status, "the receiver answered 500")), status: 500, duration: .seconds(1))
            }
            let failed = try await api.call("POST", Self.path + "/test", ["event": "job.closed"]).json
            #expect(failed["outcome"] == "failed" && failed["status"] == 500 && failed["event"] == "job.closed")
            #expect(failed["errorKind"] == "status" && failed["error"] == "the receiver answered 500")
            let sent = api.administration.edit { $0.tests }
            #expect(sent.map(\.type) == ["application.created", "job.closed"])
            #expect(String(decoding: sent[1].data, as: UTF8.self).contains("\"jobId\""))
        }
    }

    @Test func aTestOfAnUnknownTypeIsRefusedWithTheKnownOnes() async throws {
        try await withWebhook { api in
            let answer = try await api.call("POST", Self.path + "/test", ["event": "no.such", "x": 1])
            #expect(answer.status == 422)
            #expect(try answer.fields == ["event", "x"])
            #expect(try await api.call("POST", "/api/v1/webhooks/wh_9/test").status == 404)
            #expect(try await api.call("POST", Self.path + "/test?tenantId=other").status == 404)
        }
    }
}
