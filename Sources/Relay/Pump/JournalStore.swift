import RelayCore
import Storage
import Synchronization

/// The journal as the listener for producers sees it; what has become durable goes on to the pump.
final class JournalStore: EventStore {
    let journalID: JournalID
    private let journal: Journal
    private let pump: PumpHandle
    private let followers: EventFollowers

    init(journal: Journal, pump: PumpHandle, followers: EventFollowers) {
        self.journal = journal
        self.pump = pump
        self.followers = followers
        journalID = journal.id
    }

    func append(
        _ records: RecordBuffer, lastSequence: UInt64, mayWait: Bool,
        completion: @escaping @Sendable (Result<Void, EventStoreFailure>) -> Void
    ) -> Bool {
        journal.submit(
            JournalBatch(records, kind: .events, lastSequence: lastSequence) { [pump, followers] result in
                switch result {
                case .success:
                    pump.accepted(records, through: lastSequence)
                    followers.accepted(records)
                    completion(.success(()))
                case .failure(.disk(let error)):
                    completion(
                        .failure(
                            EventStoreFailure(
                                message: "the event could not be stored: \(error)", isLackOfSpace: error.isLackOfSpace))
                    )
                case .failure(.closed):
                    completion(.failure(EventStoreFailure(message: "the journal is closed", isLackOfSpace: false)))
                }
            }, mayWait: mayWait)
    }

    func sealedIDs(_ fingerprint: UInt64, among sequences: ClosedRange<UInt64>) -> DuplicateIndex.SealedIDs? {
        // As below.
        try? journal.sealedIDs(fingerprint, among: sequences)
    }

    func event(_ sequence: UInt64) -> EventRecord? {
        // An event that can't be read can't be compared: the line is taken as a new one rather than refused.
        try? journal.event(sequence)
    }
}
