import Hummingbird
import RelayCore

/// `/api/v1/openapi.json`: the API's description. Made anew for each call: a reload may have changed the event types.
struct OpenAPIRoutes: Sendable {
    let administration: any Administration
    let version: String

    /// Adds the route, after all others: the document tells of those that are there.
    func add(to routes: inout RouteTable) {
        let path = "/api/v1/openapi.json"
        let known = routes.list + [("GET", path)]
        routes.add(.get, path, for: .tenants) { [self] request, _ in
            try Query(request, names: []).check()
            return Response(
                json: OpenAPIDocument.json(of: known, rules: administration.rules(), version: version))
        }
    }
}
