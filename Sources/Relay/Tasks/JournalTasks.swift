import FoundationEssentials
import RelayCore
import Storage

/// Knows the journal's tasks: makes each durable before anybody is told of it, and keeps what has become of it.
///
/// | step of a task | durable |
/// |---|---|
/// | ``add(_:)`` returns | the task: a start goes on with it |
/// | ``update(_:)`` returns | how far it is, or that it is done |
///
/// Of finished tasks only the newest is kept over a restart, for its number. What is asked for by a lower one is done: every
/// unfinished task is known.
actor JournalTasks {
    private var unfinished: [UInt64: JournalTask] = [:]
    /// Oldest first.
    private var finished: [JournalTask] = []
    private var newest: JournalTask?
    private let journal: Journal
    private let turnstile = Turnstile()
    private let erasureSink: AsyncStream<Void>.Continuation
    private let replaySink: AsyncStream<Void>.Continuation
    /// An element whenever there are new ones.
    nonisolated let erasures: AsyncStream<Void>
    nonisolated let replays: AsyncStream<Void>

    /// - Parameter recovered: what a start has found.
    init(journal: Journal, recovered: [JournalTask]) {
        self.journal = journal
        (erasures, erasureSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (replays, replaySink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        for task in recovered {
            if task.isDone { finished.append(task) } else { unfinished[task.number] = task }
        }
        newest = recovered.max { $0.number < $1.number }
        if recovered.contains(where: { !$0.isDone }) {
            erasureSink.yield()
            replaySink.yield()
        }
    }

    // MARK: Looking

    /// What is to be done, oldest first.
    func unfinished(where condition: (JournalTask) -> Bool) -> [JournalTask] {
        unfinished.values.filter(condition).sorted { $0.number < $1.number }
    }

    /// All that are known, newest first.
    var all: [JournalTask] {
        (finished + unfinished.values).sorted { $0.number > $1.number }
    }

    /// What there is to say about a number; nil: there never was such a task.
    func state(of number: UInt64) -> TaskState? {
        if let task = unfinished[number] ?? finished.last(where: { $0.number == number }) { return .known(task) }
        guard let newest, number > 0, number <= newest.number else { return nil }
        return .finishedBefore
    }

    // MARK: Changing

    func add(_ kind: JournalTask.Kind) async throws(AdministrationError) -> JournalTask {
        await turnstile.enter()
        defer { turnstile.leave() }
        guard unfinished.count < Limits.tasks else {
            throw .limit("\(Limits.tasks) erasures and replays are not finished, the most there may be")
        }
        let task = JournalTask(number: (newest?.number ?? 0) + 1, madeAt: Clock.wall(), kind: kind)
        switch await submit(task) {
        case .failure(.closed): throw .shuttingDown
        case .failure(.disk(let error)): throw .storage("the task could not be stored: \(error)")
        case .success: break
        }
        newest = task
        unfinished[task.number] = task
        if task.isErasure { erasureSink.yield() } else { replaySink.yield() }
        return task
    }

    /// Makes it durable how far a task is.
    func update(_ task: JournalTask) async -> Result<Void, JournalFailure> {
        await turnstile.enter()
        defer { turnstile.leave() }
        let result = await submit(task)
        guard case .success = result else { return result }
        if newest?.number == task.number { newest = task }
        if task.isDone {
            unfinished[task.number] = nil
            finished.append(task)
            if finished.count > Limits.finishedTasks { finished.removeFirst() }
        } else {
            unfinished[task.number] = task
        }
        return result
    }

    /// Appends the records of what is not done. No task changes until ``release()``.
    func hold(appendingTo buffer: RecordBuffer) async {
        await turnstile.enter()
        for task in unfinished(where: { _ in true }) { append(task, to: buffer) }
        if let newest, newest.isDone { append(newest, to: buffer) }
    }

    nonisolated func release() { turnstile.leave() }

    private func submit(_ task: JournalTask) async -> Result<Void, JournalFailure> {
        let buffer = RecordBuffer()
        append(task, to: buffer)
        return await withCheckedContinuation { continuation in
            let isTaken = journal.submit(JournalBatch(buffer) { continuation.resume(returning: $0) })
            if !isTaken { continuation.resume(returning: .failure(.closed)) }
        }
    }

    private func append(_ task: JournalTask, to buffer: RecordBuffer) {
        let start = buffer.beginRecord(.task, sequence: 0)
        do {
            buffer.append([UInt8](try JSONEncoder().encode(task)))
        } catch {
            preconditionFailure("a task can't be encoded: \(error)")
        }
        buffer.endRecord(at: start)
    }
}
