import RelayCore

/// The body of `POST /webhooks/{id}/rotate-secret`. Every field may be left out or null.
extension WebhookFields {
    /// - Parameters:
    ///   - caller: who asks
    ///   - rules: the host's event types, addresses and reserved header fields
    /// - Throws: all that is wrong with it
    static func rotation(
        _ object: JSONObject, by caller: Caller, rules: RegistrationRules
    ) throws(InvalidFields) -> SecretRotation {
        var fields = WebhookFields(object, by: caller, rules: rules)
        let grace = fields.optional("graceSeconds") {
            $0.integer("graceSeconds", $1, SecretRotation.graceSeconds)
        }
        let secret = fields.optional("secret") { $0.secret($1) }
        fields.refuseOthers(than: ["graceSeconds", "secret"], "is not a field of this call")
        guard fields.errors.isEmpty else { throw InvalidFields(errors: fields.errors) }
        return SecretRotation(
            grace: .seconds(grace.value ?? SecretRotation.usualGraceSeconds), secret: secret.value)
    }
}
