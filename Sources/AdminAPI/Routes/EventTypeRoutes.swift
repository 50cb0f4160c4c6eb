import Hummingbird
import RelayCore

/// `/api/v1/event-types`: what webhooks can ask for, each with a body as they would receive it.
struct EventTypeRoutes: Sendable {
    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.get, "/api/v1/event-types", for: .tenants, list)
    }

    @Sendable
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        try Query(request, names: []).check()
        let types = administration.rules().catalogue.names.map { entry($0, isOperational: false) }
        let operational = EventCatalogue.operational.map { entry($0, isOperational: true) }
        return Response(json: ["data": .array(types + operational), "nextCursor": nil])
    }

    /// - Parameter isOperational: made by Hookline itself; producers can't send it, and `*` doesn't match it
    private func entry(_ type: String, isOperational: Bool) -> JSONValue {
        [
            "event": .string(type),
            "operational": .bool(isOperational),
            "sample": EventSamples.body(of: type),
        ]
    }
}
