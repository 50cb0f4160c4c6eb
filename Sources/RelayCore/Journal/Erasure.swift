/// Which events are to be taken out of the journal for good, and for which tasks.
package struct Erasure: Equatable, Sendable {
    /// Of events that are named one by one, ascending, and for each its task.
    private let sequences: [UInt64]
    private let tasks: [UInt64]
    private let tenants: [Tenant]

    private struct Tenant: Equatable {
        let id: [UInt8]
        let through: UInt64
        let task: UInt64
    }

    /// What some tasks erase together: each segment is read once for all of them.
    package init(_ batch: [JournalTask]) {
        var events: [(sequence: UInt64, task: UInt64)] = []
        var tenants: [Tenant] = []
        for task in batch {
            switch task.kind {
            case .eraseEvent(let erase): events += erase.sequences.map { ($0, task.number) }
            case .eraseTenant(let erase):
                tenants.append(Tenant(id: Array(erase.tenant.utf8), through: erase.through, task: task.number))
            case .replay, .replayEvent: continue
            }
        }
        events.sort { $0 < $1 }
        sequences = events.map(\.sequence)
        tasks = events.map(\.task)
        self.tenants = tenants
    }

    /// The last event that can be meant; 0: none.
    package var last: UInt64 {
        max(sequences.last ?? 0, tenants.map(\.through).max() ?? 0)
    }

    /// Whether any event of a range can be meant: false is certain.
    package func mayTake(anyOf range: Range<UInt64>) -> Bool {
        let index = sequences.firstIndex(atOrAbove: range.lowerBound)
        if index < sequences.count, sequences[index] < range.upperBound { return true }
        return tenants.contains { $0.through >= range.lowerBound }
    }

    /// The number of the task that erases an event; nil: it stays.
    package func task(taking event: EventRecord) -> UInt64? {
        let sequence = event.sequence
        let index = sequences.firstIndex(atOrAbove: sequence)
        if index < sequences.count, sequences[index] == sequence { return tasks[index] }
        let tenant = event.tenant
        return tenants.first {
            sequence <= $0.through && tenant.count == $0.id.count && tenant.elementsEqual($0.id)
        }?.task
    }
}
