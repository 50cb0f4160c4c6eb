import Dispatch
import RelayCore
import Synchronization

/// A journal in memory, whose syncs take as long and end as the test says.
final class MemoryStore: EventStore {
    enum Mode {
        /// Durable at once.
        case immediate
        /// Until ``release(_:)``.
        case held
        case failing(EventStoreFailure)
        case closed
    }

    private struct Waiting: Sendable {
        let records: RecordBuffer
        let completion: @Sendable (Result<Void, EventStoreFailure>) -> Void
    }

    private struct State {
        var mode: Mode
        var durable: [RecordBuffer] = []
        var waiting: [Waiting] = []
    }

    let journalID = JournalID(high: 1, low: 2)
    private let state: Mutex<State>
    private let appended = DispatchSemaphore(value: 0)

    init(_ mode: Mode = .immediate) {
        state = Mutex(State(mode: mode))
    }

    func use(_ mode: Mode) {
        state.withLock { $0.mode = mode }
    }

    func append(
        _ records: RecordBuffer, lastSequence: UInt64, mayWait: Bool,
        completion: @escaping @Sendable (Result<Void, EventStoreFailure>) -> Void
    ) -> Bool {
        let result: Result<Void, EventStoreFailure>?
        switch state.withLock({ $0.mode }) {
        case .immediate:
            state.withLock { $0.durable.append(records) }
            result = .success(())
        case .held:
            state.withLock { $0.waiting.append(Waiting(records: records, completion: completion)) }
            result = nil
        case .failing(let failure): result = .failure(failure)
        case .closed: return false
        }
        if let result { completion(result) }
        appended.signal()
        return true
    }

    /// Waits for the next call of ``append(_:lastSequence:mayWait:completion:)``.
    func waitForAppend() -> Bool {
        appended.wait(timeout: .now() + .seconds(2)) == .success
    }

    /// Ends all syncs that are held.
    func release(_ result: Result<Void, EventStoreFailure>) {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            if case .success = result { state.durable += state.waiting.map(\.records) }
            return state.waiting
        }
        for batch in waiting { batch.completion(result) }
    }

    func sealedIDs(_ fingerprint: UInt64, among sequences: ClosedRange<UInt64>) -> DuplicateIndex.SealedIDs? { nil }

    func event(_ sequence: UInt64) -> EventRecord? {
        events.first { $0.sequence == sequence }
    }

    /// All durable events, in the order of their acceptance.
    var events: [EventRecord] {
        var events: [EventRecord] = []
        for records in state.withLock({ $0.durable }) {
            var offset = 0
            while offset < records.count {
                let header = RecordFormat.Header(at: records.bytes + offset)
                if let event = EventRecord(buffer: records, offset: offset) { events.append(event) }
                offset += header.totalBytes
            }
        }
        return events
    }

    /// The durable events' ids.
    var ids: [String] { events.map { $0.id(in: journalID) } }
}
