import Hummingbird
import RelayCore

/// `/api/v1/status`: what `hookline status` prints.
struct StatusRoutes: Sendable {
    let administration: any Administration
    let version: String

    func add(to routes: inout RouteTable) {
        routes.add(.get, "/api/v1/status", for: .administrators, show)
    }

    @Sendable
    private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        try Query(request, names: []).check()
        let status = await administration.status()
        let problems = status.problems(at: status.now)
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
                "oldestAcceptedAt": .time(status.oldestPendingAt),
            ],
            "journal": [
                "bytes": .count(status.journalBytes),
                "maxBytes": .count(status.journalMaxBytes),
                "segments": .count(status.journalSegments),
                "damagedRecords": .count(status.damagedRecords),
            ],
            "failing": .array(status.failing.map { WebhookPresentation.json($0) }),
            "problems": .array(problems.map { Self.json($0) }),
        ])
    }

    private static func json(_ problem: StatusProblem) -> JSONValue {
        [
            "kind": .string(problem.kind.rawValue),
            "message": .string(problem.message),
            "since": .time(problem.since),
            "purpose": .string(problem.purpose),
            "command": .string(problem.command),
        ]
    }
}
