import HTTPTypes
import Hummingbird
import NIOCore
import RelayCore

/// `/api/v1/events/{id}` and `/api/v1/tenants/{id}/events`.
struct EventRoutes: Sendable {
    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.get, "/api/v1/events", for: .tenants, follow)
        routes.add(.get, "/api/v1/events/{id}", for: .tenants, show)
        routes.add(.delete, "/api/v1/events/{id}", for: .tenants, erase)
        routes.add(.delete, "/api/v1/tenants/{id}/events", for: .tenants, eraseOfTenant)
    }

    @Sendable
    private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId"])
        let tenant = query.tenant(context)
        try query.check()
        let id = try context.parameters.require("id")
        let event = try await administer { () async throws(AdministrationError) in
            try await administration.event(id: id, tenant: tenant)
        }
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: EventPresentation.text(event))))
    }

    /// Events as they are accepted, a line of JSON each, until the client or the daemon ends it.
    @Sendable
    private func follow(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId", "follow", "event"])
        let choice = query.following(context)
        try query.check()
        if request.method == .head { return Response(status: .ok, headers: [.contentType: Response.ndjson]) }
        let stream = try await administer { () async throws(AdministrationError) in
            try await administration.follow(choice)
        }
        return Response(
            status: .ok, headers: [.contentType: Response.ndjson],
            body: ResponseBody { writer in
                // Something to take at once: the client knows that it follows.
                try await writer.write(ByteBuffer(string: "\n"))
                for await followed in stream {
                    try await writer.write(ByteBuffer(bytes: EventPresentation.lines(followed)))
                }
                try await writer.finish(nil)
            })
    }

    @Sendable
    private func erase(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId"])
        let tenant = query.tenant(context)
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
        if let own = context.caller.tenant, own != tenant { throw Problem.noTenant }
        let task = try await administer { () async throws(AdministrationError) in
            try await administration.eraseEvents(ofTenant: tenant)
        }
        return TaskPresentation.accepted(task)
    }
}
