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
        var isFull = false
        var isLooking = false
        var segments = 0
    }

    /// What becomes of being full: told when it changes.
    private let onTrouble: @Sendable (String?) -> Void

    init(
        journal: Journal, ingest: IngestLoop, threads: NIOThreadPool, settings: Configuration.Journal, logger: Logger,
        onTrouble: @escaping @Sendable (String?) -> Void
    ) {
        self.journal = journal
        self.ingest = ingest
        self.threads = threads
        self.logger = logger
        self.onTrouble = onTrouble
        state = Mutex(State(settings: settings))
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
        let settings: Configuration.Journal? = state.withLock { state in
            let isOver = bytes > state.settings.maxBytes || state.isFull
            guard !state.isLooking, isOver || segments != state.segments else { return nil }
            state.isLooking = true
            state.segments = segments
            return state.settings
        }
        guard let settings else { return }
        threads.submit { [self] _ in makeRoom(settings, firstNeeded: firstNeeded) }
    }

    private func makeRoom(_ settings: Configuration.Journal, firstNeeded: UInt64) {
        let first = journal.removeSettled(
            firstNeeded: firstNeeded, keptSince: Clock.wall() - settings.retention.milliseconds,
            maxBytes: settings.maxBytes)
        ingest.forgetDuplicates(before: first)
        let isFull = journal.bytes > settings.maxBytes
        let hasChanged = state.withLock { state in
            defer { state.isFull = isFull }
            state.isLooking = false
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
