import RelayCore
import Testing

@testable import AdminAPI

@Suite struct WebhookRoutesTests {
    static let body: JSONValue = [
        "url": "https://hooks.example/in", "events": ["application.*", "job.closed"], "isActive": true,
        "tenantId": "acme", "description": "CRM", "headers": ["X-Key": "k"], "timeoutMs": 2500,
        "retrySchedule": ["5s", "90s"],
    ]

    static func body(tenant: String) -> JSONValue {
        ["url": "https://hooks.example/in", "events": ["*"], "tenantId": .string(tenant)]
    }

    @Test func create() async throws {
        try await APIHarness.run { api in
            let answer = try await api.call("POST", "/api/v1/webhooks", Self.body)
            #expect(answer.status == 201)
            #expect(answer.headers["location"] == "/api/v1/webhooks/wh_1")
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.headers["cache-control"] == "no-store")
            #expect(answer.headers["server"] == "Hookline/1.2.3")
            let json = try answer.json
            #expect(
                Array(try #require(json.objectValue).names.prefix(5)) == ["id", "secret", "url", "events", "isActive"])
            #expect(json["id"] == "wh_1")
            #expect(json["secret"]?.stringValue?.hasPrefix("whsec_") == true)
            #expect(json["events"] == ["application.*", "job.closed"])
            #expect(json["isActive"] == true)
            #expect(json["tenantId"] == "acme")
            #expect(json["createdAt"] == "2026-05-02T14:32:10.000Z")
            #expect(json["headers"] == ["X-Key": "k"])
            #expect(json["retrySchedule"] == ["5s", "90s"])
        }
    }

    @Test func showWithoutSecret() async throws {
        try await APIHarness.run { api in
            _ = try await api.call("POST", "/api/v1/webhooks", Self.body)
            api.administration.edit { state in
                var health = WebhookHealth()
                health.pending = 4
                health.inFlight = 1
                health.consecutiveFailures = 3
                health.lastFailureAt = 0
                health.lastFailure = "connection refused"
                health.nextAttemptAt = 1_777_732_330_123
                state.health["wh_1"] = health
            }
            let json = try await api.call("GET", "/api/v1/webhooks/wh_1").json
            #expect(json["secret"] == nil)
            #expect(json["state"] == "active")
            #expect(json["stateReason"] == .null)
            #expect(json["description"] == "CRM")
            #expect(json["timeoutMs"] == 2500)
            #expect(json["maxInFlight"] == .null)
            #expect(json["health"]?["breaker"] == "closed")
            #expect(json["health"]?["consecutiveFailures"] == 3)
            #expect(json["health"]?["lastSuccessAt"] == .null)
            #expect(json["health"]?["lastFailureAt"] == "1970-01-01T00:00:00.000Z")
            #expect(json["health"]?["lastFailure"] == "connection refused")
            #expect(json["backlog"] == ["pending": 4, "inFlight": 1, "nextAttemptAt": "2026-05-02T14:32:10.123Z"])
        }
    }

    @Test func pages() async throws {
        try await APIHarness.run { api in
            for index in 1...5 {
                _ = try await api.call("POST", "/api/v1/webhooks", Self.body(tenant: index == 3 ? "other" : "acme"))
            }
            var seen: [String] = []
            var path = "/api/v1/webhooks?limit=2"
            for _ in 0..<3 {
                let json = try await api.call("GET", path).json
                seen += json["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
                guard let cursor = json["nextCursor"]?.stringValue else { break }
                path = "/api/v1/webhooks?limit=2&cursor=\(cursor)"
            }
            #expect(seen == ["wh_1", "wh_2", "wh_3", "wh_4", "wh_5"])
            let own = try await api.call("GET", "/api/v1/webhooks?tenantId=acme&limit=4").json
            #expect(own["data"]?.arrayValue?.count == 4)
            #expect(own["nextCursor"] == .null)
            let none = try await api.call("GET", "/api/v1/webhooks?tenantId=nobody").json
            #expect(none == ["data": [], "nextCursor": nil])
        }
    }

    @Test(
        arguments: [
            ("limit=1", []), ("limit=200", []), ("limit=0", ["limit"]), ("limit=201", ["limit"]),
            ("limit=x", ["limit"]),
            ("cursor=x", ["cursor"]), ("cursor=c-1", ["cursor"]), ("tenantId=a%20b", ["tenantId"]),
            ("tenant=a", ["tenant"]),
            ("limit=1&limit=2", ["limit"]), ("limit=0&cursor=&tenantId=", ["tenantId", "limit", "cursor"]),
        ] as [(String, [String])])
    func query(text: String, bad: [String]) async throws {
        try await APIHarness.run { api in
            let answer = try await api.call("GET", "/api/v1/webhooks?\(text)")
            #expect(answer.status == (bad.isEmpty ? 200 : 422))
            #expect(try answer.fields == bad)
        }
    }

    @Test func anotherTenantsWebhookIsNotThere() async throws {
        try await APIHarness.run { api in
            _ = try await api.call("POST", "/api/v1/webhooks", Self.body(tenant: "acme"))
            for (method, body) in [("GET", nil), ("PATCH", ["isActive": false]), ("DELETE", nil)]
                as [(String, JSONValue?)]
            {
                #expect(try await api.call(method, "/api/v1/webhooks/wh_1?tenantId=other", body).status == 404)
            }
            #expect(try await api.call("GET", "/api/v1/webhooks/wh_1?tenantId=acme").status == 200)
            #expect(try await api.call("GET", "/api/v1/webhooks/wh_2").status == 404)
        }
    }

    @Test func change() async throws {
        try await APIHarness.run { api in
            _ = try await api.call("POST", "/api/v1/webhooks", Self.body)
            let paused = try await api.call("PATCH", "/api/v1/webhooks/wh_1", ["isActive": false, "timeoutMs": nil])
            #expect(paused.status == 200)
            let json = try paused.json
            #expect(json["state"] == "paused")
            #expect(json["isActive"] == false)
            #expect(json["timeoutMs"] == .null)
            #expect(json["secret"] == nil)
            #expect(json["description"] == "CRM")
            #expect(json["updatedAt"] == "2026-05-02T14:32:11.000Z")
            let bad = try await api.call("PATCH", "/api/v1/webhooks/wh_1", ["url": "x", "secret": "y"])
            #expect(bad.status == 422)
            #expect(try bad.fields == ["url", "secret"])
        }
    }

    @Test func disabledShowsItsReason() async throws {
        try await APIHarness.run { api in
            _ = try await api.call("POST", "/api/v1/webhooks", Self.body)
            api.administration.edit { state in
                guard var webhook = state.table.webhook(id: "wh_1") else { return }
                webhook.state = .disabled(reason: "410 Gone")
                state.put(webhook)
            }
            let json = try await api.call("GET", "/api/v1/webhooks/wh_1").json
            #expect(json["state"] == "disabled")
            #expect(json["stateReason"] == "410 Gone")
            #expect(json["isActive"] == false)
            let back = try await api.call("PATCH", "/api/v1/webhooks/wh_1", ["isActive": true])
            #expect(try back.json["state"] == "active")
        }
    }

    @Test func remove() async throws {
        try await APIHarness.run { api in
            _ = try await api.call("POST", "/api/v1/webhooks", Self.body)
            let answer = try await api.call("DELETE", "/api/v1/webhooks/wh_1")
            #expect(answer.status == 204)
            #expect(answer.body.isEmpty)
            #expect(try await api.call("DELETE", "/api/v1/webhooks/wh_1").status == 404)
        }
    }

    @Test func invalidFields() async throws {
        try await APIHarness.run { api in
            let answer = try await api.call(
                "POST", "/api/v1/webhooks", ["url": "https://10.0.0.1/", "events": ["x"], "foo": 1])
            #expect(answer.status == 422)
            #expect(answer.headers["content-type"] == "application/problem+json")
            let json = try answer.json
            #expect(json.objectValue?.names == ["type", "title", "status", "detail", "errors"])
            #expect(json["status"] == 422)
            #expect(try answer.fields == ["tenantId", "url", "events", "foo"])
        }
    }

    @Test(arguments: [
        (AdministrationError.storage("disk full"), 503), (.shuttingDown, 503), (.limit("1000 webhooks"), 409),
    ])
    func failures(error: AdministrationError, status: Int) async throws {
        let administration = MemoryAdministration()
        administration.edit { $0.failure = error }
        try await APIHarness.run(administration) { api in
            let answer = try await api.call("POST", "/api/v1/webhooks", Self.body)
            #expect(answer.status == status)
            #expect(answer.headers["retry-after"] == (status == 503 ? "1" : nil))
            #expect(try answer.json["status"] == .count(status))
        }
    }
}
