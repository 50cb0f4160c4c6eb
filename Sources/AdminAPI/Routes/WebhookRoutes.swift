import HTTPTypes
import Hummingbird
import RelayCore

/// `/api/v1/webhooks`: registrations.
struct WebhookRoutes: Sendable {
    private static let collection = "/api/v1/webhooks"
    private static let item = "/api/v1/webhooks/{id}"

    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.post, Self.collection, for: .tenants, create)
        routes.add(.get, Self.collection, for: .tenants, list)
        routes.add(.get, Self.item, for: .tenants, show)
        routes.add(.patch, Self.item, for: .tenants, change)
        routes.add(.delete, Self.item, for: .tenants, remove)
    }

    @Sendable
    private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        try Query(request, names: []).check()
        let object = try await request.jsonObject()
        try checkTenant(object, context.caller)
        let draft = try checked { () throws(InvalidFields) in
            try WebhookFields.draft(object, by: context.caller, rules: administration.rules())
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
        var query = Query(request, names: ["tenantId", "limit", "cursor", "sort", "offset"])
        let tenant = query.tenant(context)
        let page = query.page()
        let ranking = query.ranking()
        try query.check()
        if let ranking {
            let found = await administration.webhooks(
                tenant: tenant, by: ranking.order, after: page.after, from: ranking.offset, limit: page.limit)
            return Response(json: ["data": .array(found.map { WebhookPresentation.json($0) }), "nextCursor": .null])
        }
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
            try WebhookFields.patch(
                object, tenant: current.tenant, by: context.caller, rules: administration.rules())
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

    /// A tenant's key need not name its tenant, and can't name another one.
    private func checkTenant(_ object: JSONObject, _ caller: Caller) throws(Problem) {
        guard let own = caller.tenant, let named = object["tenantId"]?.stringValue, named != own,
            Identifier.isValid(named)
        else { return }
        throw Problem.noTenant
    }

    private func view(_ id: String, _ tenant: String?) async throws(Problem) -> WebhookView {
        try await administer { () async throws(AdministrationError) in
            try await administration.webhook(id: id, tenant: tenant)
        }
    }

    /// The webhook that the path names, and the tenant that the query narrows to.
    private func target(_ request: Request, _ context: APIContext) throws -> (id: String, tenant: String?) {
        var query = Query(request, names: ["tenantId"])
        let tenant = query.tenant(context)
        try query.check()
        return (try context.parameters.require("id"), tenant)
    }
}
