import Cryptography
package import RelayCore

/// A webhook as attempts use it: made when it is registered or changed, so that an attempt only fills in what differs.
package final class DeliveryTarget: Sendable {
    package let webhook: WebhookNumber
    /// `wh_…`, for log lines.
    package let id: String
    package let url: WebhookURL
    package let tenant: String
    package let madeByAdministrator: Bool
    let origin: Origin
    /// The request's head up to `Content-Length: `.
    let head: [UInt8]
    let signatureHeader: [UInt8]
    let keys: SigningKeys
    /// Of the secret before the last rotation, and when they are over.
    private let previous: (keys: SigningKeys, secret: PreviousSecret)?

    /// - Parameters:
    ///   - signatureHeader: name of the header field with the hexadecimal signature.
    ///   - userAgent: for example `Hookline/1.0`.
    package init(_ webhook: Webhook, secret: WebhookSecret, signatureHeader: String, userAgent: String) {
        self.webhook = webhook.number
        id = webhook.id
        url = webhook.url
        tenant = webhook.tenant
        madeByAdministrator = webhook.madeByAdministrator
        origin = Origin(
            scheme: url.scheme, host: url.host, port: url.port, tenant: tenant,
            madeByAdministrator: madeByAdministrator)
        keys = SigningKeys(secret)
        // One that can't be read was never a secret that anything was signed with.
        previous = webhook.previousSecret.flatMap { previous in
            WebhookSecret(previous.secret).map { (SigningKeys($0), previous) }
        }
        var head = "POST \(url.requestTarget) HTTP/1.1\r\nHost: \(url.hostHeader)\r\n"
        head += "Content-Type: application/json\r\nUser-Agent: \(userAgent)\r\n"
        for header in webhook.headers { head += "\(header.name): \(header.value)\r\n" }
        head += "Content-Length: "
        self.head = Array(head.utf8)
        self.signatureHeader = Array("\r\n\(signatureHeader): ".utf8)
    }

    /// The old secret's keys while they sign along; nil: the present ones alone sign.
    ///
    /// - Parameter wall: Unix milliseconds, of the attempt.
    func previousKeys(at wall: Int64) -> SigningKeys? {
        guard let previous, previous.secret.signs(at: wall) else { return nil }
        return previous.keys
    }
}

/// What connections are shared by: whoever has the same may reach the same, by the address policy too.
struct Origin: Hashable, Sendable {
    let scheme: WebhookURL.Scheme
    let host: WebhookURL.Host
    let port: UInt16
    let tenant: String
    let madeByAdministrator: Bool
}
