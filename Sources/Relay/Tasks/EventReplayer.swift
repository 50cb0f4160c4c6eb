import Logging
import NIOPosix
import RelayCore
import Storage

/// Delivers once more what an administrator asks for: the tasks of that kind, all of them in turn, each as its webhook's lane
/// has room.
///
/// | step | after a crash |
/// |---|---|
/// | what is meant is found out from the journal | all over again, from the event on that was saved last |
/// | some are handed to the lane | those that are not saved are handed over again |
/// | the lane's progress is on disk, then how far the task is | it goes on behind them |
struct EventReplayer: Sendable {
    let tasks: JournalTasks
    let journal: Journal
    let pump: PumpHandle
    let registrar: Registrar
    let scans: NIOThreadPool
    let logger: Logger

    private static let eventsPerStep = 256
    private static let bytesPerStep = 4 << 20
    /// How often it is saved how far a task is: what a crash repeats at most.
    private static let savingTime: Duration = .seconds(1)

    /// Why a step could not be taken.
    private enum Obstacle: Error {
        case disk(DiskError)
        case notSaved
        case stopping
    }

    /// Works until its task is cancelled.
    func run() async {
        for await _ in tasks.replays {
            var works: [UInt64: ReplayWork] = [:]
            while !Task.isCancelled {
                let unfinished = await tasks.unfinished { !$0.isErasure }
                guard !unfinished.isEmpty else { break }
                var isIdle = true
                do throws(Obstacle) {
                    for task in unfinished where try await step(task, &works) { isIdle = false }
                } catch {
                    if case .stopping = error { return }
                    logger.warning("a replay can't go on yet: tried again in 1 s", metadata: ["error": "\(error)"])
                    // Woken early by its cancellation, it ends.
                    await pump.loop.sleep(for: .seconds(1))
                }
                if isIdle { await pump.loop.sleep(for: .milliseconds(50)) }
            }
        }
    }

    /// - Returns: whether anything could be done.
    private func step(_ task: JournalTask, _ works: inout [UInt64: ReplayWork]) async throws(Obstacle) -> Bool {
        switch task.kind {
        case .replay(let replay):
            guard let webhook = registrar.current[replay.webhook] else {
                works[task.number] = nil
                try await finish(task)
                return true
            }
            var work = works[task.number] ?? ReplayWork(replay, task, of: webhook)
            let isDone = try await step(&work, webhook.number)
            works[task.number] = work.task.isDone ? nil : work
            return isDone
        case .replayEvent(let replay):
            return try await step(task, replay)
        case .eraseEvent, .eraseTenant:
            return false
        }
    }

    // MARK: A webhook's events

    private func step(_ work: inout ReplayWork, _ webhook: WebhookNumber) async throws(Obstacle) -> Bool {
        switch work.stage {
        case .selecting(let ordinal):
            if ordinal == 0 { _ = try await saved(webhook) }
            let selection = work.selection
            let (selected, reached) = try await onScanThread { [journal] () throws(DiskError) in
                var selection = selection
                let reached = try journal.select(&selection, after: ordinal)
                return (selection, reached)
            }
            work.selection = selected
            if let reached {
                work.stage = .selecting(after: reached)
            } else {
                if let lane = try await saved(webhook) { work.selection.exclude(lane) }
                work.stage = .handing
            }
            return true
        case .handing:
            return try await hand(&work, webhook)
        }
    }

    private func hand(_ work: inout ReplayWork, _ webhook: WebhookNumber) async throws(Obstacle) -> Bool {
        guard case .replay(var replay) = work.task.kind else { return false }
        let room = await pump.ask { $0.scheduler.roomToReopen(for: webhook) }
        guard room > 0 else {
            try await save(&work, webhook, isUrgent: false)
            return false
        }
        let (chosen, first) = (work.selection.chosen, replay.next)
        let (events, next) = try await onScanThread { [journal] () throws(DiskError) in
            try journal.repeatables(
                chosen, from: first, for: webhook, count: min(room, Self.eventsPerStep), maxBytes: Self.bytesPerStep)
        }
        let repeated = await pump.ask { $0.repeatDeliveries(events, for: webhook) }
        work.task.count += UInt64(repeated.count)
        if let after = repeated.next ?? next {
            replay.next = after
        } else {
            replay.next = replay.through + 1
            work.task.isDone = true
        }
        work.task.kind = .replay(replay)
        work.isSaved = false
        try await save(&work, webhook, isUrgent: work.task.isDone)
        return repeated.count > 0 || replay.next > first
    }

    /// Saves how far a task is, behind what it has handed over.
    private func save(_ work: inout ReplayWork, _ webhook: WebhookNumber, isUrgent: Bool) async throws(Obstacle) {
        guard !work.isSaved, isUrgent || ContinuousClock.now - work.savedAt >= Self.savingTime else { return }
        _ = try await saved(webhook)
        guard case .success = await tasks.update(work.task) else { throw .notSaved }
        work.isSaved = true
        work.savedAt = .now
        if work.task.isDone { tell(of: work.task) }
    }

    // MARK: One event

    private func step(_ task: JournalTask, _ replay: JournalTask.ReplayEvent) async throws(Obstacle) -> Bool {
        let event = try await onScanThread { [journal] () throws(DiskError) in try journal.event(replay.sequence) }
        var task = task
        var left: [WebhookNumber] = []
        if let event {
            for webhook in replay.webhooks where registrar.current[webhook] != nil {
                let repeatable = Journal.Repeatable(event, for: webhook)
                let repeated = await pump.ask { $0.repeatDeliveries([repeatable], for: webhook) }
                task.count += UInt64(repeated.count)
                if repeated.next != nil { left.append(webhook) }
            }
        }
        guard left != replay.webhooks else { return false }
        var replay = replay
        replay.webhooks = left
        task.kind = .replayEvent(replay)
        task.isDone = left.isEmpty
        // Progress is saved for all lanes at once.
        _ = try await saved(0)
        guard case .success = await tasks.update(task) else { throw .notSaved }
        if task.isDone { tell(of: task) }
        return true
    }

    // MARK: Parts

    private func finish(_ task: JournalTask) async throws(Obstacle) {
        var task = task
        task.isDone = true
        guard case .success = await tasks.update(task) else { throw .notSaved }
        tell(of: task)
    }

    private func tell(of task: JournalTask) {
        logger.notice(
            "events replayed",
            metadata: [
                LogMessage.key: "\(LogMessage.administration)", "task": "\(task.number)", "count": "\(task.count)",
            ])
    }

    private func saved(_ webhook: WebhookNumber) async throws(Obstacle) -> JournalNeeds.Lane? {
        guard case .success(let lane) = await pump.save(lane: webhook) else { throw .notSaved }
        return lane
    }

    private func onScanThread<Answer: Sendable>(
        _ body: @escaping @Sendable () throws(DiskError) -> Answer
    ) async throws(Obstacle) -> Answer {
        // The pool refuses work only when it is shut down.
        let result: Result<Answer, DiskError>? = try? await scans.runIfActive {
            do throws(DiskError) { return .success(try body()) } catch { return .failure(error) }
        }
        switch result {
        case .success(let answer): return answer
        case .failure(let error): throw .disk(error)
        case nil: throw .stopping
        }
    }
}
