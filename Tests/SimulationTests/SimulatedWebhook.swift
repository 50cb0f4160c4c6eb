import RelayCore

enum SimulatedWebhook {
    static func make(_ number: WebhookNumber, _ random: inout SimulatedRandom) -> Webhook {
        Webhook(
            number: number, id: "wh_\(number)", tenant: random.chance(80) ? "t" : "u", url: url,
            patterns: random.chance(60) ? [.all] : [.type("job.closed")], secret: "whsec_AAECAwQF",
            state: random.chance(90) ? .active : .paused,
            settings: DeliverySettings(
                maxInFlight: random.chance(40) ? 1 : nil,
                retrySchedule: random.chance(30) ? [.milliseconds(500), .seconds(2)] : nil),
            createdAt: 1_777_000_000_000)
    }

    private static let url: WebhookURL = {
        do {
            return try WebhookURL("https://hooks.example/x")
        } catch {
            preconditionFailure("\(error)")
        }
    }()
}
