import Hummingbird
import RelayCore

/// `/healthz` (the process answers) and `/readyz` (events are accepted).
struct ProbeRoutes: Sendable {
    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.get, "/healthz", for: .everybody) { _, _ in Response(json: ["status": "ok"]) }
        routes.add(.get, "/readyz", for: .everybody, ready)
    }

    @Sendable
    private func ready(_ request: Request, _ context: APIContext) async throws -> Response {
        guard administration.isReady() else {
            let trouble = await administration.status().trouble
            throw Problem(.serviceUnavailable, detail: trouble ?? "The daemon is starting or stopping.")
        }
        return Response(json: ["status": "ready"])
    }
}
