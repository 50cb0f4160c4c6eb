import Storage
import Synchronization

/// Why events are refused at present, for all who want to know: `/readyz`, `status`, the service manager.
final class HealthBoard: Sendable {
    private struct State {
        var disk: DiskError?
        var room: String?
        /// Since when there has been some trouble, Unix milliseconds.
        var since: Int64?
        var listener: (@Sendable (String?) -> Void)?

        var trouble: String? { disk.map { "the journal can't be written: \($0)" } ?? room }
    }

    private let state = Mutex(State())

    var trouble: String? { state.withLock { $0.trouble } }

    /// With the time since when there has been some; Unix milliseconds.
    var troubleSince: (trouble: String, since: Int64)? {
        state.withLock { state in state.trouble.map { ($0, state.since ?? 0) } }
    }

    func set(disk: DiskError?) { change { $0.disk = disk } }

    /// - Returns: whether that is news.
    @discardableResult
    func set(room: String?) -> Bool { change { $0.room = room } }

    /// Has somebody told of every change.
    func listen(_ listener: @escaping @Sendable (String?) -> Void) { state.withLock { $0.listener = listener } }

    @discardableResult
    private func change(_ body: (inout State) -> Void) -> Bool {
        let (isNews, trouble, listener) = state.withLock { state in
            let before = state.trouble
            let room = state.room
            body(&state)
            if before == nil || state.trouble == nil { state.since = state.trouble.map { _ in Clock.wall() } }
            return (before != state.trouble || room != state.room, state.trouble, state.listener)
        }
        if isNews { listener?(trouble) }
        return isNews
    }
}
