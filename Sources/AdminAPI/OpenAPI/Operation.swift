import RelayCore

/// A call of the API as the OpenAPI document tells of it.
struct Operation: Sendable {
    /// What a request may carry.
    struct Body: Sendable {
        let schema: JSONValue
        var isRequired = true
        /// Beside `application/json`.
        var otherTypes: [String] = []
        var example: JSONValue?
    }

    /// What a call that was done is answered.
    struct Answer: Sendable {
        let status: Int
        let text: String
        /// Nil: nothing.
        var schema: JSONValue?
        var type = "application/json"
        /// Whether a `Location` header field says where to look.
        var hasLocation = false
    }

    /// Unique in the document: programs that are generated from it name their functions by it.
    let id: String
    let group: Group
    /// What it does, in a few words.
    let summary: String
    /// What else there is to know; may be Markdown.
    var text = ""
    var parameters: [JSONValue] = []
    var body: Body?
    let answer: Answer
    /// Statuses of problems.
    var problems: [Int] = []
    /// Whether it stands at the root, for probes and Prometheus, and needs no key.
    var isOpen = false

    enum Group: String, CaseIterable {
        case webhooks = "Webhooks"
        case deliveries = "Deliveries"
        case events = "Events"
        case tasks = "Tasks"
        case host = "Host"
        case keys = "Keys"
    }

}

// MARK: As JSON

extension Operation {
    /// - Parameter extra: what holds for all calls of its kind.
    func json(adding extra: Extra) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("operationId", .string(id)), ("tags", [.string(group.rawValue)]), ("summary", .string(summary)),
        ]
        if !text.isEmpty { members.append(("description", .string(text))) }
        let parameters = parameters + extra.parameters
        if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
        if let body { members.append(("requestBody", body.json)) }
        if isOpen { members.append(("security", [])) }
        let problems = Set(problems + extra.problems).sorted()
        members.append(
            (
                "responses",
                .object(
                    JSONObject(
                        [(String(answer.status), answer.json(adding: extra.headers))]
                            + problems.map { (String($0), Schema.reference("responses", Problem.name(of: $0))) }))
            ))
        return .object(JSONObject(members))
    }

    /// What holds for all calls of a kind, beside what they say themselves.
    struct Extra {
        var parameters: [JSONValue] = []
        var problems: [Int] = []
        /// Of the answer to a call that was done.
        var headers: [(String, JSONValue)] = []
    }
}

extension Operation.Body {
    var json: JSONValue {
        var content: [(String, JSONValue)] = [("schema", schema)]
        if let example { content.append(("example", example)) }
        let media = JSONValue.object(JSONObject(content))
        return [
            "required": .bool(isRequired),
            "content": .object(JSONObject((["application/json"] + otherTypes).map { ($0, media) })),
        ]
    }
}

extension Operation.Answer {
    func json(adding extra: [(String, JSONValue)]) -> JSONValue {
        var members: [(String, JSONValue)] = [("description", .string(text))]
        var headers = extra
        if hasLocation {
            headers.append(
                ("Location", ["required": true, "schema": ["type": "string"], "description": "Its path."]))
        }
        if !headers.isEmpty { members.append(("headers", .object(JSONObject(headers)))) }
        if let schema { members.append(("content", .object(JSONObject([(type, ["schema": schema])])))) }
        return .object(JSONObject(members))
    }
}

// MARK: Problems

extension Problem {
    /// The name of the component that tells of problems with a status.
    static func name(of status: Int) -> String { "Problem\(status)" }

    /// What problems with a status mean.
    static let meanings: [(status: Int, text: String)] = [
        (400, "The body is not JSON (RFC 8259: UTF-8, no name twice in an object), or it broke off."),
        (401, "The bearer key is missing, unknown or revoked."),
        (403, "What the key stands for may not do this, or the request's Host or Origin is foreign."),
        (404, "There is no such thing, or it is not the key's tenant's."),
        (409, "It can't be done as things are: a bound is reached, or the detail says what stands in the way."),
        (413, "The body has more than \(Limits.apiBodyBytes) bytes."),
        (415, "The body is of another type than JSON."),
        (422, "Fields or parameters are not valid: every one of them is named in `errors`."),
        (429, "Too many such calls at once; `Retry-After` says when to try again."),
        (503, "It could not be saved, or the daemon is starting or stopping; nothing has changed."),
    ]

    /// The component for a status.
    static func component(_ meaning: (status: Int, text: String)) -> (String, JSONValue) {
        var members: [(String, JSONValue)] = [("description", .string(meaning.text))]
        if meaning.status == 503 || meaning.status == 429 {
            let seconds: JSONValue = ["schema": ["type": "string", "pattern": "^[0-9]+$"], "description": "Seconds."]
            members.append(("headers", ["Retry-After": seconds]))
        } else if meaning.status == 401 {
            let challenge: JSONValue = ["schema": ["type": "string"], "description": "RFC 6750, section 3."]
            members.append(("headers", ["WWW-Authenticate": challenge]))
        }
        let media: JSONValue = ["schema": Schema.named("Problem")]
        members.append(("content", ["application/problem+json": media]))
        return (name(of: meaning.status), .object(JSONObject(members)))
    }
}
