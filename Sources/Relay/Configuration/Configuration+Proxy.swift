internal import Delivery
internal import RelayCore

extension Configuration.Egress {
    /// The proxy of `egress.proxy` with its credentials; nil for none.
    var tunnel: EgressProxy? {
        if proxy.isEmpty { return nil }
        // It was checked when it was read.
        return try? EgressProxy(proxy, credentials: proxyCredentials)
    }
}

extension Configuration {
    /// The file's name in the directory of systemd's credentials.
    package static let proxyCredential = "hookline.proxy"

    /// Takes the proxy's credentials over.
    ///
    /// - Parameters:
    ///   - text: what the credential holds: `user:password`, and perhaps a line's end.
    ///   - file: its path, for the error.
    /// - Throws: `ConfigurationErrors` that do not repeat it.
    package mutating func useProxyCredentials(_ text: String, file: String) throws(ConfigurationErrors) {
        var line = text[...]
        if line.hasSuffix("\r\n") || line.hasSuffix("\n") { line.removeLast() }
        let hasControls = line.utf8.contains { $0 < 0x20 || $0 == 0x7F }
        guard !hasControls, line.utf8.count <= 1024, let colon = line.firstIndex(of: ":"), colon > line.startIndex
        else {
            throw ConfigurationErrors(
                errors: [
                    ConfigurationError(
                        file: file, line: nil, key: "egress.proxy",
                        reason: "the credential \(Self.proxyCredential) must be one line, user:password")
                ])
        }
        egress.proxyCredentials = String(line)
    }
}
