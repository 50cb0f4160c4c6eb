import RelayCore
import Storage

/// A replay that is under way: first all records are looked at to find what it means, then that is handed over as there is
/// room for it.
struct ReplayWork: Sendable {
    enum Stage: Sendable {
        /// The segments up to this one have been looked at.
        case selecting(after: UInt64)
        /// What is chosen is handed over, in order.
        case handing
    }

    var selection: ReplaySelection
    var stage = Stage.selecting(after: 0)
    /// As it will be saved next.
    var task: JournalTask
    var savedAt = ContinuousClock.now
    var isSaved = true

    init(_ replay: JournalTask.Replay, _ task: JournalTask, of webhook: Webhook) {
        selection = ReplaySelection(replay, of: webhook)
        self.task = task
    }
}
