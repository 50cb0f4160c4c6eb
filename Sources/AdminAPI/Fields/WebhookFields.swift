package import RelayCore

/// Checks the fields of `POST /webhooks` and `PATCH /webhooks/{id}`, and names everything that is wrong with them.
///
/// Each field has a method that takes the JSON value and returns what it stands for, or nil after it has put down why
/// it can't stand for anything.
package struct WebhookFields {
    let rules: RegistrationRules
    let caller: Caller
    private let object: JSONObject
    private(set) var errors: [FieldError] = []

    init(_ object: JSONObject, by caller: Caller, rules: RegistrationRules) {
        self.object = object
        self.caller = caller
        self.rules = rules
    }

    /// Checks the body of a create call.
    ///
    /// - Parameters:
    ///   - object: the body
    ///   - caller: an administrator has to name the tenant; with a tenant's key it is that one
    ///   - rules: the host's event types, addresses and reserved header fields
    /// - Throws: all that is wrong with it
    package static func draft(
        _ object: JSONObject, by caller: Caller, rules: RegistrationRules
    ) throws(InvalidFields) -> WebhookDraft {
        var fields = WebhookFields(object, by: caller, rules: rules)
        let tenant = fields.owner()
        let url = fields.required("url", why: "where the events are to go") {
            $0.url($1, tenant: tenant ?? "")
        }
        let patterns = fields.required("events", why: "which events the webhook is to receive") { $0.patterns($1) }
        let isActive = fields.notNull("isActive") { $0.isActive($1) }
        let summary = fields.optional("description") { $0.summary($1) }
        let headers = fields.optional("headers") { $0.headers($1) }
        let secret = fields.optional("secret") { $0.secret($1) }
        let settings = fields.settings()
        fields.refuseOthers(than: common + ["tenantId", "secret"])
        guard fields.errors.isEmpty, let tenant, let url, let patterns else {
            throw InvalidFields(errors: fields.errors)
        }
        return WebhookDraft(
            tenant: tenant, url: url, patterns: patterns, isActive: isActive ?? true, summary: summary.value,
            headers: headers.value ?? [], secret: secret.value,
            settings: DeliverySettings(
                maxInFlight: settings.maxInFlight.value, timeout: settings.timeout.value,
                maxAge: settings.maxAge.value, retrySchedule: settings.retrySchedule.value,
                rateLimit: settings.rateLimit.value, ordering: settings.ordering.value ?? .none),
            madeByAdministrator: caller.isAdministrator)
    }

    /// Checks the body of a change.
    ///
    /// - Parameters:
    ///   - object: the body; null takes an optional field away
    ///   - tenant: the webhook's tenant
    ///   - caller: who asks
    ///   - rules: the host's event types, addresses and reserved header fields
    /// - Throws: all that is wrong with it
    package static func patch(
        _ object: JSONObject, tenant: String, by caller: Caller, rules: RegistrationRules
    ) throws(InvalidFields) -> WebhookPatch {
        var fields = WebhookFields(object, by: caller, rules: rules)
        var patch = WebhookPatch()
        patch.byAdministrator = caller.isAdministrator
        patch.url = fields.notNull("url") { $0.url($1, tenant: tenant) }
        patch.patterns = fields.notNull("events") { $0.patterns($1) }
        patch.isActive = fields.notNull("isActive") { $0.isActive($1) }
        patch.summary = fields.optional("description") { $0.summary($1) }.change
        patch.headers = fields.optional("headers") { $0.headers($1) }.change.map { $0 ?? [] }
        let settings = fields.settings()
        patch.maxInFlight = settings.maxInFlight.change
        patch.timeout = settings.timeout.change
        patch.maxAge = settings.maxAge.change
        patch.retrySchedule = settings.retrySchedule.change
        patch.rateLimit = settings.rateLimit.change
        patch.ordering = settings.ordering.change.map { $0 ?? .none }
        if object["tenantId"] != nil {
            fields.fault("tenantId", "can't be changed: make another webhook for the other tenant")
        }
        if object["secret"] != nil {
            fields.fault("secret", "can't be changed here: a secret is rotated, so that receivers can follow")
        }
        fields.refuseOthers(than: common + ["tenantId", "secret"])
        guard fields.errors.isEmpty else { throw InvalidFields(errors: fields.errors) }
        return patch
    }

    private static let common = [
        "url", "events", "isActive", "description", "headers", "ordering", "maxInFlight", "rateLimit", "timeoutMs",
        "maxAgeSeconds", "retrySchedule",
    ]

    // MARK: Presence

    /// A field as a request has it.
    enum Field<Value> {
        /// Not there, or there and wrong.
        case absent
        case null
        case value(Value)

        var value: Value? {
            if case .value(let value) = self { value } else { nil }
        }

        /// For a patch: nil leaves the field alone, a nil inside takes it away.
        var change: Value?? {
            switch self {
            case .absent: nil
            case .null: .some(nil)
            case .value(let value): .some(value)
            }
        }
    }

    typealias Check<Value> = (inout WebhookFields, JSONValue) -> Value?

    /// A field that may be left out or null.
    mutating func optional<Value>(_ name: String, _ check: Check<Value>) -> Field<Value> {
        guard let value = object[name] else { return .absent }
        if value == .null { return .null }
        return check(&self, value).map { .value($0) } ?? .absent
    }

    /// A field that may be left out, but not be null.
    private mutating func notNull<Value>(_ name: String, _ check: Check<Value>) -> Value? {
        let field = optional(name, check)
        if case .null = field { fault(name, "must not be null") }
        return field.value
    }

    private mutating func required<Value>(_ name: String, why: String, _ check: Check<Value>) -> Value? {
        switch object[name] {
        case nil, .null?:
            fault(name, "is required: \(why)")
            return nil
        case let value?:
            return check(&self, value)
        }
    }

    /// Whose the webhook is to be.
    private mutating func owner() -> String? {
        guard let own = caller.tenant else {
            return required("tenantId", why: "whose events the webhook is to receive") { $0.tenant($1) }
        }
        let named = notNull("tenantId") { $0.tenant($1) }
        if let named, named != own { fault("tenantId", "must be the key's own tenant, or be left out") }
        return own
    }

    mutating func refuseOthers(than known: [String], _ message: String = "is not a field that a webhook has") {
        for name in object.names where !known.contains(name) {
            fault(name, message)
        }
    }

    // MARK: Faults

    mutating func fault(_ field: String, _ message: String) {
        errors.append(FieldError(field, message))
    }

    /// Puts down that a value is of the wrong kind.
    mutating func wrongKind<Value>(_ field: String, _ wanted: String, _ value: JSONValue) -> Value? {
        fault(field, "must be \(wanted), not \(value.kind)")
        return nil
    }
}
