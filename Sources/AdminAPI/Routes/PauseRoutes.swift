import Hummingbird
import RelayCore

/// `/api/v1/pause` and `/api/v1/resume`: all deliveries of the host.
struct PauseRoutes: Sendable {
    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.post, "/api/v1/pause", for: .administrators) { request, _ in try await set(true, request) }
        routes.add(.post, "/api/v1/resume", for: .administrators) { request, _ in try await set(false, request) }
    }

    private func set(_ isPaused: Bool, _ request: Request) async throws -> Response {
        try Query(request, names: []).check()
        try await administer { () async throws(AdministrationError) in
            try await administration.setPaused(isPaused)
        }
        return Response(json: ["isPaused": .bool(isPaused)])
    }
}
