import HTTPTypes
import Hummingbird
import RelayCore

/// `/api/v1/events/{id}` and `/api/v1/tenants/{id}/events`.
struct EventRoutes: Sendable {
    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.delete, "/api/v1/events/{id}", erase)
        routes.add(.delete, "/api/v1/tenants/{id}/events", eraseOfTenant)
    }

    @Sendable
    private func erase(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId"])
        let tenant = query.tenant()
        try query.check()
        let id = try context.parameters.require("id")
        let task = try await administer { () async throws(AdministrationError) in
            try await administration.eraseEvent(id: id, tenant: tenant)
        }
        return TaskPresentation.accepted(task)
    }

    @Sendable
    private func eraseOfTenant(_ request: Request, _ context: APIContext) async throws -> Response {
        try Query(request, names: []).check()
        let tenant = try context.parameters.require("id")
        guard Identifier.isValid(tenant) else {
            throw Problem([FieldError("tenantId", WebhookFields.identifierRule)])
        }
        let task = try await administer { () async throws(AdministrationError) in
            try await administration.eraseEvents(ofTenant: tenant)
        }
        return TaskPresentation.accepted(task)
    }
}
