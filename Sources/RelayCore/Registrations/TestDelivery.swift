/// What is sent to a webhook to see whether it works.
package struct TestDelivery: Equatable, Sendable {
    package let type: String
    /// A JSON object.
    package let data: [UInt8]

    package init(type: String, data: [UInt8]) {
        self.type = type
        self.data = data
    }

    /// What came of it.
    package struct Report: Equatable, Sendable {
        /// The id that the receiver saw.
        package let eventID: String
        /// Unix milliseconds.
        package let at: Int64
        package let outcome: AttemptOutcome

        package init(eventID: String, at: Int64, outcome: AttemptOutcome) {
            self.eventID = eventID
            self.at = at
            self.outcome = outcome
        }
    }
}
