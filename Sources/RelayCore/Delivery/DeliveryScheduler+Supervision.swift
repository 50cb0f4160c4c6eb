/// What whoever watches the relay wants to know.
extension DeliveryScheduler {
    /// Webhooks whose receivers are failing, and that are not disabled.
    package var failing: Int {
        slots.values.count { lanes[$0].health.isFailing && !lanes[$0].health.isDisabled }
    }

    /// Whether something is due for longer than a time: whoever drives the scheduler does not come to it.
    package func isOverdue(by time: Duration, at now: MonotonicTime) -> Bool {
        nextTimer.map { $0 + time < now } ?? false
    }
}
