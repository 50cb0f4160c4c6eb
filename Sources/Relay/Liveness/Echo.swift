/// Answers from a task: whoever is answered knows that tasks get their turn.
struct Echo: Sendable {
    private let calls: AsyncStream<@Sendable () async -> Void>
    private let sink: AsyncStream<@Sendable () async -> Void>.Continuation

    init() {
        (calls, sink) = AsyncStream.makeStream()
    }

    /// Has something done by the task: nothing of it, once that has ended.
    func call(_ body: @escaping @Sendable () async -> Void) { sink.yield(body) }

    /// Does what is asked for, one after the other, until it is cancelled.
    func run() async {
        for await body in calls { await body() }
    }
}
