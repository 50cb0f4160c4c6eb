import Delivery
import RelayCore

/// Attempts that belong to no delivery.
extension DeliveryPump {
    /// Sends an event to a webhook now, past its queue and whatever its state: it counts neither for the webhook's health
    /// nor as one of its deliveries.
    ///
    /// - Parameters:
    ///   - record: holds the event alone.
    ///   - completion: called once on the loop.
    func test(
        _ webhook: WebhookNumber, _ record: RecordBuffer, timeout: Duration?,
        _ completion: @escaping (AttemptOutcome) -> Void
    ) {
        guard !isStopped, let target = target(of: webhook), let event = EventRecord(buffer: record, offset: 0) else {
            return completion(AttemptOutcome(.abandoned, duration: .zero))
        }
        client.attempt(
            event, for: target, timeout: timeout ?? scheduler.settings.timeout, wall: Clock.wall(),
            completion: completion)
    }
}
