/// Which addresses deliveries may reach: decided on every resolved address, after the name lookup and before the
/// connection, so that a name that resolves to an inside address opens nothing (server-side request forgery).
package struct AddressPolicy: Equatable, Sendable {
    private let allow: [EgressRule]
    /// Whether plain http goes only to addresses that an exception names.
    package let requireHTTPS: Bool
    private let ownListeners: [Endpoint]

    /// An address and a TCP port.
    package struct Endpoint: Hashable, Sendable {
        package let address: IPAddress
        package let port: UInt16

        package init(_ address: IPAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    /// Makes a policy.
    ///
    /// - Parameters:
    ///   - allow: The exceptions (`egress.allow`).
    ///   - requireHTTPS: Whether plain http goes only to addresses that an exception names (`egress.require-https`).
    ///   - ownListeners: Where the relay itself listens (`api.listen`).
    package init(allow: [EgressRule], requireHTTPS: Bool, ownListeners: [Endpoint] = []) {
        self.allow = allow
        self.requireHTTPS = requireHTTPS
        self.ownListeners = ownListeners
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
        let isOwn = isOwnListener(destination, port: port)
        let special = isOwn ? .ownListener : AddressClass(of: address)
        let isGranted = allow.contains { rule in
            rule.applies(to: tenant, madeByAdministrator: madeByAdministrator)
                && rule.covers(destination, port: port)
                // A block around a metadata address was not written with the machine's credentials in mind.
                && (special != .metadata || rule.range.isSingleAddress)
                // Nor was one around the relay's own API, or a rule for all of its host's ports.
                && (!isOwn || rule.range.isSingleAddress && rule.port == port)
        }
        if let special, !isGranted { return .forbidden(special) }
        if requireHTTPS, !isHTTPS, !isGranted { return .plainHTTP }
        return .allowed
    }

    /// A connection to the unspecified address arrives at this host (RFC 1122 section 3.2.1.3 notwithstanding).
    private func isOwnListener(_ destination: IPAddress, port: UInt16) -> Bool {
        ownListeners.contains { listener in
            guard listener.port == port else { return false }
            let own = listener.address.unmapped
            return destination == own || AddressClass(of: destination) == .unspecified
                || AddressClass(of: own) == .unspecified && AddressClass(of: destination) == .loopback
        }
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
