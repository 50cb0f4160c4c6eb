/// What webhooks are sorted by.
extension DeliveryScheduler {
    /// One for each lane, in no order: four numbers each, without a look at single deliveries.
    package var standings: [WebhookStanding] {
        slots.map { number, slot in
            var standing = WebhookStanding(number: number)
            standing.pending = lanes[slot].pending
            standing.consecutiveFailures = lanes[slot].consecutiveFailures
            standing.delivered = lanes[slot].delivered
            return standing
        }
    }
}
