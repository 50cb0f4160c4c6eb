import RelayCore

/// Checks the body of `POST /api-keys`, and names everything that is wrong with it.
struct APIKeyFields {
    private let object: JSONObject
    private var errors: [FieldError] = []

    private init(_ object: JSONObject) {
        self.object = object
    }

    /// A key is a tenant's or an administrator's: that has to be said, since the second one opens everything.
    static func draft(_ object: JSONObject) throws(InvalidFields) -> APIKeyDraft {
        var fields = APIKeyFields(object)
        let tenant = fields.tenant()
        let isAdministrators = fields.isAdministrators()
        let summary = fields.summary()
        let isNamed = (object["tenantId"] ?? .null) != .null
        if isAdministrators, isNamed {
            fields.fault("tenantId", "must be left out of an administrator's key, which opens all tenants")
        } else if !isAdministrators, !isNamed {
            fields.fault("tenantId", "is required: whose key it is to be; or admin: true for all tenants")
        }
        for name in object.names where !["tenantId", "admin", "description"].contains(name) {
            fields.fault(name, "is not a field that a key has")
        }
        guard fields.errors.isEmpty else { throw InvalidFields(errors: fields.errors) }
        return APIKeyDraft(tenant: tenant, summary: summary)
    }

    private mutating func tenant() -> String? {
        guard let value = object["tenantId"], value != .null else { return nil }
        guard let text = value.stringValue else {
            fault("tenantId", "must be a string, not \(value.kind)")
            return nil
        }
        if !Identifier.isValid(text) { fault("tenantId", WebhookFields.identifierRule) }
        return text
    }

    private mutating func isAdministrators() -> Bool {
        guard let value = object["admin"], value != .null else { return false }
        if value.boolValue == nil { fault("admin", "must be true or false, not \(value.kind)") }
        return value.boolValue ?? false
    }

    private mutating func summary() -> String? {
        guard let value = object["description"], value != .null else { return nil }
        guard let text = value.stringValue else {
            fault("description", "must be a string, not \(value.kind)")
            return nil
        }
        if text.unicodeScalars.count > Limits.descriptionCharacters {
            fault("description", "must have at most \(Limits.descriptionCharacters) characters")
        }
        return text
    }

    private mutating func fault(_ field: String, _ message: String) {
        errors.append(FieldError(field, message))
    }
}
