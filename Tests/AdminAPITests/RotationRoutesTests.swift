import RelayCore
import Testing

@testable import AdminAPI

@Suite struct RotationRoutesTests {
    private static let path = "/api/v1/webhooks/wh_1/rotate-secret"
    private static let old = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    private static func secret(_ bytes: Int) -> String { "whsec_" + Base64.encode([UInt8](repeating: 9, count: bytes)) }

    private static func run(_ body: @Sendable (APIHarness) async throws -> Void) async throws {
        try await APIHarness.run { api in
            let created = try await api.call(
                "POST", "/api/v1/webhooks",
                ["url": "https://hooks.example/", "events": ["*"], "tenantId": "acme", "secret": .string(old)])
            #expect(created.status == 201)
            #expect(try created.json["previousSecretExpiresAt"] == .null)
            try await body(api)
        }
    }

    @Test func aNewOneIsMadeForADay() async throws {
        try await Self.run { api in
            let answer = try await api.call("POST", Self.path)
            #expect(answer.status == 200)
            let json = try answer.json
            let secret = try #require(json["secret"]?.stringValue)
            #expect(WebhookSecret(secret)?.standardKey.count == 32 && secret != Self.old)
            #expect(json["id"] == "wh_1" && json["tenantId"] == "acme")
            // 24 hours after the harness's time.
            #expect(json["previousSecretExpiresAt"] == "2026-05-03T14:32:10.000Z")
            for path in ["/api/v1/webhooks/wh_1", "/api/v1/webhooks"] {
                let shown = try await api.call("GET", path)
                #expect(!shown.body.contains("whsec_"))
                #expect(shown.body.contains("\"previousSecretExpiresAt\":\"2026-05-03T14:32:10.000Z\""))
            }
        }
    }

    @Test(arguments: [("{}", 86_400), ("{\"graceSeconds\":null,\"secret\":null}", 86_400), ("{\"graceSeconds\":1}", 1)])
    func fields(text: String, seconds: Int64) async throws {
        try await Self.run { api in
            let answer = try await api.call("POST", Self.path, .object(try Self.object(text)))
            #expect(answer.status == 200)
            let rotated = api.administration.edit { $0.table.webhook(id: "wh_1") }
            #expect(rotated?.previousSecret.map { $0.expiresAt - $0.rotatedAt } == seconds * 1000)
            #expect(rotated?.previousSecret?.secret == Self.old)
        }
    }

    private static func object(_ text: String) throws -> JSONObject {
        try #require(try JSONParser.parse(Array(text.utf8)).objectValue)
    }

    @Test(arguments: [24, 64]) func oneOfOnesOwn(bytes: Int) async throws {
        try await Self.run { api in
            let own = Self.secret(bytes)
            let answer = try await api.call("POST", Self.path, ["secret": .string(own), "graceSeconds": 0])
            #expect(answer.status == 200)
            #expect(try answer.json["secret"] == .string(own))
            #expect(try answer.json["previousSecretExpiresAt"] == .null)
            let longest = try await api.call("POST", Self.path, ["graceSeconds": 2_592_000])
            #expect(longest.status == 200)
        }
    }

    @Test func everyBadFieldIsNamed() async throws {
        try await Self.run { api in
            let cases: [(JSONValue, [String])] = [
                (["graceSeconds": -1], ["graceSeconds"]), (["graceSeconds": 2_592_001], ["graceSeconds"]),
                (["graceSeconds": .number(1.5)], ["graceSeconds"]), (["graceSeconds": "1d"], ["graceSeconds"]),
                (["secret": 7], ["secret"]), (["secret": "whsec_"], ["secret"]), (["secret": "AAECAwQF"], ["secret"]),
                (["secret": .string(Self.secret(23))], ["secret"]), (["secret": .string(Self.secret(65))], ["secret"]),
                // Without its padding.
                (["secret": .string(String(Self.secret(32).dropLast()))], ["secret"]),
                (["secret": 7, "graceSeconds": -1, "grace": 1], ["graceSeconds", "secret", "grace"]),
                ([], [""]),
            ]
            for (body, fields) in cases {
                let answer = try await api.call("POST", Self.path, body)
                #expect(answer.status == 422, "\(body)")
                #expect(try answer.fields == fields, "\(body)")
                #expect(!answer.body.contains("whsec_AAEC"))
            }
            let secret = api.administration.edit { $0.table.webhook(id: "wh_1")?.secret }
            #expect(secret == Self.old)
        }
    }

    @Test func theSecretThatItHasIsNoRotation() async throws {
        try await Self.run { api in
            let answer = try await api.call("POST", Self.path, ["secret": .string(Self.old), "graceSeconds": 60])
            #expect(answer.status == 409)
            #expect(!answer.body.contains(Self.old))
            #expect(api.administration.edit { $0.table.webhook(id: "wh_1")?.previousSecret } == nil)
        }
    }

    @Test func onlyAWebhookThatIsThere() async throws {
        try await Self.run { api in
            let cases: [(String, String, JSONValue?, Int)] = [
                ("POST", "/api/v1/webhooks/wh_2/rotate-secret", nil, 404),
                ("POST", Self.path + "?tenantId=other", nil, 404),
                // Also one whose body is wrong is not there for others.
                ("POST", Self.path + "?tenantId=other", ["secret": 1], 404),
                ("POST", Self.path + "?tenantId=acme", nil, 200), ("POST", Self.path + "?tenant=acme", nil, 422),
                ("GET", Self.path, nil, 405),
            ]
            for (method, path, body, status) in cases {
                let answer = try await api.call(method, path, body)
                #expect(answer.status == status, "\(method) \(path)")
            }
        }
    }

    @Test func whatCouldNotBeStoredIsNoRotation() async throws {
        try await Self.run { api in
            api.administration.edit { $0.failure = .storage("the disk is full") }
            let answer = try await api.call("POST", Self.path)
            #expect(answer.status == 503)
            let secret = api.administration.edit { $0.table.webhook(id: "wh_1")?.secret }
            #expect(secret == Self.old)
        }
    }
}
