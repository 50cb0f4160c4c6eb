import NIOCore
import Synchronization

/// The connections that are open, so that a stop can reach them.
final class OpenConnections: Sendable {
    private struct State {
        var isStopping = false
        var channels: [ObjectIdentifier: any Channel] = [:]
    }

    private let state = Mutex(State())

    /// Counts a connection in until it is closed; false: the server is stopping.
    func add(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isTaken = state.withLock { state in
            guard !state.isStopping else { return false }
            state.channels[id] = channel
            return true
        }
        if isTaken { channel.closeFuture.whenComplete { _ in self.remove(id) } }
        return isTaken
    }

    /// Closes connections that lie idle at once, and the others after their answer, or when the time is over.
    func stop(within time: TimeAmount, on eventLoop: any EventLoop) {
        let channels = state.withLock { state in
            state.isStopping = true
            return Array(state.channels.values)
        }
        for channel in channels {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        eventLoop.scheduleTask(in: time) {
            for channel in channels { channel.close(promise: nil) }
        }
    }

    private func remove(_ id: ObjectIdentifier) {
        state.withLock { state in state.channels[id] = nil }
    }
}
