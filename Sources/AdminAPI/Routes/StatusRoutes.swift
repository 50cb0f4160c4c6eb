import Hummingbird
import RelayCore

/// `/api/v1/status`: what `hookline status` prints.
struct StatusRoutes: Sendable {
    let administration: any Administration
    let version: String

    func add(to routes: inout RouteTable) {
        routes.add(.get, "/api/v1/status", show)
    }

    @Sendable
    private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        try Query(request, names: []).check()
        let status = await administration.status()
        return Response(json: [
            "version": .string(status.version.isEmpty ? version : status.version),
            "pid": .count(status.pid),
            "startedAt": .time(status.startedAt),
            "isReady": .bool(status.isReady),
            "isPaused": .bool(status.isPaused),
            "trouble": .text(status.trouble),
            "webhooks": [
                "active": .count(status.active),
                "paused": .count(status.paused),
                "disabled": .count(status.disabled),
            ],
            "events": [
                "connections": .count(status.connections),
                "accepted": .count(status.accepted),
                "duplicates": .count(status.duplicates),
                "refused": .count(status.refused),
                "blankLines": .count(status.blankLines),
            ],
            "deliveries": [
                "pending": .count(status.pending),
                "inFlight": .count(status.inFlight),
                "delivered": .count(status.delivered),
                "givenUp": .count(status.givenUp),
                "failedAttempts": .count(status.failedAttempts),
            ],
            "journal": [
                "bytes": .count(status.journalBytes),
                "segments": .count(status.journalSegments),
                "damagedRecords": .count(status.damagedRecords),
            ],
            "failing": .array(status.failing.map { WebhookPresentation.json($0) }),
        ])
    }
}
