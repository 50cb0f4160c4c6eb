package import RelayCore

/// The proxy that all deliveries go through (`egress.proxy`): a tunnel by CONNECT (RFC 9110 section 9.3.6) for every
/// webhook, also one with plain http, so that the proxy sees neither bodies nor signatures of https and keeps no copy of
/// the others.
package struct EgressProxy: Equatable, Sendable {
    let host: WebhookURL.Host
    let port: UInt16
    /// The value of `Proxy-Authorization`.
    let authorization: String?

    /// - Parameters:
    ///   - text: `http://host:port`.
    ///   - credentials: `user:password`; nil for none.
    /// - Throws: ``WebhookURLError`` if it is no URL.
    package init(_ text: String, credentials: String? = nil) throws(WebhookURLError) {
        let url = try WebhookURL(text)
        host = url.host
        port = url.port
        authorization = credentials.map { "Basic \(Base64.encode(Array($0.utf8)))" }
    }

    /// The request for a tunnel to a webhook's server.
    func request(to url: WebhookURL) -> String {
        let authority = Self.authority(of: url)
        var text = "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n"
        if let authorization { text += "Proxy-Authorization: \(authorization)\r\n" }
        return text + "\r\n"
    }

    /// Host and port, always both (RFC 9112 section 3.2.3).
    static func authority(of url: WebhookURL) -> String { "\(url.host):\(url.port)" }

    /// What an answer other than 2xx means: some of it is the receiver's fault, some of it the proxy's or ours, which
    /// counts as no try.
    func failure(status: UInt16, for url: WebhookURL) -> AttemptFailure {
        let destination = Self.authority(of: url)
        switch status {
        case 401, 407:
            // tinyproxy refuses wrong ones with a 401.
            let reason =
                authorization == nil
                ? "the proxy asks for credentials (HTTP \(status)): give them as the systemd credential hookline.proxy"
                : "the proxy does not take the credentials of hookline.proxy (HTTP \(status))"
            return AttemptFailure(.host, reason)
        case 403:
            return AttemptFailure(.forbidden, "the proxy does not allow connections to \(destination) (HTTP 403)")
        case 500...599:
            return AttemptFailure(.connect, "the proxy can't reach \(destination) (HTTP \(status))")
        default:
            return AttemptFailure(.connect, "the proxy refuses a tunnel to \(destination) (HTTP \(status))")
        }
    }
}

/// What the address policy can know of a webhook whose name the proxy resolves.
extension AddressPolicy {
    /// Why a webhook can't be reached through a proxy; nil if it may be tried.
    ///
    /// An address in the URL is judged as ever. Of a name nothing is known here: the proxy's own rules must keep it from
    /// leading inside, except for `localhost`, which is the same everywhere (RFC 6761 section 6.3).
    func refusalThroughProxy(of target: DeliveryTarget) -> String? {
        func judge(_ address: IPAddress) -> AddressVerdict {
            verdict(
                for: address, port: target.url.port, isHTTPS: target.url.scheme == .https, tenant: target.tenant,
                madeByAdministrator: target.madeByAdministrator)
        }
        switch target.url.host {
        case .address(let address):
            return judge(address).refusal(of: "the address \(address)")
        case .name(let name) where name == "localhost" || name.hasSuffix(".localhost"):
            // IPv4 is enough: whoever grants it means it.
            return judge(.v4(0x7F00_0001)).refusal(of: name)
        case .name(let name):
            return target.url.scheme == .http && requireHTTPS ? AddressVerdict.plainHTTP.refusal(of: name) : nil
        }
    }
}

extension AddressVerdict {
    /// A sentence for the administrator; nil if there is nothing against it.
    func refusal(of what: String) -> String? {
        switch self {
        case .allowed: nil
        case .forbidden(let reason): "\(what) is not allowed: \(reason) (egress.allow can grant it)"
        case .plainHTTP: "plain http to \(what) is not allowed (egress.require-https; egress.allow can grant it)"
        }
    }
}
