import RelayCore
import Testing

@testable import AdminAPI

@Suite struct PauseRoutesTests {
    @Test func pauseAndResume() async throws {
        try await APIHarness.run(MemoryAdministration()) { api in
            #expect(try await api.call("GET", "/api/v1/status").json["isPaused"] == false)
            for isPaused in [true, true, false, false] {
                let answer = try await api.call("POST", isPaused ? "/api/v1/pause" : "/api/v1/resume")
                #expect(answer.status == 200)
                #expect(try answer.json == ["isPaused": .bool(isPaused)])
                #expect(try await api.call("GET", "/api/v1/status").json["isPaused"] == .bool(isPaused))
            }
            #expect(try await api.call("GET", "/api/v1/pause").status == 405)
            #expect(try await api.call("POST", "/api/v1/pause?tenantId=acme").status == 422)
        }
    }

    @Test func whatCouldNotBeStoredIsNoPause() async throws {
        let administration = MemoryAdministration()
        administration.edit { $0.failure = .storage("the disk is full") }
        try await APIHarness.run(administration) { api in
            let refused = try await api.call("POST", "/api/v1/pause")
            #expect(refused.status == 503)
            #expect(try await api.call("GET", "/api/v1/status").json["isPaused"] == false)
        }
    }

    @Test func orderAndRateAreShown() async throws {
        try await APIHarness.run(MemoryAdministration()) { api in
            let created = try await api.call(
                "POST", "/api/v1/webhooks",
                [
                    "url": "https://hooks.example/", "events": ["*"], "tenantId": "acme",
                    "ordering": ["key": "/data/a"], "rateLimit": ["perSecond": .number(2.5)],
                ])
            #expect(created.status == 201)
            let json = try created.json
            #expect(json["ordering"] == ["key": "/data/a"])
            #expect(json["rateLimit"] == ["perSecond": .number(2.5), "burst": 3])
            let id = try #require(json["id"]?.stringValue)
            let changed = try await api.call(
                "PATCH", "/api/v1/webhooks/\(id)", ["ordering": "webhook", "rateLimit": ["perSecond": 10, "burst": 1]])
            #expect(try changed.json["ordering"] == "webhook")
            #expect(try changed.json["rateLimit"] == ["perSecond": 10, "burst": 1])
            let cleared = try await api.call("PATCH", "/api/v1/webhooks/\(id)", ["ordering": nil, "rateLimit": nil])
            #expect(try cleared.json["ordering"] == "none")
            #expect(try cleared.json["rateLimit"] == .null)
        }
    }
}
