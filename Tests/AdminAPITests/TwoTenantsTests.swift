import RelayCore
import Testing

@testable import AdminAPI

/// One tenant's key against another tenant's things, on every route that there is.
@Suite struct TwoTenantsTests {
    /// What stands for a route's parameter.
    enum Thing: Sendable {
        case none, webhook, event, tenant, task
        /// Not for tenants, whatever it is of.
        case administrators
        /// For everybody, and no tenant's.
        case everybody
        /// Without an end: has a test of its own.
        case stream

        /// Of the tenant `umbra`.
        var foreign: String {
            switch self {
            case .webhook: "wh_2"
            case .event: "order-2"
            case .tenant: "umbra"
            case .task: "2"
            case .none, .administrators, .everybody, .stream: "any"
            }
        }

        var missing: String {
            switch self {
            case .webhook: "wh_9"
            case .event: "order-9"
            case .tenant: "nobody"
            case .task: "9"
            case .none, .administrators, .everybody, .stream: "none"
            }
        }
    }

    /// Every route has to be here: what its parameter is, and a body that it takes.
    static let routes: [String: (thing: Thing, body: JSONValue?)] = [
        "POST /api/v1/webhooks": (.none, ["url": "https://a.example/", "events": ["*"]]),
        "GET /api/v1/webhooks": (.none, nil),
        "GET /api/v1/webhooks/{id}": (.webhook, nil),
        "PATCH /api/v1/webhooks/{id}": (.webhook, ["isActive": false]),
        "DELETE /api/v1/webhooks/{id}": (.webhook, nil),
        "GET /api/v1/webhooks/{id}/deliveries": (.webhook, nil),
        "POST /api/v1/webhooks/{id}/replay": (.webhook, [:]),
        "POST /api/v1/webhooks/{id}/test": (.webhook, [:]),
        "POST /api/v1/webhooks/{id}/rotate-secret": (.webhook, [:]),
        "POST /api/v1/events/{id}/replay": (.event, [:]),
        "GET /api/v1/events": (.stream, nil),
        "GET /api/v1/events/{id}": (.event, nil),
        "DELETE /api/v1/events/{id}": (.event, nil),
        "DELETE /api/v1/tenants/{id}/events": (.tenant, nil),
        "GET /api/v1/tasks": (.none, nil),
        "GET /api/v1/tasks/{number}": (.task, nil),
        "GET /api/v1/event-types": (.none, nil),
        "GET /api/v1/status": (.administrators, nil),
        "POST /api/v1/pause": (.administrators, nil),
        "POST /api/v1/resume": (.administrators, nil),
        "POST /api/v1/api-keys": (.administrators, ["admin": true]),
        "GET /api/v1/api-keys": (.administrators, nil),
        "GET /api/v1/api-keys/{id}": (.administrators, nil),
        "DELETE /api/v1/api-keys/{id}": (.administrators, nil),
        "GET /api/v1/openapi.json": (.none, nil),
        "GET /healthz": (.everybody, nil),
        "GET /readyz": (.everybody, nil),
        "GET /metrics": (.everybody, nil),
    ]

    /// Routes that list or make, and take a tenant's name: in the query or, the first one, in the body.
    private static let narrowing = ["GET /api/v1/webhooks", "GET /api/v1/tasks"]

    /// Two tenants with one thing of each kind.
    private static func furnish(_ api: APIHarness) async throws -> String {
        let rules = api.administration.rules()
        for tenant in ["acme", "umbra"] {
            let draft = try WebhookFields.draft(
                JSONObject([
                    ("url", .string("https://\(tenant).example/in")), ("events", ["*"]), ("tenantId", .string(tenant)),
                ]),
                by: .administrator, rules: rules)
            _ = try await api.administration.create(draft)
        }
        api.administration.edit { $0.events = ["order-1": ["acme"], "order-2": ["umbra"]] }
        for tenant in ["acme", "umbra"] { _ = try await api.administration.eraseEvents(ofTenant: tenant) }
        return try await api.administration.createKey(APIKeyDraft(tenant: "acme")).text
    }

    /// What umbra has.
    private struct Belongings: Equatable {
        let webhooks: [Webhook]
        let tasks: [JournalTask]
        let keys: [APIKey]
        let tests: Int
        let replays: Int
        let isPaused: Bool
    }

    private static func belongings(_ api: APIHarness) -> Belongings {
        api.administration.edit {
            Belongings(
                webhooks: $0.table.list(tenant: "umbra"), tasks: $0.tasks.filter { $0.tenant != "acme" },
                keys: $0.table.keyList, tests: $0.tests.count, replays: $0.replays.count, isPaused: $0.status.isPaused)
        }
    }

    @Test(arguments: [Door.socket, .tcp])
    func everyRoute(door: Door) async throws {
        try await APIHarness.run(door: door) { api in
            let key = try await Self.furnish(api)
            let before = Self.belongings(api)
            let all = APIResponder.routes(api.administration, version: "1").routes
            #expect(all.count >= 23)
            for route in all {
                let name = "\(route.method) \(route.path)"
                let (thing, body) = try #require(
                    Self.routes[name], "\(name) is new: say here what a tenant's key may do with it")
                func call(_ parameter: String, _ query: String = "") async throws -> Answer {
                    let path = route.path.split(separator: "/").map { $0.first == "{" ? parameter : String($0) }
                    return try await api.call(
                        "\(route.method)", "/" + path.joined(separator: "/") + query, body, key: key)
                }
                let foreign = try await call(thing.foreign)
                #expect(!foreign.body.contains("umbra") || thing == .tenant, "\(name)")
                switch thing {
                case .everybody, .stream: continue
                case .none: #expect((200...299).contains(foreign.status), "\(name): \(foreign.body)")
                case .administrators:
                    #expect(foreign.status == 404)
                    let path = route.path.replacing("{id}", with: thing.foreign)
                    #expect(try foreign.json["detail"] == .string("There is nothing at \(path)."))
                case .webhook, .event, .tenant, .task:
                    let missing = try await call(thing.missing)
                    #expect(foreign.status == 404, "\(name)")
                    #expect(foreign.body == missing.body, "\(name)")
                    #expect(foreign.headers.filter { $0.key != "date" } == missing.headers.filter { $0.key != "date" })
                }
                // Another tenant's name does not help, nor does one's own.
                if thing == .webhook || thing == .event || Self.narrowing.contains(name) {
                    for tenant in ["umbra", "nobody"] {
                        let named = try await call(thing.foreign, "?tenantId=\(tenant)")
                        #expect(named.status == 404, "\(name)")
                        #expect(!named.body.contains("umbra"))
                    }
                    let own = try await call(thing.foreign, "?tenantId=acme")
                    #expect(own.body == foreign.body)
                }
            }
            #expect(Self.belongings(api) == before)
        }
    }

    @Test func whatIsFollowedIsOnesOwn() async throws {
        try await APIHarness.run { api in
            let key = try await Self.furnish(api)
            api.administration.edit { $0.isFollowingOver = true }
            for (query, status) in [("", 200), ("&tenantId=acme", 200), ("&tenantId=umbra", 404), ("&tenantId=x", 404)]
            {
                let answer = try await api.call("GET", "/api/v1/events?follow=true\(query)", key: key)
                #expect(answer.status == status)
            }
            let follows = api.administration.edit { $0.follows }
            #expect(follows == [FollowChoice(tenant: "acme"), FollowChoice(tenant: "acme")])
        }
    }

    @Test func ownThings() async throws {
        try await APIHarness.run(door: .tcp) { api in
            let key = try await Self.furnish(api)
            let listed = try await api.call("GET", "/api/v1/webhooks", key: key).json
            #expect(listed["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue } == ["wh_1"])
            let tasks = try await api.call("GET", "/api/v1/tasks", key: key).json
            #expect(tasks["data"]?.arrayValue?.compactMap { $0["tenantId"]?.stringValue } == ["acme"])
            for (method, path, status) in [
                ("GET", "/api/v1/webhooks/wh_1", 200), ("GET", "/api/v1/webhooks/wh_1?tenantId=acme", 200),
                ("GET", "/api/v1/tasks/1", 200), ("GET", "/api/v1/webhooks/wh_1/deliveries", 200),
                ("POST", "/api/v1/webhooks/wh_1/replay", 202), ("POST", "/api/v1/webhooks/wh_1/test", 200),
                ("POST", "/api/v1/events/order-1/replay", 202), ("DELETE", "/api/v1/events/order-1", 202),
                ("DELETE", "/api/v1/tenants/acme/events", 202), ("DELETE", "/api/v1/webhooks/wh_1", 204),
            ] {
                #expect(try await api.call(method, path, key: key).status == status, "\(method) \(path)")
            }
        }
    }

    /// That a task with a low number is done would tell how busy the host is.
    @Test func forgottenTasksAreAdministrators() async throws {
        try await APIHarness.run { api in
            let key = try await api.administration.createKey(APIKeyDraft(tenant: "acme")).text
            api.administration.edit { $0.forgottenTasks = 5 }
            #expect(try await api.call("GET", "/api/v1/tasks/3").status == 200)
            #expect(try await api.call("GET", "/api/v1/tasks/3", key: key).status == 404)
        }
    }

    @Test func otherMethodsOfAdministratorsPaths() async throws {
        try await APIHarness.run { api in
            let key = try await api.administration.createKey(APIKeyDraft(tenant: "acme")).text
            let hidden = try await api.call("PUT", "/api/v1/api-keys", key: key)
            #expect(hidden.status == 404)
            #expect(hidden.headers["allow"] == nil)
            let open = try await api.call("PUT", "/api/v1/webhooks", key: key)
            #expect(open.status == 405)
        }
    }

    // MARK: What a tenant makes

    static let create: JSONObject = JSONObject([("url", "https://hooks.example/in"), ("events", ["*"])])

    @Test func theTenantOfACreateIsTheKeys() async throws {
        try await APIHarness.run { api in
            let key = try await api.administration.createKey(APIKeyDraft(tenant: "acme")).text
            func create(_ tenant: JSONValue?) async throws -> Answer {
                var object = Self.create
                if let tenant { object["tenantId"] = tenant }
                return try await api.call("POST", "/api/v1/webhooks", .object(object), key: key)
            }
            for tenant: JSONValue? in [nil, "acme"] {
                let made = try await create(tenant)
                #expect(made.status == 201)
                #expect(try made.json["tenantId"] == "acme")
            }
            #expect(try await create("umbra").status == 404)
            for wrong: JSONValue in [7, "a b", nil] {
                let answer = try await create(wrong)
                #expect(answer.status == 422)
                #expect(try answer.fields == ["tenantId"])
            }
            #expect(api.administration.edit { $0.table.list(tenant: nil).map(\.tenant) } == ["acme", "acme"])
            #expect(
                api.administration.edit { $0.table.list(tenant: nil).map(\.madeByAdministrator) } == [false, false])
        }
    }

    /// 127.0.0.1:8080 is allowed to administrators' webhooks.
    @Test func anAdministratorsExceptionsAreNotATenants() async throws {
        try await APIHarness.run { api in
            let key = try await api.administration.createKey(APIKeyDraft(tenant: "acme")).text
            var object = Self.create
            object["url"] = "http://127.0.0.1:8080/"
            let refused = try await api.call("POST", "/api/v1/webhooks", .object(object), key: key)
            #expect(refused.status == 422)
            #expect(try refused.fields == ["url"])
            object["tenantId"] = "acme"
            let made = try await api.call("POST", "/api/v1/webhooks", .object(object))
            #expect(made.status == 201)
            let id = try #require(try made.json["id"]?.stringValue)
            let path = "/api/v1/webhooks/\(id)"
            // A tenant may change what an administrator has made; only where it goes is judged anew.
            let slower: JSONValue = ["maxInFlight": 1]
            #expect(try await api.call("PATCH", path, slower, key: key).status == 200)
            #expect(api.administration.edit { $0.table.webhook(id: id)?.madeByAdministrator } == true)
            let moved = try await api.call("PATCH", path, ["url": "http://127.0.0.1:8080/admin"], key: key)
            #expect(moved.status == 422)
            let away = try await api.call("PATCH", path, ["url": "https://hooks.example/"], key: key)
            #expect(away.status == 200)
            #expect(api.administration.edit { $0.table.webhook(id: id)?.madeByAdministrator } == false)
        }
    }
}
