import RelayCore

/// The API's description, OpenAPI 3.1: what ``Operations`` says of the routes that there are.
///
/// Limits come from the constants that the checks use, event types from the running configuration.
enum OpenAPIDocument {
    /// - Parameters:
    ///   - routes: method and path of each
    ///   - rules: what registrations are checked against
    ///   - version: Hookline's
    static func json(
        of routes: [(method: String, path: String)], rules: RegistrationRules, version: String
    ) -> JSONValue {
        var paths = JSONObject()
        for (method, path) in routes {
            guard let operation = Operations.find(method, path) else { continue }
            var item: JSONObject = paths[path]?.objectValue ?? JSONObject()
            item[method.lowercased()] = operation.json(adding: Operations.extra(method, operation))
            paths[path] = .object(item)
        }
        let members: [(String, JSONValue)] = [
            ("openapi", "3.1.0"),
            ("info", ["title": "Hookline", "version": .string(version), "description": .string(introduction)]),
            ("servers", [["url": "/"]]),
            ("tags", .array(tags(of: routes).map { ["name": .string($0)] })),
            ("paths", .object(paths)),
            ("components", components(of: .object(paths), rules)),
            ("security", Operations.security),
        ]
        return .object(JSONObject(members))
    }

    /// What the paths refer to, directly or not.
    private static func components(of paths: JSONValue, _ rules: RegistrationRules) -> JSONValue {
        let schemas =
            webhookSchemas(rules) + deliverySchemas + [testRequest(rules.catalogue)] + Operations.rotationSchemas
            + Operations.eventLifeSchemas + Operations.keySchemas
        let responses = Problem.meanings.map { Problem.component($0) }
        let all = Dictionary(
            uniqueKeysWithValues: schemas.map { ("#/components/schemas/" + $0.0, $0.1) }
                + responses.map { ("#/components/responses/" + $0.0, $0.1) })
        var used: Set<String> = []
        var open = references(in: paths)
        while let reference = open.popLast() {
            guard used.insert(reference).inserted, let component = all[reference] else { continue }
            open += references(in: component)
        }
        func kept(_ kind: String, _ members: [(String, JSONValue)]) -> JSONValue {
            .object(JSONObject(members.filter { used.contains("#/components/\(kind)/\($0.0)") }))
        }
        return .object(
            JSONObject([
                ("schemas", kept("schemas", schemas)), ("responses", kept("responses", responses)),
                ("securitySchemes", Operations.securitySchemes),
            ]))
    }

    static func references(in value: JSONValue) -> [String] {
        switch value {
        case .object(let object):
            object.members.flatMap { member in
                member.name == "$ref" ? [member.value.stringValue ?? ""] : references(in: member.value)
            }
        case .array(let elements): elements.flatMap { references(in: $0) }
        default: []
        }
    }

    private static let introduction = """
        Administration of a host's webhooks. On the Unix socket `api.sock` whoever may open it is an administrator; on \
        loopback TCP, where the configuration's `api.listen` has it, each request shows an API key. A tenant's key sees \
        and touches that tenant alone: what is another's is not found.

        Bodies are JSON, up to \(Limits.apiBodyBytes) bytes. What can't be done is answered with problem details \
        (RFC 9457); those with status 422 name every bad field at once. Unknown parameters and members are refused. A \
        path that exists with other methods is answered 405 with `Allow`; every `GET` can also be a `HEAD`. Lists come \
        in pages: `nextCursor` asks for the next one.
        """

    private static func tags(of routes: [(method: String, path: String)]) -> [String] {
        let used = Set(routes.compactMap { Operations.find($0.method, $0.path)?.group })
        return Operation.Group.allCases.filter { used.contains($0) }.map(\.rawValue)
    }

    /// The body of a test: names one of the types that the host knows.
    private static func testRequest(_ catalogue: EventCatalogue) -> (String, JSONValue) {
        let types = catalogue.names + EventCatalogue.operational
        return (
            "TestRequest",
            Schema.object(
                [
                    (
                        "event",
                        Schema.orNull(Schema.choice(types, "The first one that the webhook asks for, unless given."))
                    )
                ],
                required: [], isClosed: true)
        )
    }
}
