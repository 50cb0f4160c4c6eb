import HTTPTypes
import Hummingbird
import RelayCore

/// `/api/v1/tasks`: what erasures and replays have come to.
struct TaskRoutes: Sendable {
    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.get, TaskPresentation.collection, for: .tenants, list)
        routes.add(.get, TaskPresentation.collection + "/{number}", for: .tenants, show)
    }

    @Sendable
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = Query(request, names: ["tenantId"])
        let tenant = query.tenant(context)
        try query.check()
        // There are never more than the relay's own bounds allow: one page holds them all.
        let tasks = await administration.tasks(tenant: tenant)
        return Response(json: ["data": .array(tasks.map { TaskPresentation.json($0) }), "nextCursor": nil])
    }

    @Sendable
    private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        try Query(request, names: []).check()
        guard let number = UInt64(try context.parameters.require("number")) else {
            throw Problem(AdministrationError.noTask)
        }
        let state = try await administer { () async throws(AdministrationError) in
            try await administration.task(number, tenant: context.caller.tenant)
        }
        switch state {
        case .known(let task): return Response(json: TaskPresentation.json(task))
        case .finishedBefore: return Response(json: ["task": .count(number), "status": "done"])
        }
    }
}

/// A task as the API shows it.
enum TaskPresentation {
    static let collection = "/api/v1/tasks"

    static func json(_ task: JournalTask) -> JSONValue {
        .object(JSONObject(members(task)))
    }

    /// 202, and where to ask what has become of it.
    static func accepted(_ task: JournalTask) -> Response {
        let path = "\(collection)/\(task.number)"
        var response = Response(
            status: .accepted, json: .object(JSONObject(members(task) + [("location", .string(path))])))
        response.headers[.location] = path
        return response
    }

    static func members(_ task: JournalTask) -> [(String, JSONValue)] {
        let what: [(String, JSONValue)] =
            switch task.kind {
            case .eraseEvent(let erase):
                [("kind", "erase_event"), ("tenantId", .string(erase.tenant)), ("eventId", .string(erase.id))]
            case .eraseTenant(let erase):
                [("kind", "erase_tenant"), ("tenantId", .string(erase.tenant))]
            case .replay(let replay):
                [("kind", "replay"), ("webhookId", .text(replay.id))]
            case .replayEvent(let replay):
                [("kind", "replay_event"), ("eventId", .string(replay.id))]
            }
        return [("task", .count(task.number)), ("status", task.isDone ? "done" : "pending")] + what + [
            ("count", .count(task.count)), ("createdAt", .time(task.madeAt)),
        ]
    }
}
