/// What is said of addresses. A name's addresses stay in the log: they would tell a tenant what the inside looks like.
extension AttemptFailure {
    /// Addresses that a line of the log names.
    private static let addressesShown = 8

    /// The failure that an address policy's verdict means; nil if it allows the address.
    package init?(_ verdict: AddressVerdict, of address: IPAddress, for url: WebhookURL) {
        let shown = if case .address = url.host { "the address \(address)" } else { "an address of \(url.host)" }
        let reason: String
        switch verdict {
        case .allowed:
            return nil
        case .forbidden(let kind):
            reason = "\(shown) is not allowed: \(kind) (egress.allow can grant it)"
        case .plainHTTP:
            reason = "plain http to \(shown) is not allowed (egress.require-https; egress.allow can grant it)"
        }
        self.init(.forbidden, reason, detail: "\(address)")
    }

    /// The failure of all connection attempts.
    ///
    /// - Parameter failures: every address with a phrase.
    package static func connect(
        _ failures: [(address: IPAddress, reason: String)], to url: WebhookURL
    ) -> AttemptFailure {
        var reasons: [String] = []
        for failure in failures where !reasons.contains(failure.reason) { reasons.append(failure.reason) }
        var detail = failures.prefix(addressesShown).map { "\($0.address): \($0.reason)" }.joined(separator: "; ")
        if failures.count > addressesShown { detail += "; and \(failures.count - addressesShown) more" }
        return AttemptFailure(
            .connect, "\(url.host) port \(url.port): \(reasons.joined(separator: "; "))", detail: detail)
    }
}
