import Synchronization

/// Counts steps of work, for whoever watches from another thread.
final class StepCounter: Sendable {
    private let steps = Atomic<UInt64>(0)

    var count: UInt64 { steps.load(ordering: .acquiring) }

    func note() { steps.wrappingAdd(1, ordering: .releasing) }
}
