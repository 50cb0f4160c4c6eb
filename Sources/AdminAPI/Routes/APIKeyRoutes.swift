import HTTPTypes
import Hummingbird
import RelayCore

/// `/api/v1/api-keys`: who may call the API over TCP.
struct APIKeyRoutes: Sendable {
    private static let collection = "/api/v1/api-keys"

    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.post, Self.collection, for: .administrators, create)
        routes.add(.get, Self.collection, for: .administrators, list)
        routes.add(.get, Self.collection + "/{id}", for: .administrators, show)
        routes.add(.delete, Self.collection + "/{id}", for: .administrators, remove)
    }

    @Sendable
    private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        try Query(request, names: []).check()
        let object = try await request.jsonObject()
        let draft = try checked { () throws(InvalidFields) in try APIKeyFields.draft(object) }
        let (key, text) = try await administer { () async throws(AdministrationError) in
            try await administration.createKey(draft)
        }
        var response = Response(status: .created, json: Self.json(key, text: text))
        response.headers[.location] = "\(Self.collection)/\(key.id)"
        return response
    }

    @Sendable
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["limit", "cursor"])
        let page = query.page()
        try query.check()
        // One more than asked for tells whether there is another page.
        let found = await administration.keys(after: page.after, limit: page.limit + 1)
        let shown = found.prefix(page.limit)
        let next = found.count > page.limit ? shown.last.map { Page.cursor(after: $0.number) } : nil
        return Response(json: ["data": .array(shown.map { Self.json($0) }), "nextCursor": .text(next)])
    }

    @Sendable
    private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        try Query(request, names: []).check()
        let id = try context.parameters.require("id")
        return Response(
            json: Self.json(
                try await administer { () async throws(AdministrationError) in
                    try await administration.key(withID: id)
                }))
    }

    @Sendable
    private func remove(_ request: Request, _ context: APIContext) async throws -> Response {
        try Query(request, names: []).check()
        let id = try context.parameters.require("id")
        try await administer { () async throws(AdministrationError) in try await administration.removeKey(id: id) }
        return Response(status: .noContent)
    }

    /// - Parameter text: the key itself, shown by the call that makes it alone.
    private static func json(_ key: APIKey, text: String? = nil) -> JSONValue {
        var members: [(String, JSONValue)] = [("id", .string(key.id))]
        if let text { members.append(("key", .string(text))) }
        members += [
            ("tenantId", .text(key.tenant)), ("admin", .bool(key.tenant == nil)), ("description", .text(key.summary)),
            ("createdAt", .time(key.createdAt)),
        ]
        return .object(JSONObject(members))
    }
}
