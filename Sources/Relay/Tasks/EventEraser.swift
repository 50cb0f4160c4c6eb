import Logging
import NIOPosix
import RelayCore
import Storage

/// Erases events for good: the tasks of that kind, all that wait in one pass over the journal.
///
/// | step | after a crash |
/// |---|---|
/// | 1. deliveries of the events are cancelled | all over again: the task is not done |
/// | 2. that is on disk | the same; what was cancelled stays so |
/// | 3. the segment that is written to has been ended, and a checkpoint stands behind it | the same |
/// | 4. segment by segment is written anew without the events | the same; what is gone is gone |
/// | 5. the task is done | nothing to do |
struct EventEraser: Sendable {
    let tasks: JournalTasks
    let journal: Journal
    let keeper: JournalKeeper
    let pump: PumpHandle
    let registrar: Registrar
    let scans: NIOThreadPool
    let logger: Logger

    /// Why an erasure has to be tried again.
    private enum Obstacle: Error {
        case disk(DiskError)
        /// Progress or a checkpoint could not be made durable.
        case notDurable
        case stopping
    }

    /// Works until its task is cancelled.
    func run() async {
        for await _ in tasks.erasures {
            while !Task.isCancelled {
                let batch = await tasks.unfinished { $0.isErasure }.prefix(Limits.erasuresPerPass)
                guard !batch.isEmpty else { break }
                do throws(Obstacle) {
                    try await erase(Array(batch))
                } catch {
                    if case .stopping = error { return }
                    logger.warning("events can't be erased yet: tried again in 1 s", metadata: ["error": "\(error)"])
                    // Woken early by its cancellation, it ends.
                    await pump.loop.sleep(for: .seconds(1))
                }
            }
        }
    }

    private func erase(_ batch: [JournalTask]) async throws(Obstacle) {
        let erasure = Erasure(batch)
        for task in batch { try await cancelDeliveries(task) }
        try await seal(through: erasure.last)
        let erased = try await rewrite(erasure)
        for task in batch {
            var task = task
            task.isDone = true
            task.count = erased[task.number] ?? 0
            guard case .success = await tasks.update(task) else { throw .notDurable }
            logger.notice(
                "events erased",
                metadata: [
                    LogMessage.key: "\(LogMessage.administration)", "task": "\(task.number)", "count": "\(task.count)",
                ])
        }
    }

    // MARK: Deliveries

    private func cancelDeliveries(_ task: JournalTask) async throws(Obstacle) {
        switch task.kind {
        case .eraseEvent(let erase):
            for sequence in erase.sequences {
                let event = try await read(sequence)
                await pump.ask { $0.cancel(sequence, event) }
            }
        case .eraseTenant(let erase):
            let webhooks = registrar.current.list(tenant: erase.tenant).map(\.number)
            await pump.ask { $0.cancelAll(of: webhooks, through: erase.through) }
            // Those that the journal alone knows are cancelled as they are read.
            while await pump.ask({ $0.isCancelling(anyOf: webhooks) }) { try await pause() }
        case .replay, .replayEvent: break
        }
    }

    private func read(_ sequence: UInt64) async throws(Obstacle) -> EventRecord? {
        let journal = journal
        let result: Result<EventRecord?, DiskError>?
        // The pool refuses work only when it is shut down.
        result = try? await scans.runIfActive {
            do throws(DiskError) { return .success(try journal.event(sequence)) } catch { return .failure(error) }
        }
        switch result {
        case .success(let event): return event
        case .failure(let error): throw .disk(error)
        case nil: throw .stopping
        }
    }

    // MARK: Segments

    /// Waits until the segment that holds the last of the events is one that can be written anew.
    private func seal(through last: UInt64) async throws(Obstacle) {
        var isRotated = false
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            let segments = journal.allSegments
            guard let segment = segments.last(where: { $0.header.firstSequence <= last }),
                segment.header.throughOrdinal >= journal.checkpointOrdinal
            else { return }
            if segment === segments.last, !isRotated {
                let result: Result<Void, JournalFailure> = await withCheckedContinuation { continuation in
                    journal.rotate { continuation.resume(returning: $0) }
                }
                switch result {
                case .success: isRotated = true
                case .failure(.disk(let error)): throw .disk(error)
                case .failure(.closed): throw .stopping
                }
            }
            try await pause()
        }
        throw .notDurable
    }

    private func rewrite(_ erasure: Erasure) async throws(Obstacle) -> [UInt64: UInt64] {
        var ordinal: UInt64 = 0
        var counts: [UInt64: UInt64] = [:]
        while true {
            switch await keeper.erase(erasure, after: ordinal) {
            case .success(let step?):
                ordinal = step.through
                counts.merge(step.counts, uniquingKeysWith: +)
            case .success(nil): return counts
            case .failure(.disk(let error)): throw .disk(error)
            case .failure(.closed): throw Task.isCancelled ? .stopping : .notDurable
            }
        }
    }

    private func pause() async throws(Obstacle) {
        await pump.loop.sleep(for: .milliseconds(10))
        if Task.isCancelled { throw .stopping }
    }
}
