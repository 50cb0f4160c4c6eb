import Dispatch
import Ingest
import Logging
import NIOCore
import RelayCore
import Storage
import Synchronization

/// Keeps the journal within its bounds, on a thread of its own: removes what is settled and old, writes anew what a few
/// pending deliveries pin, gives up the oldest of them where nothing else helps, and refuses events as the last resort.
///
/// It looks when a segment has been begun, when deliveries were settled while space is tight, when something is past its
/// retention, and once a second while the disk fails.
final class JournalKeeper: Sendable {
    private let journal: Journal
    let housekeeping: Housekeeping
    private let ingest: IngestLoop
    private let pump: PumpHandle
    private let board: HealthBoard
    private let logger: Logger
    private let wishes = WorkQueue<Wish>()
    /// Steps of long work.
    let steps = StepCounter()
    private let state: Mutex<State>
    /// Changes of registrations up to it are in the snapshot.
    private let savedRevision: @Sendable () -> UInt64

    private enum Wish: Sendable {
        case look
        /// Runs on the keeper's thread, where nothing else changes segments.
        case perform(@Sendable (JournalKeeper) -> Void)
    }

    private struct State {
        var settings: Configuration.Journal
        /// Ids are compared with the events themselves, which stay as long.
        var dedupeWindow: Duration
        var isTight = false
        /// How long the last look took.
        var cost = Duration.zero
        var isWished = false
        var indexFailure: Int32?
        /// When the timer that is set will fire.
        var timerDue: MonotonicTime?
    }

    init(
        journal: Journal, ingest: IngestLoop, pump: PumpHandle, board: HealthBoard,
        settings: Configuration.Journal, dedupeWindow: Duration, savedRevision: @escaping @Sendable () -> UInt64,
        logger: Logger
    ) {
        self.journal = journal
        self.ingest = ingest
        self.pump = pump
        self.board = board
        self.savedRevision = savedRevision
        self.logger = logger
        housekeeping = Housekeeping(journal: journal)
        state = Mutex(State(settings: settings, dedupeWindow: dedupeWindow))
    }

    // MARK: From any thread

    func use(_ settings: Configuration.Journal, dedupeWindow: Duration) {
        state.withLock { ($0.settings, $0.dedupeWindow) = (settings, dedupeWindow) }
        look()
    }

    /// Has it look soon.
    func look() {
        let isNews = state.withLock { state in
            defer { state.isWished = true }
            return !state.isWished
        }
        if isNews { wishes.put(.look) }
    }

    /// Less may be needed than before.
    func noteProgress() {
        let (isTight, cost) = state.withLock { ($0.isTight, $0.cost) }
        if isTight { lookLater(after: max(.milliseconds(50), cost * 4)) }
    }

    /// Has something done on the keeper's thread.
    ///
    /// - Returns: false if the keeper is stopping; it is not done then.
    @discardableResult
    func perform(_ body: @escaping @Sendable (JournalKeeper) -> Void) -> Bool { wishes.put(.perform(body)) }

    func close() { wishes.close() }

    private func lookLater(after wait: Duration) {
        let due = Clock.monotonic() + wait
        let isNews = state.withLock { state in
            if let timerDue = state.timerDue, timerDue <= due { return false }
            state.timerDue = due
            return true
        }
        guard isNews else { return }
        pump.loop.scheduleTask(in: .nanoseconds(wait.nanoseconds)) { [weak self] in
            guard let self else { return }
            let isDue = state.withLock { state in
                guard state.timerDue == due else { return false }
                state.timerDue = nil
                return true
            }
            if isDue { look() }
        }
    }

    // MARK: The thread

    func run() {
        while let taken = wishes.takeAll() {
            for wish in taken {
                steps.note()
                switch wish {
                case .look:
                    let begun = Clock.monotonic()
                    state.withLock { $0.isWished = false }
                    let hasGained = makeRoom()
                    // A look that costs much, or gains nothing, is not taken often.
                    let cost = Clock.monotonic() - begun
                    let isTight = state.withLock { state in
                        state.cost = cost
                        return state.isTight
                    }
                    guard isTight else { continue }
                    lookLater(after: hasGained ? max(.milliseconds(100), cost * 4) : max(.seconds(1), cost * 20))
                case .perform(let body): body(self)
                }
            }
        }
    }

    /// - Returns: whether there is more room than before, or will be once others have done their part.
    private func makeRoom() -> Bool {
        if journal.failure != nil {
            journal.probe()
            lookLater(after: .seconds(1))
        }
        rotateIfOld()
        makeIndices()
        guard let terms = terms() else {
            lookLater(after: .seconds(1))
            return false
        }
        let outcome: Housekeeping.Outcome
        do throws(DiskError) {
            outcome = try housekeeping.makeRoom(terms) { commitFloor($0) }
        } catch {
            logger.warning("room can't be made in the journal: tried again in 1 s", metadata: ["error": "\(error)"])
            publish(isFull: journal.bytes > terms.maxBytes, maxBytes: terms.maxBytes)
            lookLater(after: .seconds(1))
            return false
        }
        ingest.forgetDuplicates(before: outcome.firstSequence)
        let isDisplacing = outcome.displaceBytes > 0 && displace(Int(outcome.displaceBytes))
        publish(isFull: outcome.isFull, maxBytes: terms.maxBytes)
        scheduleRetention()
        return outcome.removedBytes > 0 || isDisplacing
    }

    private func makeIndices() {
        do throws(DiskError) {
            while try journal.indexNext() {
                steps.note()
                ingest.noteIndexed(through: journal.indexedThrough)
            }
            state.withLock { $0.indexFailure = nil }
        } catch {
            // Segments without one are scanned; their ids stay in memory.
            let isNews = state.withLock { state in
                defer { state.indexFailure = error.code }
                return state.indexFailure != error.code
            }
            if isNews {
                logger.warning("an index of the journal can't be written", metadata: ["error": "\(error)"])
            }
        }
        ingest.noteIndexed(through: journal.indexedThrough)
    }

    /// Fills the filter of ids from the index files of earlier runs, newest first; until that is done, ids are looked up
    /// in the files themselves.
    ///
    /// - Parameter maxCount: ids that are remembered.
    func loadIDs(_ indices: [SegmentIndex], maxCount: Int) {
        guard !indices.isEmpty else { return }
        perform { $0.load(indices, maxCount: maxCount) }
    }

    private func load(_ indices: [SegmentIndex], maxCount: Int) {
        let largest = IDFilter.largestGeneration(maxCount: maxCount)
        var left = indices[...]
        var loaded = 0
        while !left.isEmpty, loaded < maxCount {
            var part: [SegmentIndex] = []
            while let next = left.first, part.isEmpty || part.reduce(next.idCount, { $0 + $1.idCount }) <= largest {
                part.append(next)
                left.removeFirst()
            }
            let count = part.reduce(0) { $0 + $1.idCount }
            var generation = IDFilterGeneration(capacity: count)
            do throws(IndexFault) {
                for index in part {
                    steps.note()
                    let sequences = index.summary.firstSequence...index.summary.lastSequence
                    try index.forEachFingerprint { fingerprint in
                        guard !generation.insert(fingerprint, among: sequences) else { return }
                        // Full before its time.
                        ingest.adopt(generation, isComplete: false)
                        generation = IDFilterGeneration(capacity: max(1024, count / 8))
                        _ = generation.insert(fingerprint, among: sequences)
                    }
                }
            } catch {
                // What is uncovered stays so: it is looked up in files that are made anew.
                return logger.warning("ids can't be loaded from an index", metadata: ["error": "\(error)"])
            }
            loaded += count
            ingest.adopt(generation, isComplete: false)
        }
        ingest.adopt(nil, isComplete: true)
        logger.debug("ids of earlier runs loaded", metadata: ["count": "\(loaded)"])
    }

    /// What is needed, asked for in an order that makes it hold for every segment before the checkpoint.
    func terms() -> Housekeeping.Terms? {
        let checkpointOrdinal = journal.checkpointOrdinal
        let (settings, window) = state.withLock { ($0.settings, $0.dedupeWindow) }
        let answer = Gate<JournalNeeds?>()
        pump.tell { pump in pump.askNeeds { answer.open(with: $0) } }
        guard let needs = answer.wait(within: .seconds(10)) ?? nil else { return nil }
        return Housekeeping.Terms(
            needs: needs, checkpointOrdinal: checkpointOrdinal,
            keptSince: Clock.wall() - max(settings.retention, window).milliseconds, maxBytes: settings.maxBytes,
            savedRevision: savedRevision())
    }

    private func commitFloor(_ ordinal: UInt64) -> Bool {
        let answer = Gate<Bool>()
        journal.publishFloor(ordinal) { result in
            if case .success = result { answer.open(with: true) } else { answer.open(with: false) }
        }
        return answer.wait(within: .seconds(10)) ?? false
    }

    /// - Returns: whether there was a failing webhook to take them from.
    private func displace(_ bytes: Int) -> Bool {
        let answer = Gate<Bool>()
        pump.tell { answer.open(with: $0.displaceLargest(bytes: bytes) != nil) }
        return answer.wait(within: .seconds(10)) ?? false
    }

    private func publish(isFull: Bool, maxBytes: Int64) {
        let isTight = journal.bytes > maxBytes - maxBytes / 8
        state.withLock { $0.isTight = isTight }
        guard
            board.set(
                room: isFull ? "the journal has reached journal.max-bytes with deliveries that are not settled" : nil)
        else { return }
        ingest.setObstacle(isFull ? .backlogFull : nil)
        if isFull {
            logger.error(
                "the journal is full of deliveries that are not settled: events are refused",
                metadata: [LogMessage.key: "\(LogMessage.backlogFull)"])
        } else {
            logger.notice("the journal has room again", metadata: [LogMessage.key: "\(LogMessage.backlogHasRoom)"])
        }
    }

    // MARK: Retention

    /// Where little comes in, a segment would hold what is long past its retention: it ends in time.
    private func rotateIfOld() {
        guard let segment = journal.allSegments.last, journal.allSegments.count == 1 || segment.holdsRecords else {
            return
        }
        let age = Clock.wall() - segment.header.createdAt
        if segment.holdsEvents, age > rotationTime.milliseconds { journal.rotate() }
    }

    private var rotationTime: Duration {
        state.withLock { max(.seconds(60), min(.seconds(86_400), max($0.settings.retention, $0.dedupeWindow) / 8)) }
    }

    /// Looks again when the next segment is past its retention, or the present one is to end.
    private func scheduleRetention() {
        let kept = state.withLock { max($0.settings.retention, $0.dedupeWindow) }
        let segments = journal.allSegments
        var dues: [Int64] = []
        if segments.count > 1 { dues.append(segments[1].header.createdAt + kept.milliseconds) }
        if let last = segments.last, last.holdsEvents {
            dues.append(last.header.createdAt + rotationTime.milliseconds)
        }
        guard let due = dues.min() else { return }
        // What is past it and still there is needed: it is looked at with the next segment.
        let wait = due - Clock.wall()
        lookLater(after: .milliseconds(max(wait, 60_000) + 1000))
    }
}

/// Passes one answer from another thread to the one that waits for it.
final class Gate<Answer: Sendable>: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let answer = Mutex<Answer?>(nil)

    func open(with answer: Answer) {
        self.answer.withLock { $0 = answer }
        semaphore.signal()
    }

    /// - Returns: nil if none came in time.
    func wait(within limit: Duration) -> Answer? {
        guard semaphore.wait(timeout: .now() + .nanoseconds(Int(limit.nanoseconds))) == .success else { return nil }
        return answer.withLock { $0 }
    }
}
