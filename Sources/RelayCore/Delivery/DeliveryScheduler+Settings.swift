extension DeliveryScheduler {
    /// What an administrator says about all lanes.
    package struct Settings: Equatable, Sendable {
        package var maxInFlight: Int
        package var maxInFlightPerWebhook: Int
        package var timeout: Duration
        package var retry: RetryPolicy
        /// Bytes of pending bodies that one webhook may have; past it its oldest deliveries are given up.
        package var backlogBytesPerWebhook: Int
        /// How long a webhook may fail before it is disabled.
        package var disableAfter: Duration

        package init(
            maxInFlight: Int, maxInFlightPerWebhook: Int, timeout: Duration, retry: RetryPolicy,
            backlogBytesPerWebhook: Int = .max, disableAfter: Duration = .seconds(5 * 86_400)
        ) {
            self.maxInFlight = maxInFlight
            self.maxInFlightPerWebhook = maxInFlightPerWebhook
            self.timeout = timeout
            self.retry = retry
            self.backlogBytesPerWebhook = backlogBytesPerWebhook
            self.disableAfter = disableAfter
        }
    }
}
