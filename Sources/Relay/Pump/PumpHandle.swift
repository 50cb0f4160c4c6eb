import NIOCore
import RelayCore

/// Reaches the pump from other threads.
struct PumpHandle: Sendable {
    let loop: any EventLoop
    /// Readings of the journal that have ended.
    let reads: StepCounter
    private let arrivals: AcceptedEvents
    private let bound: NIOLoopBound<DeliveryPump>

    /// To be made on the pump's loop.
    init(_ pump: DeliveryPump, loop: any EventLoop) {
        self.loop = loop
        reads = pump.reads
        arrivals = pump.arrivals
        bound = NIOLoopBound(pump, eventLoop: loop)
    }

    /// Hands it events that are on disk, in the order of their sequences.
    ///
    /// - Parameter sequence: that of the last one.
    func accepted(_ records: RecordBuffer, through sequence: UInt64) {
        guard arrivals.put(records, through: sequence) else { return }
        loop.execute { [bound] in bound.value.run() }
    }

    /// Hands it something to do. Events that it was given before are known to it then.
    func tell(_ body: @escaping @Sendable (DeliveryPump) -> Void) {
        loop.execute { [bound] in
            bound.value.takeArrivals()
            body(bound.value)
        }
    }

    /// Asks it something. Events that it was given before are known to it then.
    func ask<Answer: Sendable>(_ body: @escaping @Sendable (DeliveryPump) -> Answer) async -> Answer {
        await withCheckedContinuation { continuation in
            loop.execute { [bound] in
                bound.value.takeArrivals()
                continuation.resume(returning: body(bound.value))
            }
        }
    }

    /// Waits, whether or not the task has been cancelled.
    func pause(for duration: Duration) async {
        await withCheckedContinuation { continuation in
            loop.scheduleTask(in: .nanoseconds(duration.nanoseconds)) { continuation.resume() }
        }
    }

    /// Stops it: see ``DeliveryPump/stop(revision:with:)``.
    func stop(revision: UInt64, with others: RecordBuffer) async {
        await withCheckedContinuation { continuation in
            loop.execute { [bound] in
                bound.value.takeArrivals()
                bound.value.stop(revision: revision, with: others).whenComplete { _ in continuation.resume() }
            }
        }
    }
}
