import RelayCore
import Synchronization

/// Events on their way from the thread that has made them durable to the pump.
///
/// The pump looks here whenever it comes by, between two attempts as well: all that is ready on its loop may take it some tenths
/// of a millisecond, and an event need not wait for the end of that. What goes to no webhook is no reason to wake it.
final class AcceptedEvents: Sendable {
    struct Arrivals {
        /// In the order of their sequences; batches of which nothing is to be delivered are left out.
        var batches: [RecordBuffer] = []
        /// The last event that has arrived.
        var through: UInt64 = 0
    }

    private let waiting = Mutex(Arrivals())
    private let hasDeliveries = Atomic(false)

    /// Whether there is something to be delivered among them.
    var isUrgent: Bool { hasDeliveries.load(ordering: .relaxed) }

    /// Takes events that are on disk, in the order of their sequences.
    ///
    /// - Parameter sequence: that of the last one.
    /// - Returns: whether the pump has to be woken for them.
    func put(_ records: RecordBuffer, through sequence: UInt64) -> Bool {
        let isForSomebody = records.goesToAnyWebhook
        return waiting.withLock { waiting in
            waiting.through = sequence
            guard isForSomebody else { return false }
            waiting.batches.append(records)
            hasDeliveries.store(true, ordering: .relaxed)
            return waiting.batches.count == 1
        }
    }

    /// Hands out what has arrived since the last time.
    func take() -> Arrivals {
        waiting.withLock { waiting in
            defer { waiting.batches = [] }
            hasDeliveries.store(false, ordering: .relaxed)
            return waiting
        }
    }
}
