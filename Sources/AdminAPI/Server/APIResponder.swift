import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import RelayCore

/// What every route is called with.
typealias APIContext = BasicRequestContext

/// Finds a request's route and answers; what routes throw becomes an answer too.
struct APIResponder: Sendable {
    private let responder: RouterResponder<APIContext>
    private let server: String
    private let logger: Logger

    init(administration: any Administration, version: String, logger: Logger) {
        var routes = RouteTable()
        WebhookRoutes(administration: administration).add(to: &routes)
        DeliveryRoutes(administration: administration).add(to: &routes)
        StatusRoutes(administration: administration, version: version).add(to: &routes)
        PauseRoutes(administration: administration).add(to: &routes)
        EventRoutes(administration: administration).add(to: &routes)
        TaskRoutes(administration: administration).add(to: &routes)
        EventTypeRoutes(administration: administration).add(to: &routes)
        ProbeRoutes(administration: administration).add(to: &routes)
        MetricsRoutes(administration: administration).add(to: &routes)
        responder = routes.responder()
        server = "Hookline/\(version)"
        self.logger = logger
    }

    func respond(to request: Request, on channel: any Channel) async -> Response {
        var response: Response
        do {
            let context = APIContext(source: .init(channel: channel, logger: logger))
            response = try await responder.respond(to: request, context: context)
        } catch {
            // Routes' errors have become answers already, so this is none that anyone foresaw.
            logger.error("an API request failed", metadata: ["error": "\(error)"])
            response = Problem(.internalServerError, detail: "The request failed; the daemon's log says why.").response
        }
        response.headers[.server] = server
        // Answers hold secrets and what changes from one second to the next.
        response.headers[.cacheControl] = "no-store"
        logger.debug(
            "API request",
            metadata: [
                "method": "\(request.method.rawValue)", "path": "\(request.uri.path)",
                "status": "\(response.status.code)",
            ])
        return response
    }
}
