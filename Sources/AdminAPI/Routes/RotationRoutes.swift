import HTTPTypes
import Hummingbird
import RelayCore

/// `/api/v1/webhooks/{id}/rotate-secret`.
struct RotationRoutes: Sendable {
    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.post, "/api/v1/webhooks/{id}/rotate-secret", for: .tenants, rotate)
    }

    @Sendable
    private func rotate(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId"])
        let tenant = query.tenant(context)
        try query.check()
        let id = try context.parameters.require("id")
        let object = try await request.jsonObject(isOptional: true)
        // Whose it is comes before what is asked of it.
        _ = try await administer { () async throws(AdministrationError) in
            try await administration.webhook(id: id, tenant: tenant)
        }
        let rotation = try checked { () throws(InvalidFields) in
            try WebhookFields.rotation(object, by: context.caller, rules: administration.rules())
        }
        let rotated = try await administer { () async throws(AdministrationError) in
            try await administration.rotateSecret(of: id, tenant: tenant, rotation)
        }
        return Response(json: WebhookPresentation.json(rotated, secret: rotated.webhook.secret))
    }
}
