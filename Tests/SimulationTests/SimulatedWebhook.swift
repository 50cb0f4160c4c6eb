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

    /// In which order, and how often.
    static func order(_ settings: inout DeliverySettings, _ random: inout SimulatedRandom) {
        settings.ordering =
            switch random.below(5) {
            case 0: .webhook
            case 1: .key(pointer("/event"))
            case 2: .key(pointer("/data/k"))
            default: .none
            }
        if random.chance(20) {
            settings.rateLimit = RateLimit(perSecond: [0.5, 4, 50][random.below(3)], burst: 1 + random.below(4))
        }
    }

    private static func pointer(_ text: String) -> JSONPointer {
        do {
            return try JSONPointer(text)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    private static let url: WebhookURL = {
        do {
            return try WebhookURL("https://hooks.example/x")
        } catch {
            preconditionFailure("\(error)")
        }
    }()
}
