import RelayCore
import Synchronization
import Testing

@testable import AdminAPI

/// Answers in memory, told apart by their texts.
final class MemoryAnswers: AnswerStore {
    private let memory = Mutex(AnswerMemory())

    private static func id(_ request: IdempotentRequest) -> String {
        "\(request.credential) \(request.route) \(request.key)"
    }

    private static func contents(_ request: IdempotentRequest) -> String {
        String(decoding: request.contents, as: UTF8.self)
    }

    func begin(_ request: IdempotentRequest) async -> IdempotencyVerdict {
        memory.withLock { $0.begin(id: Self.id(request), contents: Self.contents(request), now: 1) }
    }

    func finish(_ request: IdempotentRequest, _ answer: KeptAnswer?, holdsKey: Bool) async {
        memory.withLock { memory in
            guard let answer else { return memory.abandon(id: Self.id(request)) }
            memory.insert(
                AnswerMemory.Entry(
                    id: Self.id(request), caller: request.credential, contents: Self.contents(request), at: 1,
                    answer: answer))
        }
    }
}

@Suite struct IdempotencyTests {
    private static func header(_ key: String) -> [(String, String)] { [("Idempotency-Key", key)] }

    @Test func aCreateIsDoneOnceAndAnsweredTwice() async throws {
        try await APIHarness.run { api in
            let body = WebhookRoutesTests.body(tenant: "acme")
            func create(_ key: String) async throws -> Answer {
                try await api.call("POST", "/api/v1/webhooks", body, headers: Self.header(key))
            }
            let first = try await create("k1")
            let second = try await create("k1")
            #expect(first.status == 201 && second.status == 201)
            #expect(first.body == second.body)
            #expect(try first.json["secret"]?.stringValue?.hasPrefix("whsec_") == true)
            #expect(first.headers["location"] == second.headers["location"])
            #expect(first.headers["content-type"] == second.headers["content-type"])
            #expect(first.headers["idempotency-replayed"] == nil && second.headers["idempotency-replayed"] == "true")
            #expect(api.administration.edit { $0.table.count } == 1)
            #expect(try await create("k2").json["id"] != first.json["id"])
        }
    }

    @Test func anotherBodyOrQuery() async throws {
        try await APIHarness.run { api in
            let path = "/api/v1/webhooks"
            _ = try await api.call("POST", path, WebhookRoutesTests.body(tenant: "acme"), headers: Self.header("k"))
            let other = try await api.call(
                "POST", path, WebhookRoutesTests.body(tenant: "umbra"), headers: Self.header("k"))
            #expect(other.status == 422)
            #expect(try other.fields == ["Idempotency-Key"])
            // Another route has keys of its own.
            #expect(try await api.call("POST", "/api/v1/pause", headers: Self.header("k")).status == 200)
            let narrowed = try await api.call("POST", "/api/v1/pause?x=1", headers: Self.header("k"))
            #expect(narrowed.status == 422)
            #expect(try narrowed.fields == ["Idempotency-Key"])
            #expect(api.administration.edit { $0.table.count } == 1)
        }
    }

    @Test func oneThatIsNotDoneYet() async throws {
        try await APIHarness.run { api in
            let body = WebhookRoutesTests.body(tenant: "acme")
            // As another connection would have begun it.
            let first = IdempotentRequest(
                credential: "api.sock", route: "POST /api/v1/webhooks", key: "k",
                contents: [0] + JSONWriter.compact(body))
            #expect(await api.answers.begin(first) == .new)
            func create(_ body: JSONValue) async throws -> Answer {
                try await api.call("POST", "/api/v1/webhooks", body, headers: Self.header("k"))
            }
            let second = try await create(body)
            #expect(second.status == 409)
            #expect(second.headers["retry-after"] == "1")
            let different = try await create(WebhookRoutesTests.body(tenant: "umbra"))
            #expect(different.status == 422)
            #expect(api.administration.edit { $0.begun } == 0)
            await api.answers.finish(first, nil, holdsKey: false)
            let third = try await create(body)
            #expect(third.status == 201)
        }
    }

    @Test func failuresOfTheDaemonAreTriedAgain() async throws {
        try await APIHarness.run { api in
            let body = WebhookRoutesTests.body(tenant: "acme")
            api.administration.edit { $0.failure = .storage("disk full") }
            let failed = try await api.call("POST", "/api/v1/webhooks", body, headers: Self.header("k"))
            #expect(failed.status == 503)
            api.administration.edit { $0.failure = nil }
            let done = try await api.call("POST", "/api/v1/webhooks", body, headers: Self.header("k"))
            #expect(done.status == 201)
            // A refusal stays one.
            let invalid = try await api.call("POST", "/api/v1/webhooks", [:], headers: Self.header("bad"))
            let again = try await api.call("POST", "/api/v1/webhooks", [:], headers: Self.header("bad"))
            #expect(invalid.status == 422 && again.body == invalid.body)
            #expect(again.headers["content-type"] == "application/problem+json")
        }
    }

    @Test func callersHaveKeysOfTheirOwn() async throws {
        try await APIHarness.run { api in
            let acme = try await api.administration.createKey(APIKeyDraft(tenant: "acme")).text
            let umbra = try await api.administration.createKey(APIKeyDraft(tenant: "umbra")).text
            let body: JSONValue = ["url": "https://a.example/", "events": ["*"]]
            var seen: [JSONValue?] = []
            for key in [acme, umbra] {
                let answer = try await api.call(
                    "POST", "/api/v1/webhooks", body, key: key, headers: Self.header("k"))
                #expect(answer.status == 201)
                seen.append(try answer.json["tenantId"])
            }
            #expect(seen == ["acme", "umbra"])
        }
    }

    @Test func keysThatAreNone() async throws {
        try await APIHarness.run { api in
            let body = WebhookRoutesTests.body(tenant: "acme")
            for headers in [
                Self.header(""), Self.header("a b"), Self.header(String(repeating: "k", count: 256)),
                Self.header("a") + Self.header("b"),
            ] {
                #expect(try await api.call("POST", "/api/v1/webhooks", body, headers: headers).status == 400)
            }
            let longest = Self.header(String(repeating: "k", count: 255))
            #expect(try await api.call("POST", "/api/v1/webhooks", body, headers: longest).status == 201)
            // Only POST needs it.
            #expect(try await api.call("GET", "/api/v1/webhooks", headers: Self.header("a b")).status == 200)
            let large = JSONValue.string(String(repeating: "x", count: Limits.apiBodyBytes))
            let tooLarge = try await api.call("POST", "/api/v1/webhooks", large, headers: Self.header("l"))
            #expect(tooLarge.status == 413)
        }
    }
}
