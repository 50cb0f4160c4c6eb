import RelayCore
import Testing

@testable import AdminAPI

@Suite struct APIKeyRoutesTests {
    @Test func aTenantsKeyIsShownOnce() async throws {
        try await APIHarness.run { api in
            let made = try await api.call(
                "POST", "/api/v1/api-keys", ["tenantId": "acme", "description": "the shop's"])
            #expect(made.status == 201)
            let id = try #require(try made.json["id"]?.stringValue)
            #expect(made.headers["location"] == "/api/v1/api-keys/\(id)")
            #expect(try made.json["key"]?.stringValue?.hasPrefix("hlk_") == true)
            #expect(try made.json["tenantId"] == "acme")
            #expect(try made.json["admin"] == false)
            let listed = try await api.call("GET", "/api/v1/api-keys")
            #expect(!listed.body.contains("hlk_"))
            let entry = try #require(try listed.json["data"]?.arrayValue?.first)
            #expect(entry["id"]?.stringValue == id)
            #expect(entry["description"] == "the shop's")
            #expect(entry.objectValue?.names == ["id", "tenantId", "admin", "description", "createdAt"])
            #expect(try await api.call("DELETE", "/api/v1/api-keys/\(id)").status == 204)
            let again = try await api.call("DELETE", "/api/v1/api-keys/\(id)")
            #expect(again.status == 404)
            #expect(try again.json["detail"] == "There is no such key.")
        }
    }

    @Test func pages() async throws {
        try await APIHarness.run { api in
            for index in 0..<5 {
                _ = try await api.administration.createKey(APIKeyDraft(tenant: index == 2 ? nil : "t\(index)"))
            }
            var seen: [JSONValue] = []
            var path = "/api/v1/api-keys?limit=2"
            while true {
                let page = try await api.call("GET", path).json
                seen += page["data"]?.arrayValue?.compactMap { $0["tenantId"] } ?? []
                guard let cursor = page["nextCursor"]?.stringValue else { break }
                path = "/api/v1/api-keys?limit=2&cursor=\(cursor)"
            }
            #expect(seen == ["t0", "t1", .null, "t3", "t4"])
        }
    }

    static let faults: [(JSONValue, [String])] = [
        ([:], ["tenantId"]), (["admin": false], ["tenantId"]), (["tenantId": nil, "admin": nil], ["tenantId"]),
        (["tenantId": "acme", "admin": true], ["tenantId"]), (["tenantId": 7], ["tenantId"]),
        (["tenantId": "a b"], ["tenantId"]), (["admin": "yes", "tenantId": "acme"], ["admin"]),
        (["tenantId": "acme", "description": 1, "scope": "all"], ["description", "scope"]),
        (["admin": true, "description": .string(String(repeating: "x", count: 1025))], ["description"]),
    ]

    @Test(arguments: faults)
    func everyFaultIsNamed(body: JSONValue, fields: [String]) async throws {
        try await APIHarness.run { api in
            let answer = try await api.call("POST", "/api/v1/api-keys", body)
            #expect(answer.status == 422)
            #expect(try answer.fields == fields)
        }
    }

    @Test func textsOfKeys() {
        let (id, secret) = (String(repeating: "7", count: 26), String(repeating: "Z", count: 52))
        #expect(APIKeyText.id(of: "hlk_\(id)_\(secret)") == "key_\(id)")
        for text in [
            "", "hlk_", "hlk_\(id)", "hlk_\(id)_", "hlk_\(id)_\(secret)Z", "hlk_\(id)7_\(secret)",
            "hlk_\(id)__\(secret)",
            "key_\(id)_\(secret)", "hlk_\(id)_\(secret.dropLast())é", "hlk_\(id.dropLast()) _\(secret)",
        ] { #expect(APIKeyText.id(of: text) == nil, "\(text)") }
    }
}
