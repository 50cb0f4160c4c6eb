import Dispatch
import Storage
import Synchronization

/// A thread for the tasks of a daemon, one job at a time; it lives as long as the process.
///
/// Swift's global executor is a pool of libdispatch's, which from its first job on wakes up every second, for ever. What
/// blocks has threads of its own here, so that one is enough for tasks.
package final class TaskThread: TaskExecutor {
    private let jobs: WorkQueue<@Sendable () -> Void>

    /// - Parameter name: at most 15 characters; what `top -H` shows.
    package init(name: String) {
        let jobs = WorkQueue<@Sendable () -> Void>()
        self.jobs = jobs
        _ = WorkThread(name: name, stackBytes: Self.stackBytes) {
            while let waiting = jobs.takeAll() {
                for job in waiting { job() }
            }
        }
    }

    /// As libdispatch's threads have: none of it is used before it is needed.
    private static let stackBytes = 8 * 1024 * 1024

    package func enqueue(_ job: consuming ExecutorJob) {
        let (job, executor) = (UnownedJob(job), asUnownedTaskExecutor())
        jobs.put { job.runSynchronously(on: executor) }
    }

    /// Runs a task here, and keeps the caller's thread waiting for its end.
    package func wait<Success: Sendable>(
        for body: @escaping @Sendable () async throws -> Success
    ) throws -> Success {
        let outcome = Mutex<Result<Success, any Error>?>(nil)
        let isOver = DispatchSemaphore(value: 0)
        Task(executorPreference: self) {
            let result: Result<Success, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            outcome.withLock { $0 = result }
            isOver.signal()
        }
        isOver.wait()
        guard let result = outcome.withLock({ $0 }) else { preconditionFailure("a task is over without an outcome") }
        return try result.get()
    }
}
