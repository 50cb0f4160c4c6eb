import Dispatch
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Relay

@Suite("The tasks' thread", .timeLimit(.minutes(1)))
struct TaskThreadTests {
    private struct Unhappy: Error {}

    /// Waiting blocks a thread, which must not be one of the tests' few.
    private static func run<Success: Sendable>(
        _ body: @escaping @Sendable (TaskThread) throws -> Success
    ) async throws -> Success {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "waits").async {
                continuation.resume(with: Result { try body(TaskThread(name: "tasks")) })
            }
        }
    }

    private static func thread() -> pthread_t { pthread_self() }

    @Test func whatATaskReturnsOrThrowsIsItsCallers() async throws {
        #expect(try await Self.run { try $0.wait { 7 } } == 7)
        await #expect(throws: Unhappy.self) { try await Self.run { try $0.wait { throw Unhappy() } } }
    }

    @Test("a task, its children, actors and what comes back from elsewhere run on the one thread")
    func oneThread() async throws {
        actor Counter {
            private(set) var threads: Set<pthread_t> = []
            func note() { threads.insert(TaskThreadTests.thread()) }
        }
        let threads = try await Self.run { tasks in
            try tasks.wait { () async throws -> Set<pthread_t> in
                let counter = Counter()
                let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
                await withTaskGroup(of: pthread_t.self) { children in
                    for _ in 0..<8 {
                        children.addTask {
                            await counter.note()
                            await group.next().sleep(for: .milliseconds(2))
                            return Self.thread()
                        }
                    }
                    for await thread in children { #expect(thread == Self.thread()) }
                }
                try await group.shutdownGracefully()
                return await counter.threads.union([Self.thread()])
            }
        }
        #expect(threads.count == 1)
    }

    @Test func aSleepEndsWithItsTimeOrItsTask() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let begun = ContinuousClock.now
        await group.next().sleep(for: .milliseconds(20))
        #expect(ContinuousClock.now - begun >= .milliseconds(20))
        let sleeper = Task { await group.next().sleep(for: .seconds(3600)) }
        sleeper.cancel()
        await sleeper.value
        try await group.shutdownGracefully()
    }
}
