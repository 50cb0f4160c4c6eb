import RelayCore

extension Configuration {
    /// What `egress` allows, but for the place where the API listens.
    var addressPolicy: AddressPolicy {
        AddressPolicy(
            allow: egress.allow, requireHTTPS: egress.requireHTTPS, ownListeners: apiEndpoint.map { [$0] } ?? [])
    }

    /// Where the API listens on TCP; nil where it does not.
    var apiEndpoint: AddressPolicy.Endpoint? {
        guard !api.listen.isEmpty else { return nil }
        // The setting's form was checked when it was read: a URL's authority has the same.
        guard let url = try? WebhookURL("http://" + api.listen), case .address(let address) = url.host else {
            return nil
        }
        return AddressPolicy.Endpoint(address, port: url.port)
    }
}
