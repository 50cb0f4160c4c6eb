import RelayCore
import Testing

@testable import AdminAPI

/// What the document says is what the routes and the checks of fields do. (That each answer of a route's test has a
/// documented status is checked for all of them, by ``APIHarness``.)
@Suite struct OpenAPITests {
    private let routes = APIResponder.routes(MemoryAdministration(), version: "1.2.3").list

    private func document(extra: [String] = []) -> JSONValue {
        OpenAPIDocument.json(of: routes, rules: .forTests(extra: extra), version: "1.2.3")
    }

    @Test func everyRouteIsDescribed() {
        let described = document()["paths"]?.objectValue?.members.flatMap { path in
            path.value.objectValue?.names.map { "\($0.uppercased()) \(path.name)" } ?? []
        }
        #expect(Set(Operations.all.keys) == Set(described ?? []))
        #expect(Set(described ?? []) == Set(routes.map { "\($0.method) \($0.path)" }))
    }

    @Test func itIsServed() async throws {
        try await APIHarness.run { api in
            let answer = try await api.call("GET", "/api/v1/openapi.json")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            let json = try answer.json
            #expect(json["openapi"] == "3.1.0")
            #expect(json["info"]?["version"] == "1.2.3")
            #expect(json["paths"]?["/api/v1/openapi.json"]?["get"] != nil)
            #expect(try await api.call("GET", "/api/v1/openapi.json?pretty=1").status == 422)
        }
    }

    @Test func operationsHaveNamesOfTheirOwn() {
        let names = Operations.all.values.map(\.id)
        #expect(Set(names).count == names.count)
    }

    @Test func whatIsReferredToIsThere() {
        let document = document()
        for reference in OpenAPIDocument.references(in: document) {
            let parts = reference.split(separator: "/").dropFirst().map(String.init)
            let target = parts.reduce(Optional(document)) { $0?[$1] }
            #expect(target != nil, "\(reference)")
        }
    }

    @Test func nothingElseIsThere() {
        let document = document()
        let used = Set(OpenAPIDocument.references(in: document))
        for kind in ["schemas", "responses"] {
            let names = document["components"]?[kind]?.objectValue?.names ?? []
            #expect(!names.isEmpty)
            for name in names { #expect(used.contains("#/components/\(kind)/\(name)")) }
        }
    }

    @Test func keysAreAskedForWhereTheyAreNeeded() {
        let document = document()
        #expect(document["security"] == [[:], ["bearer": []]])
        #expect(document["components"]?["securitySchemes"]?["bearer"] != nil)
        let pause = document["paths"]?["/api/v1/pause"]?["post"]
        #expect(pause?["parameters"]?.arrayValue?.first?["name"] == "Idempotency-Key")
        #expect(pause?["responses"]?["200"]?["headers"]?["Idempotency-Replayed"] != nil)
        #expect(pause?["responses"]?["401"] != nil)
        let probe = document["paths"]?["/healthz"]?["get"]
        #expect(probe?["security"] == [])
        #expect(probe?["responses"]?["401"] == nil)
        #expect(probe?["responses"]?["403"] != nil)
    }

    @Test func parametersInPathsAreDescribed() {
        for (method, path) in routes {
            let named = path.split(separator: "/").filter { $0.first == "{" }.map { String($0.dropFirst().dropLast()) }
            let described = Operations.find(method, path)?.parameters.filter { $0["in"] == "path" }
            #expect(described?.compactMap { $0["name"]?.stringValue } == named, "\(method) \(path)")
        }
    }

    @Test func everyProblemHasAMeaning() {
        let known = Set(Problem.meanings.map(\.status))
        for (name, operation) in Operations.all { #expect(known.isSuperset(of: operation.problems), "\(name)") }
    }

    @Test func theHostsEventTypesAreInIt() {
        let patterns = document(extra: ["invoice.paid.late", "ping"])["components"]?["schemas"]?["EventPattern"]?[
            "enum"]
        let texts = patterns?.arrayValue?.compactMap(\.stringValue) ?? []
        for text in [
            "job.created", "job.*", "invoice.paid.late", "invoice.*", "invoice.paid.*", "ping", "webhook.*", "*",
        ] {
            #expect(texts.contains(text), "\(text)")
        }
        #expect(!texts.contains("ping.*"))
        #expect(Set(texts).count == texts.count)
    }

    // MARK: Patterns

    private func matches(_ pattern: String, _ text: String) throws -> Bool {
        try Regex(pattern).matchingSemantics(.unicodeScalar).wholeMatch(in: text) != nil
    }

    @Test(arguments: [
        "https://hooks.example.com", "HTTPS://a.b:8443/x?y=1&z[]=%2F", "http://127.0.0.1:8080/", "https://[::1]:1/",
        "https://[2001:db8::1]", "https://[1:2:3:4:5:6:7:8]/", "https://[::ffff:1.2.3.4]/", "https://[::]",
        "https://[1::]", "https://[1:2:3:4:5:6:7::]", "https://[::2:3:4:5:6:7:8]", "https://[1::3:4:5:6:7:8]",
        "https://[1:2:3:4:5:6:1.2.3.4]", "https://example.com.", "https://1.2.3.4./", "https://a_b.example/?",
        "https://0x1.example/", "https://1.example?x", "https://x:65535", "https://x:1",
        // And what is refused.
        "", "https://", "ftp://x/", "https://x:0", "https://x:65536", "https://x:08", "https://x:", "https://a@b/",
        "https://x/#y", "https://x/ y", "https://x/%", "https://x/%4", "https://x/%zz", "https://x/\\", "https://x/é",
        "https://é.example", "https://1", "https://0x", "https://0xaf.", "https://a.1", "https://1.2.3",
        "https://01.2.3.4",
        "https://1.2.3.256", "https://-a.b", "https://a-.b", "https://a..b", "https://.a", "https://a.b..",
        "https://[::1",
        "https://[1:2:3:4:5:6:7]", "https://[1:2:3:4:5:6:7:8:9]", "https://[1::2::3]", "https://[:::]",
        "https://[12345::]",
        "https://[1:2:3:4:5:6:7:8::]", "https://[::1:2:3:4:5:6:7:8]", "https://[1.2.3.4]", "https://[fe80::1%25eth0]",
        "https://x/<", "https://x/\"", "https://x/{", "https:/x", "https://x\n", "https://[::1]x",
        "https://[1:2:3:4:5:6:7:1.2.3.4]", "https://[::1.2.3]",
    ])
    func urls(_ text: String) throws {
        #expect(try matches(Patterns.url, text) == ((try? WebhookURL(text)) != nil))
    }

    @Test(arguments: [63, 64]) func labels(_ length: Int) throws {
        let text = "https://\(String(repeating: "a", count: length)).example/"
        #expect(try matches(Patterns.url, text) == (length == 63))
        #expect(((try? WebhookURL(text)) != nil) == (length == 63))
    }

    @Test(arguments: [
        "1ms", "0ms", "00", "1", "", "s", "5s", "007m", "0s", "1.5s", "-1s", "+1s", "3650d", "3651d", "36500d", "9999d",
        "315360000000ms", "315360000001ms", "315360000s", "315360001s", "5256000m", "5256001m", "87600h", "87601h",
        "99999999999999999999d", "0003650d", "1 s", "1S", "1w", "999d", "1000d", "3649d", "2999d", "3599d", "3600d",
    ])
    func durations(_ text: String) throws {
        let duration = DurationText.parse(text)
        let isTaken = duration.map {
            $0 >= .milliseconds(1) && $0 <= .seconds(WebhookFields.ageSeconds.upperBound)
        }
        #expect(try matches(Patterns.duration, text) == isTaken ?? false)
    }

    @Test func secretsOfEachLength() throws {
        for count in 0...80 {
            let text = WebhookSecret(randomBytes: (0..<count).map { UInt8($0 * 37 & 255) }).text
            #expect(try matches(Patterns.secret, text) == WebhookFields.secretBytes.contains(count), "\(count)")
        }
        let text = WebhookSecret(randomBytes: [UInt8](repeating: 255, count: 25)).text
        for wrong in [
            String(text.dropLast()), text + "=", String(text.dropFirst()), text + "\n",
            text.replacing("w==", with: "x=="), text.replacing("/", with: "_"),
        ] {
            #expect(WebhookSecret(wrong) == nil)
            #expect(try !matches(Patterns.secret, wrong), "\(wrong)")
        }
    }

    @Test(arguments: [
        "/data", "/data/a/b", "/data/", "/data//x", "/event", "/tenantId", "/timestamp", "/event/x", "/other", "data",
        "",
        "/", "/data/~0~1", "/data/~", "/data/~2", "/data/é", "/datax", "/data/a\nb",
    ])
    func pointers(_ text: String) throws {
        #expect(try matches(Patterns.pointer, text) == ((try? JSONPointer(text)) != nil))
    }

    @Test(arguments: [
        "", "a", "a b", " a", "a ", " ", "\u{a0}", "\u{7f}", "\u{85}", "a\tb", "é", "a\r\nb", " \u{301}", "\u{2028}",
        "a\n",
    ])
    func headerValues(_ text: String) throws {
        let object = JSONObject([
            ("tenantId", "acme"), ("url", "https://hooks.example.com/"), ("events", ["*"]),
            ("headers", ["X-A": .string(text)]),
        ])
        let isTaken = (try? WebhookFields.draft(object, by: .administrator, rules: .forTests())) != nil
        #expect(try matches(Patterns.headerValue, text) == isTaken)
    }

    @Test func identifiers() throws {
        for text in ["a", "", "A-_9", "a.b", "é", String(repeating: "x", count: 64), String(repeating: "x", count: 65)]
        {
            #expect(try matches(Patterns.identifier, text) == Identifier.isValid(text), "\(text)")
        }
    }
}
