import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import RelayCore

/// Finds out who calls, finds the request's route and answers; what routes throw becomes an answer too.
struct APIResponder: Sendable {
    private let responder: RouterResponder<APIContext>
    private let gatekeeper: Gatekeeper
    private let idempotency: Idempotency
    private let server: String
    private let logger: Logger

    init(
        administration: any Administration, answers: any AnswerStore, version: String, logger: Logger, door: Door
    ) {
        let routes = Self.routes(administration, version: version)
        responder = routes.responder()
        gatekeeper = Gatekeeper(door: door, administration: administration, openPaths: routes.openPaths)
        idempotency = Idempotency(answers: answers)
        server = "Hookline/\(version)"
        self.logger = logger
    }

    /// All routes that there are.
    static func routes(_ administration: any Administration, version: String) -> RouteTable {
        var routes = RouteTable()
        WebhookRoutes(administration: administration).add(to: &routes)
        RotationRoutes(administration: administration).add(to: &routes)
        DeliveryRoutes(administration: administration).add(to: &routes)
        StatusRoutes(administration: administration, version: version).add(to: &routes)
        PauseRoutes(administration: administration).add(to: &routes)
        EventRoutes(administration: administration).add(to: &routes)
        TaskRoutes(administration: administration).add(to: &routes)
        EventTypeRoutes(administration: administration).add(to: &routes)
        APIKeyRoutes(administration: administration).add(to: &routes)
        ProbeRoutes(administration: administration).add(to: &routes)
        MetricsRoutes(administration: administration).add(to: &routes)
        // The last one: it tells of those before it.
        OpenAPIRoutes(administration: administration, version: version).add(to: &routes)
        return routes
    }

    func respond(to request: Request, on channel: any Channel) async -> Response {
        var response: Response
        var caller = Caller.nobody
        do throws(Problem) {
            caller = try await gatekeeper.caller(of: request, on: channel)
            let known = caller
            response = await idempotency.respond(to: request, from: known) { await respond(to: $0, from: known) }
        } catch {
            response = error.response
        }
        response.headers[.server] = server
        // Answers hold secrets and what changes from one second to the next.
        response.headers[.cacheControl] = "no-store"
        record(request, response, caller)
        return response
    }

    private func respond(to request: Request, from caller: Caller) async -> Response {
        do {
            let context = APIContext(source: APIContext.Source(logger: logger, caller: caller))
            return try await responder.respond(to: request, context: context)
        } catch {
            // Routes' errors have become answers already, so this is none that anyone foresaw.
            logger.error("an API request failed", metadata: ["error": "\(error)"])
            return Problem(.internalServerError, detail: "The request failed; the daemon's log says why.").response
        }
    }

    /// Every change stands in the log with who has made it; nothing of a request's or an answer's body does.
    private func record(_ request: Request, _ response: Response, _ caller: Caller) {
        var metadata: Logger.Metadata = [
            "method": "\(request.method.rawValue)", "path": "\(request.uri.path)",
            "status": "\(response.status.code)", "by": "\(caller.identity)",
        ]
        let isChange =
            request.method != .get && request.method != .head && response.status.kind == .successful
            && response.headers[Idempotency.replayed] == nil
        guard isChange else {
            logger.debug("API request", metadata: metadata)
            return
        }
        metadata[LogMessage.key] = "\(LogMessage.administration)"
        if let tenant = caller.tenant { metadata["tenant"] = "\(tenant)" }
        if let made = response.headers[.location] { metadata["made"] = "\(made)" }
        logger.notice("administrative call", metadata: metadata)
    }
}
