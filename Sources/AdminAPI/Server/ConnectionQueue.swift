import Synchronization

/// Hands connections from the event loops, which set them up, to the task that serves them.
///
/// No connection that was set up is ever dropped, since NIO ends the process when an asynchronous channel is thrown
/// away unused. An `AsyncStream` can't promise that: cancelled, it ends at once, and what arrives later is dropped.
/// Here a place is reserved before a connection is set up, and the end comes when all places have been used.
final class ConnectionQueue<Connection: Sendable>: Sendable {
    private struct State {
        var isClosed = false
        /// Places of connections that are being set up.
        var reserved = 0
        var waiting: [Connection] = []
        var consumer: CheckedContinuation<Connection?, Never>?
    }

    private let state = Mutex(State())

    /// Takes a place; false: the queue is closed, and the connection is not to be set up.
    func reserve() -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.reserved += 1
            return true
        }
    }

    /// Uses a place: with a connection, or with nil for one that could not be set up.
    func fill(_ connection: Connection?) {
        advance { state in
            state.reserved -= 1
            if let connection { state.waiting.append(connection) }
        }
    }

    /// No more places are given.
    func close() {
        advance { $0.isClosed = true }
    }

    /// The next connection; nil when the queue is closed and all places have been used. Only one task may wait, and its
    /// cancellation changes nothing.
    func next() async -> Connection? {
        await withCheckedContinuation { continuation in
            advance { $0.consumer = continuation }
        }
    }

    private func advance(_ change: (inout State) -> Void) {
        let resume: (() -> Void)? = state.withLock { state in
            change(&state)
            guard let consumer = state.consumer else { return nil }
            if !state.waiting.isEmpty {
                let connection = state.waiting.removeFirst()
                state.consumer = nil
                return { consumer.resume(returning: connection) }
            }
            guard state.isClosed, state.reserved == 0 else { return nil }
            state.consumer = nil
            return { consumer.resume(returning: nil) }
        }
        resume?()
    }
}
