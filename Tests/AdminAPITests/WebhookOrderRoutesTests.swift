import RelayCore
import Testing

@testable import AdminAPI

@Suite struct WebhookOrderRoutesTests {
    private func administration() async throws -> MemoryAdministration {
        let administration = MemoryAdministration()
        try await APIHarness.run(administration) { api in
            for number in 1...5 {
                let created = try await api.call(
                    "POST", "/api/v1/webhooks",
                    [
                        "url": .string("https://hooks.example/\(number)"), "events": ["*"],
                        "tenantId": .string(number == 5 ? "globex" : "acme"),
                    ])
                #expect(created.status == 201)
            }
        }
        administration.edit { state in
            for number in 1...5 {
                var health = WebhookHealth()
                health.pending = number * 10
                health.consecutiveFailures = number == 2 ? 3 : 0
                health.failingSince = number == 2 ? 1_777_732_330_000 : nil
                health.lastFailureAt = number < 3 ? Int64(number) : nil
                state.health["wh_\(number)"] = health
            }
        }
        return administration
    }

    @Test func sorted() async throws {
        try await APIHarness.run(try await administration()) { api in
            func ids(_ query: String) async throws -> [String?] {
                let answer = try await api.call("GET", "/api/v1/webhooks?\(query)")
                #expect(answer.status == 200, "\(query)")
                #expect(try answer.json["nextCursor"] == .null)
                return try answer.json["data"]?.arrayValue?.map { $0["id"]?.stringValue } ?? []
            }
            #expect(try await ids("sort=backlog") == ["wh_5", "wh_4", "wh_3", "wh_2", "wh_1"])
            #expect(try await ids("sort=backlog&offset=1&limit=2") == ["wh_4", "wh_3"])
            #expect(try await ids("sort=backlog&offset=5") == [])
            #expect(try await ids("sort=backlog&tenantId=acme&limit=1") == ["wh_4"])
            #expect(try await ids("sort=failures&limit=2") == ["wh_2", "wh_5"])
            #expect(try await ids("sort=lastFailure") == ["wh_2", "wh_1"])
            #expect(try await ids("sort=name").count == 5)
            #expect(try await ids("sort=created&limit=2") == ["wh_1", "wh_2"])
            #expect(try await ids("offset=3") == ["wh_4", "wh_5"])
            // A cursor of a list in the order of creation narrows to what comes after it.
            #expect(try await ids("sort=backlog&cursor=c3") == ["wh_5", "wh_4"])
            let failing = try await api.call("GET", "/api/v1/webhooks/wh_2").json["health"]
            #expect(failing?["failingSince"] == "2026-05-02T14:32:10.000Z")
        }
    }

    @Test(arguments: [
        ("sort=size", ["sort"]), ("sort=", ["sort"]), ("offset=x", ["offset"]), ("sort=rate&offset=-1", ["offset"]),
        ("sort=rate&offset=1000001", ["offset"]), ("sort=rate&cursor=1", ["cursor"]),
        ("sort=size&offset=x&limit=0", ["limit", "offset", "sort"]),
    ])
    func wrong(query: String, fields: [String]) async throws {
        try await APIHarness.run(MemoryAdministration()) { api in
            let answer = try await api.call("GET", "/api/v1/webhooks?\(query)")
            #expect(answer.status == 422)
            #expect(try answer.json["errors"]?.arrayValue?.map { $0["field"]?.stringValue } == fields)
        }
    }

    @Test func problemsAreInTheStatus() async throws {
        let administration = MemoryAdministration()
        administration.edit { state in
            (state.status.isReady, state.status.isPaused) = (true, true)
            (state.status.now, state.status.pausedSince) = (1_777_732_390_000, 1_777_732_330_000)
        }
        try await APIHarness.run(administration) { api in
            let status = try await api.call("GET", "/api/v1/status").json
            #expect(
                status["problems"] == [
                    [
                        "kind": "paused", "message": "All deliveries are paused.",
                        "since": "2026-05-02T14:32:10.000Z", "purpose": "let them go on",
                        "command": "hookline resume",
                    ]
                ])
        }
    }
}
