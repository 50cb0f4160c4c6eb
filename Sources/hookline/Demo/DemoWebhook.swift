import AdminAPI
import RelayCore

/// The demo's webhook, made as an administrator makes one: by `POST /api/v1/webhooks` on `api.sock`.
struct DemoWebhook: Sendable {
    let id: String
    let secret: WebhookSecret

    /// Registers it, for all events of the demo's tenant.
    ///
    /// - Parameters:
    ///   - socket: the path of `api.sock`.
    ///   - url: the receiver's.
    static func register(socket: String, url: String) async throws -> DemoWebhook {
        let answer = try await APIClient(path: socket).call(
            .post, WebhooksCommand.path,
            body: ["url": .string(url), "events": ["*"], "isActive": true, "tenantId": .string(DemoEvent.tenant)])
        guard let id = answer["id"]?.stringValue, let text = answer["secret"]?.stringValue,
            let secret = WebhookSecret(text)
        else { throw DemoProblem.registration("the answer has no id or no secret") }
        return DemoWebhook(id: id, secret: secret)
    }
}
