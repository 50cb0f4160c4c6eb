import RelayCore

/// Bearer keys, and what else holds where there are any.
extension Operations {
    private static let collection = "/api/v1/api-keys"

    static let keys: [String: Operation] = [
        "POST \(collection)": Operation(
            id: "createKey", group: .keys, summary: "Make an API key", text: "Administrators only.",
            body: Operation.Body(schema: Schema.named("APIKeyDraft")),
            answer: Operation.Answer(
                status: 201, text: "The key, shown only now.", schema: Schema.named("NewAPIKey"), hasLocation: true),
            problems: bodyProblems + [409, 422, 503]),
        "GET \(collection)": Operation(
            id: "listKeys", group: .keys, summary: "List API keys", text: "Administrators only.",
            parameters: [Parameters.limit, Parameters.cursor("^c(?:0|[1-9a-z][0-9a-z]{0,5})$")],
            answer: Operation.Answer(status: 200, text: "A page of them.", schema: Schema.named("APIKeyPage")),
            problems: [422]),
        "GET \(collection)/{id}": Operation(
            id: "getKey", group: .keys, summary: "Show an API key", text: "Administrators only.",
            parameters: [Parameters.path("id", "The key's id.")],
            answer: Operation.Answer(status: 200, text: "It, without the key.", schema: Schema.named("APIKey")),
            problems: [404, 422]),
        "DELETE \(collection)/{id}": Operation(
            id: "revokeKey", group: .keys, summary: "Revoke an API key", text: "Administrators only.",
            parameters: [Parameters.path("id", "The key's id.")],
            answer: Operation.Answer(status: 204, text: "It opens nothing any more."), problems: [404, 422, 503]),
    ]

    static let keySchemas: [(String, JSONValue)] = [
        ("APIKeyDraft", draft), ("APIKey", Schema.object(shown)), ("APIKeyPage", Schema.page(of: "APIKey")),
        ("NewAPIKey", Schema.object([("key", Schema.string("`hlk_…`, for `Authorization: Bearer`."))] + shown)),
    ]

    private static let summary = Schema.orNull(Schema.string("For people.", max: Limits.descriptionCharacters))

    /// A tenant's, or an administrator's: one of them has to be said.
    private static let draft: JSONValue = {
        let tenant = Schema.string("Whose key it is.", pattern: Patterns.identifier)
        func form(_ tenantID: JSONValue, _ admin: JSONValue, _ required: String) -> JSONValue {
            Schema.object(
                [("tenantId", tenantID), ("admin", admin), ("description", summary)], required: [required],
                isClosed: true)
        }
        return [
            "anyOf": [
                form(tenant, ["enum": [false, nil]], "tenantId"), form(["type": "null"], ["const": true], "admin"),
            ]
        ]
    }()

    private static let shown: [(String, JSONValue)] = [
        ("id", Schema.string()), ("tenantId", Schema.orNull(Schema.string("Null: an administrator's."))),
        ("admin", Schema.boolean()), ("description", summary), ("createdAt", Schema.moment()),
    ]

    /// What a call says beside its own: of keys, and of how a POST is repeated.
    static func extra(_ method: String, _ operation: Operation) -> Operation.Extra {
        if operation.isOpen { return Operation.Extra(problems: [403]) }
        let isPost = method == "POST"
        return Operation.Extra(
            parameters: isPost ? [idempotencyKey] : [], problems: [401, 403, 404] + (isPost ? [400, 409, 422] : []),
            headers: isPost ? [replayed] : [])
    }

    private static let idempotencyKey: JSONValue = [
        "name": "Idempotency-Key", "in": "header",
        "description": "The same request again does nothing again and gets the same answer, for 24 h, over a restart.",
        "schema": Schema.string(pattern: "^[!-~]{1,255}$"),
    ]

    private static let replayed: (String, JSONValue) = (
        "Idempotency-Replayed",
        [
            "schema": ["type": "string", "const": "true"],
            "description": "This is the answer to an earlier request with the same Idempotency-Key.",
        ]
    )

    /// On TCP; `api.sock` asks for no key.
    static let security: JSONValue = [[:], ["bearer": []]]
    static let securitySchemes: JSONValue = [
        "bearer": ["type": "http", "scheme": "bearer", "description": "An API key, `hlk_…`; needed on TCP."]
    ]
}
