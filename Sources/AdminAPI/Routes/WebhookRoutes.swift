import HTTPTypes
import Hummingbird
import RelayCore

/// `/api/v1/webhooks`: registrations.
struct WebhookRoutes: Sendable {
    private static let collection = "/api/v1/webhooks"
    private static let item = "/api/v1/webhooks/{id}"

    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.post, Self.collection, create)
        routes.add(.get, Self.collection, list)
        routes.add(.get, Self.item, show)
        routes.add(.patch, Self.item, change)
        routes.add(.delete, Self.item, remove)
    }

    @Sendable
    private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        try Query(request, names: []).check()
        let object = try await request.jsonObject()
        let draft = try checked { () throws(InvalidFields) in
            try WebhookFields.draft(object, rules: administration.rules())
        }
        let webhook = try await administer { () async throws(AdministrationError) in
            try await administration.create(draft)
        }
        let view = WebhookView(webhook: webhook, health: WebhookHealth())
        var response = Response(
            status: .created, json: WebhookPresentation.json(view, secret: webhook.secret))
        response.headers[.location] = "\(Self.collection)/\(webhook.id)"
        return response
    }

    @Sendable
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId", "limit", "cursor"])
        let tenant = query.tenant()
        let page = query.page()
        try query.check()
        // One more than asked for tells whether there is another page.
        let found = await administration.webhooks(tenant: tenant, after: page.after, limit: page.limit + 1)
        let shown = found.prefix(page.limit)
        let next = found.count > page.limit ? shown.last.map { Page.cursor(after: $0.webhook.number) } : nil
        return Response(json: [
            "data": .array(shown.map { WebhookPresentation.json($0) }),
            "nextCursor": .text(next),
        ])
    }

    @Sendable
    private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let (id, tenant) = try target(request, context)
        return Response(json: WebhookPresentation.json(try await view(id, tenant)))
    }

    @Sendable
    private func change(_ request: Request, _ context: APIContext) async throws -> Response {
        let (id, tenant) = try target(request, context)
        let object = try await request.jsonObject()
        let current = try await view(id, tenant).webhook
        let patch = try checked { () throws(InvalidFields) in
            try WebhookFields.patch(object, tenant: current.tenant, rules: administration.rules())
        }
        let changed = try await administer { () async throws(AdministrationError) in
            try await administration.change(id: id, tenant: tenant, patch)
        }
        return Response(json: WebhookPresentation.json(changed))
    }

    @Sendable
    private func remove(_ request: Request, _ context: APIContext) async throws -> Response {
        let (id, tenant) = try target(request, context)
        try await administer { () async throws(AdministrationError) in
            try await administration.remove(id: id, tenant: tenant)
        }
        return Response(status: .noContent)
    }

    // MARK: Parts

    private func view(_ id: String, _ tenant: String?) async throws(Problem) -> WebhookView {
        try await administer { () async throws(AdministrationError) in
            try await administration.webhook(id: id, tenant: tenant)
        }
    }

    /// The webhook that the path names, and the tenant that the query narrows to.
    private func target(_ request: Request, _ context: APIContext) throws -> (id: String, tenant: String?) {
        var query = Query(request, names: ["tenantId"])
        let tenant = query.tenant()
        try query.check()
        return (try context.parameters.require("id"), tenant)
    }
}
