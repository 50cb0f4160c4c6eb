import Ingest
import Logging
import NIOPosix
import RelayCore
import Storage
import Synchronization

/// Keeps the journal within its bound: removes what is settled and old, and refuses events while nothing else helps.
final class JournalRoom: Sendable {
    private let journal: Journal
    private let ingest: IngestLoop
    private let threads: NIOThreadPool
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        var settings: Configuration.Journal
        /// Ids are compared with the events themselves, which stay as long.
        var dedupeWindow: Duration
        var isFull = false
        var isLooking = false
        /// The first event that was needed when somebody asked last, until it is looked at.
        var wish: UInt64?
        var segments = 0
    }

    /// What becomes of being full: told when it changes.
    private let onTrouble: @Sendable (String?) -> Void

    init(
        journal: Journal, ingest: IngestLoop, threads: NIOThreadPool, settings: Configuration.Journal,
        dedupeWindow: Duration,
        logger: Logger, onTrouble: @escaping @Sendable (String?) -> Void
    ) {
        self.journal = journal
        self.ingest = ingest
        self.threads = threads
        self.logger = logger
        self.onTrouble = onTrouble
        state = Mutex(State(settings: settings, dedupeWindow: dedupeWindow))
    }

    func use(_ settings: Configuration.Journal) {
        state.withLock { $0.settings = settings }
    }

    /// Looks whether there is something to do; cheap if there is not.
    ///
    /// - Parameter firstNeeded: the first event that is not settled everywhere.
    func look(firstNeeded: UInt64) {
        let segments = journal.allSegments.count
        let bytes = journal.bytes
        let mayStart = state.withLock { state in
            let isOver = bytes > state.settings.maxBytes || state.isFull
            guard isOver || segments != state.segments else { return false }
            // Whoever looks already looks again with this.
            state.wish = firstNeeded
            defer { state.isLooking = true }
            return !state.isLooking
        }
        guard mayStart else { return }
        threads.submit { [self] _ in
            while let (settings, wish) = nextWish() { makeRoom(settings, firstNeeded: wish) }
        }
    }

    private func nextWish() -> (Configuration.Journal, UInt64)? {
        state.withLock { state in
            guard let wish = state.wish else {
                state.isLooking = false
                return nil
            }
            state.wish = nil
            return (state.settings, wish)
        }
    }

    private func makeRoom(_ settings: Configuration.Journal, firstNeeded: UInt64) {
        let kept = max(settings.retention, state.withLock { $0.dedupeWindow })
        let first = journal.removeSettled(
            firstNeeded: firstNeeded, keptSince: Clock.wall() - kept.milliseconds,
            maxBytes: settings.maxBytes)
        ingest.forgetDuplicates(before: first)
        let isFull = journal.bytes > settings.maxBytes
        let hasChanged = state.withLock { state in
            defer { state.isFull = isFull }
            state.segments = journal.allSegments.count
            return state.isFull != isFull
        }
        guard hasChanged else { return }
        ingest.setObstacle(isFull ? .backlogFull : nil)
        onTrouble(isFull ? "the journal has reached journal.max-bytes with deliveries that are not settled" : nil)
        if isFull {
            logger.error("the journal is full of deliveries that are not settled: events are refused")
        } else {
            logger.notice("the journal has room again")
        }
    }
}
