import RelayCore

/// What the journal's tasks ask of the deliveries.
extension DeliveryPump {
    /// Cancels the pending deliveries of an event.
    ///
    /// - Parameter event: nil: it is gone from the journal already.
    func cancel(_ sequence: UInt64, _ event: EventRecord?) {
        if let event {
            scheduler.cancel(event, wall: Clock.wall())
        } else {
            scheduler.cancelOpen(sequence, wall: Clock.wall())
        }
        run()
    }

    /// Cancels the pending deliveries of webhooks up to an event.
    func cancelAll(of webhooks: [WebhookNumber], through sequence: UInt64) {
        for webhook in webhooks { scheduler.cancelAll(of: webhook, through: sequence, wall: Clock.wall()) }
        run()
    }

    func isCancelling(anyOf webhooks: [WebhookNumber]) -> Bool {
        webhooks.contains { scheduler.isCancelling($0) }
    }
}
