import RelayCore

/// What others may know of it.
extension DeliveryPump {
    func health(of number: WebhookNumber) -> WebhookHealth {
        var health = WebhookHealth()
        guard let lane = scheduler.health(of: number) else { return health }
        health.pending = lane.pending
        health.inFlight = lane.inFlight
        health.consecutiveFailures = lane.consecutiveFailures
        health.failingSince = lane.failing(at: Clock.monotonic()).map { Clock.wall() - $0.milliseconds }
        health.breaker = lane.breaker
        health.delivered = lane.delivered
        health.givenUp = lane.givenUp
        let last = records[number]
        health.lastSuccessAt = last?.lastSuccessAt
        health.lastFailureAt = last?.lastFailureAt
        health.lastFailure = last?.lastFailure
        health.nextAttemptAt = lane.nextTry.map { Clock.wall() + max(0, ($0 - Clock.monotonic()).milliseconds) }
        return health
    }

    var statistics: PumpStatistics {
        PumpStatistics(
            counters: counters, pending: scheduler.pending, inFlight: scheduler.inFlight, breakers: scheduler.breakers)
    }
}

struct PumpStatistics: Equatable, Sendable {
    let counters: PumpCounters
    let pending: Int
    let inFlight: Int
    let breakers: [Breaker.State: Int]
}
