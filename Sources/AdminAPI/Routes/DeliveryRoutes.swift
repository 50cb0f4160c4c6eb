import HTTPTypes
import Hummingbird
import RelayCore

/// What has become of deliveries, delivering once more, and trying a webhook out.
struct DeliveryRoutes: Sendable {
    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.get, "/api/v1/webhooks/{id}/deliveries", for: .tenants, list)
        routes.add(.post, "/api/v1/webhooks/{id}/replay", for: .tenants, replay)
        routes.add(.post, "/api/v1/webhooks/{id}/test", for: .tenants, test)
        routes.add(.post, "/api/v1/events/{id}/replay", for: .tenants, replayEvent)
    }

    @Sendable
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId", "status", "since", "until", "limit", "cursor"])
        let tenant = query.tenant(context)
        let wanted = query.deliveries()
        try query.check()
        let id = try context.parameters.require("id")
        let page = try await administer { () async throws(AdministrationError) in
            try await administration.deliveries(of: id, tenant: tenant, wanted)
        }
        return Response(json: [
            "data": .array(page.deliveries.map { Self.json($0) }),
            "nextCursor": .text(page.next?.text),
        ])
    }

    private static func json(_ delivery: DeliveryView) -> JSONValue {
        [
            "eventId": .text(delivery.eventID),
            "event": .text(delivery.event),
            "acceptedAt": .time(delivery.acceptedAt),
            "status": .string(delivery.status.rawValue),
            "reason": .text(delivery.reason?.name),
            "attempts": .count(delivery.attempts),
            "lastStatus": delivery.lastStatus.map { .count($0) } ?? .null,
            "settledAt": .time(delivery.settledAt),
            "nextAttemptAt": .time(delivery.nextAttemptAt),
            "waitsFor": .text(delivery.waitsFor?.rawValue),
        ]
    }

    @Sendable
    private func replay(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId"])
        let tenant = query.tenant(context)
        try query.check()
        let id = try context.parameters.require("id")
        let object = try await request.jsonObject(isOptional: true)
        let wanted = try checked { () throws(InvalidFields) in try ReplayFields.request(object) }
        let answer = try await administer { () async throws(AdministrationError) in
            try await administration.replay(webhook: id, tenant: tenant, wanted)
        }
        return accepted(answer)
    }

    @Sendable
    private func replayEvent(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId"])
        let tenant = query.tenant(context)
        try query.check()
        let id = try context.parameters.require("id")
        let object = try await request.jsonObject(isOptional: true)
        let webhook = try checked { () throws(InvalidFields) in try ReplayFields.webhook(object) }
        let answer = try await administer { () async throws(AdministrationError) in
            try await administration.replay(event: id, tenant: tenant, webhook: webhook)
        }
        return accepted(answer)
    }

    @Sendable
    private func test(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId"])
        let tenant = query.tenant(context)
        try query.check()
        let id = try context.parameters.require("id")
        let object = try await request.jsonObject(isOptional: true)
        let webhook = try await administer { () async throws(AdministrationError) in
            try await administration.webhook(id: id, tenant: tenant).webhook
        }
        let catalogue = administration.rules().catalogue
        let type = try checked { () throws(InvalidFields) in
            try ReplayFields.testType(object, of: webhook, catalogue: catalogue)
        }
        let report = try await administer { () async throws(AdministrationError) in
            try await administration.test(
                webhook: id, tenant: tenant,
                TestDelivery(type: type, data: JSONWriter.compact(EventSamples.data(of: type))))
        }
        return Response(json: Self.json(report, of: type))
    }

    private static func json(_ report: TestDelivery.Report, of type: String) -> JSONValue {
        var failure: AttemptFailure?
        if case .failed(let reason) = report.outcome.result { failure = reason }
        return [
            "eventId": .string(report.eventID),
            "event": .string(type),
            "at": .time(report.at),
            "outcome": failure == nil ? "delivered" : "failed",
            "status": report.outcome.status.map { .count($0) } ?? .null,
            "durationMs": .count(report.outcome.duration.milliseconds),
            "errorKind": .text(failure?.kind.rawValue),
            "error": .text(failure?.reason),
        ]
    }

    /// 202 with how many deliveries are meant, and the task, if there is one.
    private func accepted(_ answer: ReplayAnswer) -> Response {
        let count: [(String, JSONValue)] = [
            ("count", .count(answer.count)), ("isExact", .bool(answer.isExact)), ("dryRun", .bool(answer.task == nil)),
        ]
        guard let task = answer.task else { return Response(status: .accepted, json: .object(JSONObject(count))) }
        let path = "\(TaskPresentation.collection)/\(task.number)"
        // The task's own count is how many have been handed over so far.
        let members = TaskPresentation.members(task).filter { $0.0 != "count" }
        var response = Response(
            status: .accepted, json: .object(JSONObject(count + members + [("location", .string(path))])))
        response.headers[.location] = path
        return response
    }
}
