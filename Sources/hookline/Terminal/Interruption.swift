import Dispatch
import Glibc

/// SIGINT and SIGTERM as something to wait for.
enum Interruption {
    /// Runs the work; a signal cancels it, so that it can clean up.
    ///
    /// - Returns: the signal that came, or nil if the work ended by itself.
    static func cancelling(_ work: @escaping @Sendable () async throws -> Void) async throws -> Int32? {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(1))
        let sources = [SIGINT, SIGTERM].map { number in
            // The default action would end the process before the source sees the signal.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
        }
        return try await withThrowingTaskGroup(of: Int32?.self) { group in
            group.addTask {
                try await work()
                return nil
            }
            group.addTask {
                var iterator = signals.makeAsyncIterator()
                return await iterator.next()
            }
            let first = try await group.next() ?? nil
            group.cancelAll()
            do {
                while try await group.next() != nil {}
            } catch {
                // What was interrupted says so in its own ways; an error that came first was thrown above.
            }
            return first
        }
    }
}
