/// Which addresses deliveries may reach: decided on every resolved address, after the name lookup and before the
/// connection, so that a name that resolves to an inside address opens nothing (server-side request forgery).
package struct AddressPolicy: Equatable, Sendable {
    private let allow: [EgressRule]
    /// Whether plain http goes only to addresses that an exception names.
    package let requireHTTPS: Bool

    /// Makes a policy.
    ///
    /// - Parameters:
    ///   - allow: The exceptions (`egress.allow`).
    ///   - requireHTTPS: Whether plain http goes only to addresses that an exception names (`egress.require-https`).
    package init(allow: [EgressRule], requireHTTPS: Bool) {
        self.allow = allow
        self.requireHTTPS = requireHTTPS
    }

    /// Decides about one address.
    ///
    /// - Parameters:
    ///   - address: The resolved address, or the one that stands in the URL.
    ///   - port: The TCP port.
    ///   - isHTTPS: Whether the webhook's URL is https.
    ///   - tenant: The webhook's tenant.
    ///   - madeByAdministrator: Whether an administrator made the webhook.
    package func verdict(
        for address: IPAddress, port: UInt16, isHTTPS: Bool, tenant: String, madeByAdministrator: Bool
    ) -> AddressVerdict {
        let destination = address.unmapped
        let special = AddressClass(of: destination)
        let isGranted = allow.contains { rule in
            rule.applies(to: tenant, madeByAdministrator: madeByAdministrator)
                && rule.covers(destination, port: port)
                // A block around a metadata address was not written with the machine's credentials in mind.
                && (special != .metadata || rule.range.isSingleAddress)
        }
        if let special, !isGranted { return .forbidden(special) }
        if requireHTTPS, !isHTTPS, !isGranted { return .plainHTTP }
        return .allowed
    }
}

/// What an ``AddressPolicy`` says about one address.
package enum AddressVerdict: Hashable, Sendable {
    /// Connect.
    case allowed
    /// The address is special and no applicable rule opens it.
    case forbidden(AddressClass)
    /// The address would do for https, but plain http needs a rule.
    case plainHTTP
}
