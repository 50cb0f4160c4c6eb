/// Where accepted events go: what the listener for producers asks of the journal.
package protocol EventStore: Sendable {
    var journalID: JournalID { get }

    /// Makes records durable; events in them are delivered from then on.
    ///
    /// - Parameters:
    ///   - mayWait: whether the caller may be kept until they are durable, where that is quicker.
    ///   - completion: called from any thread, in the order of the calls, perhaps before this returns.
    /// - Returns: false if the store is closed; the completion is not called then.
    func append(
        _ records: RecordBuffer, lastSequence: UInt64, mayWait: Bool,
        completion: @escaping @Sendable (Result<Void, EventStoreFailure>) -> Void
    ) -> Bool

    /// Looks for an id in index files: see ``DuplicateIndex/SealedLookUp``.
    func sealedIDs(_ fingerprint: UInt64, among sequences: ClosedRange<UInt64>) -> DuplicateIndex.SealedIDs?

    /// A durable event; nil if it is gone or can't be read.
    func event(_ sequence: UInt64) -> EventRecord?
}

/// Why events could not be made durable, in a sentence for their producer.
package struct EventStoreFailure: Error, Equatable, Sendable {
    package let message: String
    /// For lack of space rather than a fault.
    package let isLackOfSpace: Bool

    package init(message: String, isLackOfSpace: Bool) {
        self.message = message
        self.isLackOfSpace = isLackOfSpace
    }
}
