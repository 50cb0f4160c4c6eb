import RelayCore
import Testing

@testable import AdminAPI

/// Who is let in, through which door.
@Suite struct DoorTests {
    private static func keys(_ api: APIHarness) async throws -> (admin: String, tenant: String) {
        (
            try await api.administration.createKey(APIKeyDraft(tenant: nil)).text,
            try await api.administration.createKey(APIKeyDraft(tenant: "acme")).text
        )
    }

    @Test func overTCPAKeyIsNeeded() async throws {
        try await APIHarness.run(door: .tcp) { api in
            let keys = try await Self.keys(api)
            for path in ["/api/v1/status", "/api/v1/webhooks", "/api/v1/nothing", "/"] {
                let answer = try await api.call("GET", path)
                #expect(answer.status == 401)
                #expect(answer.headers["content-type"] == "application/problem+json")
                #expect(answer.headers["www-authenticate"] == "Bearer realm=\"hookline\"")
            }
            #expect(try await api.call("GET", "/api/v1/status", key: keys.admin).status == 200)
            #expect(try await api.call("GET", "/api/v1/webhooks", key: keys.tenant).status == 200)
        }
    }

    @Test(arguments: [Door.socket, .tcp])
    func wrongKeys(door: Door) async throws {
        try await APIHarness.run(door: door) { api in
            let keys = try await Self.keys(api)
            let changed = keys.admin.dropLast() + "0"
            for key in [String(changed), "hlk_x", keys.admin.lowercased(), keys.admin + " x", ""] {
                let answer = try await api.call("GET", "/api/v1/status", key: key)
                #expect(answer.status == 401, "\(key)")
                #expect(answer.headers["www-authenticate"]?.contains("invalid_token") == true)
            }
            let twice = try await api.call(
                "GET", "/api/v1/status", key: keys.admin, headers: [("Authorization", "Bearer \(keys.admin)")])
            #expect(twice.status == 401)
            let id = try #require(APIKeyText.id(of: keys.admin))
            try await api.administration.removeKey(id: id)
            #expect(try await api.call("GET", "/api/v1/status", key: keys.admin).status == 401)
        }
    }

    @Test func onTheSocketNoKeyIsNeededAndOneCounts() async throws {
        try await APIHarness.run { api in
            let keys = try await Self.keys(api)
            #expect(try await api.call("GET", "/api/v1/status").status == 200)
            #expect(try await api.call("GET", "/api/v1/status", key: keys.admin).status == 200)
            #expect(try await api.call("GET", "/api/v1/status", key: keys.tenant).status == 404)
            // What a proxy in front of it has asked for and passes on.
            let basic = [("Authorization", "Basic YWxpY2U6c2VjcmV0")]
            #expect(try await api.call("GET", "/api/v1/status", headers: basic).status == 200)
            let named = try await api.call(
                "GET", "/api/v1/status", host: "hooks.example", headers: [("Origin", "https://hooks.example")])
            #expect(named.status == 200)
        }
    }

    @Test func schemesOverTCP() async throws {
        try await APIHarness.run(door: .tcp) { api in
            let keys = try await Self.keys(api)
            for (scheme, status) in [
                ("Bearer", 200), ("bearer", 200), ("BEARER ", 200), ("Basic", 401), ("Token", 401), ("", 401),
            ] {
                let header = [("Authorization", "\(scheme) \(keys.admin)")]
                #expect(try await api.call("GET", "/api/v1/status", headers: header).status == status, "\(scheme)")
            }
        }
    }

    @Test func probesNeedNoKey() async throws {
        try await APIHarness.run(door: .tcp) { api in
            api.administration.edit { $0.status.isReady = true }
            for path in ["/healthz", "/readyz", "/metrics"] {
                #expect(try await api.call("GET", path).status == 200)
                #expect(try await api.call("GET", path, key: "hlk_wrong").status == 200)
                #expect(try await api.call("GET", path, host: "hooks.example").status == 403)
            }
            let other = try await api.call("POST", "/healthz")
            #expect(other.status == 405)
        }
    }

    // MARK: Web pages

    static let hosts: [(String?, Bool)] = [
        ("localhost", true), ("localhost:8480", true), ("LOCALHOST:1", true), ("127.0.0.1", true),
        ("127.0.0.1:8480", true), ("127.8.9.1:8480", true), ("[::1]", true), ("[::1]:8480", true),
        ("[0:0:0:0:0:0:0:1]:1", true), ("hooks.example", false), ("hooks.example:8480", false),
        ("localhost.hooks.example", false), ("127.0.0.1.hooks.example", false), ("192.168.1.1", false),
        ("0.0.0.0:8480", false), ("::1", false), ("[::1", false), ("[::1]x", false), ("[127.0.0.1]", false),
        ("localhost:", false), ("localhost:x", false), ("localhost:8480:1", false), ("user@localhost", false),
        ("", false), (nil, false),
    ]

    @Test(arguments: hosts)
    func namesOfThisHost(host: String?, isOwn: Bool) async throws {
        try await APIHarness.run(door: .tcp) { api in
            let key = try await Self.keys(api).admin
            let answer = try await api.call("GET", "/api/v1/status", key: key, host: host)
            // Without a Host HTTP/1.1 has no request (RFC 9112 section 3.2); that may be said earlier.
            #expect(isOwn ? answer.status == 200 : answer.status == 403 || (host ?? "").isEmpty && answer.status == 400)
        }
    }

    @Test(arguments: ["https://hooks.example", "http://localhost:8480", "null", ""])
    func webPages(origin: String) async throws {
        try await APIHarness.run(door: .tcp) { api in
            let key = try await Self.keys(api).admin
            for method in ["GET", "POST", "OPTIONS"] {
                let answer = try await api.call(
                    method, "/api/v1/status", key: key, headers: [("Origin", origin)])
                #expect(answer.status == 403)
                #expect(answer.headers["access-control-allow-origin"] == nil)
            }
        }
    }
}
