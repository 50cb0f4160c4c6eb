import Cryptography
import Delivery
import RelayCore

/// What all webhooks' requests have in common.
struct TargetSettings: Sendable, Equatable {
    let signatureHeader: String
    let userAgent = "Hookline/\(HooklineVersion.text)"

    /// Nil if the webhook's secret is none: it was checked when it was registered.
    func target(for webhook: Webhook) -> DeliveryTarget? {
        WebhookSecret(webhook.secret).map {
            DeliveryTarget(webhook, secret: $0, signatureHeader: signatureHeader, userAgent: userAgent)
        }
    }
}
