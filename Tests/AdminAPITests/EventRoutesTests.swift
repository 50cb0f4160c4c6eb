import RelayCore
import Testing

@testable import AdminAPI

@Suite struct EventRoutesTests {
    private func administration() -> MemoryAdministration {
        let administration = MemoryAdministration()
        administration.edit { state in
            state.events = ["order-17": ["acme"], "both": ["acme", "bolt"]]
        }
        return administration
    }

    @Test func anErasureIsATask() async throws {
        try await APIHarness.run(administration()) { api in
            let answer = try await api.call("DELETE", "/api/v1/events/order-17")
            #expect(answer.status == 202)
            #expect(answer.headers["location"] == "/api/v1/tasks/1")
            let json = try answer.json
            #expect(json["task"] == 1)
            #expect(json["status"] == "pending")
            #expect(json["kind"] == "erase_event")
            #expect(json["tenantId"] == "acme")
            #expect(json["eventId"] == "order-17")
            #expect(json["location"] == "/api/v1/tasks/1")
            #expect(try await api.call("GET", "/api/v1/tasks/1").json["status"] == "pending")
            api.administration.edit { state in
                state.tasks[0].isDone = true
                state.tasks[0].count = 1
            }
            let done = try await api.call("GET", "/api/v1/tasks/1").json
            #expect(done["status"] == "done")
            #expect(done["count"] == 1)
        }
    }

    @Test func aTenantsEvents() async throws {
        try await APIHarness.run(administration()) { api in
            let answer = try await api.call("DELETE", "/api/v1/tenants/bolt/events")
            #expect(answer.status == 202)
            #expect(try answer.json["kind"] == "erase_tenant")
            #expect(try await api.call("DELETE", "/api/v1/tenants/b%20lt/events").fields == ["tenantId"])
            let list = try await api.call("GET", "/api/v1/tasks").json
            #expect(list["data"]?.arrayValue?.count == 1)
            #expect(list["nextCursor"] == .null)
        }
    }

    @Test func severalTenantsHaveTheID() async throws {
        try await APIHarness.run(administration()) { api in
            let answer = try await api.call("DELETE", "/api/v1/events/both")
            #expect(answer.status == 409)
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(try answer.json["tenants"] == ["acme", "bolt"])
            #expect(try await api.call("DELETE", "/api/v1/events/both?tenantId=bolt").status == 202)
        }
    }

    @Test(arguments: [
        ("DELETE", "/api/v1/events/nothing", 404), ("DELETE", "/api/v1/events/order-17?tenantId=bolt", 404),
        ("DELETE", "/api/v1/events/order-17?tenantId=b.b", 422), ("DELETE", "/api/v1/events/order-17?tenant=acme", 422),
        ("GET", "/api/v1/tasks/1", 404), ("GET", "/api/v1/tasks/0", 404), ("GET", "/api/v1/tasks/x", 404),
        ("POST", "/api/v1/tasks", 405),
    ])
    func whatIsRefused(_ method: String, _ path: String, _ status: Int) async throws {
        try await APIHarness.run(administration()) { api in
            let answer = try await api.call(method, path)
            #expect(answer.status == status)
        }
    }

    @Test func aTaskThatIsForgottenIsDone() async throws {
        let administration = administration()
        administration.edit { $0.forgottenTasks = 4 }
        try await APIHarness.run(administration) { api in
            let json = try await api.call("GET", "/api/v1/tasks/4").json
            #expect(json == ["task": 4, "status": "done"])
            #expect(try await api.call("GET", "/api/v1/tasks/5").status == 404)
        }
    }

    @Test func whatCannotBeSavedIsNotBegun() async throws {
        let administration = administration()
        administration.edit { $0.failure = .storage("pwritev: No space left on device") }
        try await APIHarness.run(administration) { api in
            let answer = try await api.call("DELETE", "/api/v1/events/order-17")
            #expect(answer.status == 503)
        }
    }
}
