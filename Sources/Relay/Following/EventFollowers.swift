import RelayCore
import Synchronization

/// Those who follow the events as they are accepted.
///
/// Nobody waits for them: what is durable is put into each one's queue, by reference, and taken apart on the thread that
/// sends it. A queue has a bound in bytes; past it what comes is counted and dropped. Where nobody follows, a batch of events
/// costs one look at a number.
final class EventFollowers: Sendable {
    private struct State {
        var feeds: [EventFeed] = []
        var isOver = false
    }

    private let journal: JournalID
    private let sleep: EventFeed.Sleep
    private let count = Atomic<Int>(0)
    private let state = Mutex(State())

    init(journal: JournalID, sleep: @escaping EventFeed.Sleep = EventFeed.sleep) {
        self.journal = journal
        self.sleep = sleep
    }

    /// Takes records that are on disk: on the thread that writes, before anybody else may see them.
    func accepted(_ records: RecordBuffer) {
        guard count.load(ordering: .relaxed) > 0 else { return }
        for feed in state.withLock({ $0.feeds }) { feed.put(records) }
    }

    func follow(_ choice: FollowChoice) throws(AdministrationError) -> AsyncStream<Followed> {
        let feed = EventFeed(choice, journal: journal, sleep: sleep)
        let error: AdministrationError? = state.withLock { state in
            if state.isOver { return .shuttingDown }
            guard state.feeds.count < Limits.followers else {
                return .limit("\(Limits.followers) are following the events already: no more can at once.")
            }
            state.feeds.append(feed)
            count.store(state.feeds.count, ordering: .relaxed)
            return nil
        }
        if let error { throw error }
        // Whoever stops reading cancels, or lets go of the stream: both end here.
        let lease = Lease { [self] in remove(feed) }
        return AsyncStream(
            unfolding: {
                defer { withExtendedLifetime(lease) {} }
                return await feed.next()
            },
            onCancel: { lease.end() })
    }

    private func remove(_ feed: EventFeed) {
        state.withLock { state in
            state.feeds.removeAll { $0 === feed }
            count.store(state.feeds.count, ordering: .relaxed)
        }
        feed.end()
    }

    /// Lets all come to an end, and takes no more.
    func end() {
        let feeds = state.withLock { state in
            state.isOver = true
            return state.feeds
        }
        for feed in feeds { feed.end() }
    }

    /// Ends something once, at the latest when nobody has it any more.
    private final class Lease: Sendable {
        private let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }

        func end() { body() }

        deinit { body() }
    }
}

/// What waits for one who follows.
final class EventFeed: Sendable {
    fileprivate struct State {
        var batches: [RecordBuffer] = []
        var bytes = 0
        /// Events that were dropped behind those that wait, and before them.
        var dropped = 0
        var droppedBefore = 0
        var isOver = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// Waits for a time, or until its task is cancelled.
    typealias Sleep = @Sendable (Duration) async -> Void

    static let sleep: Sleep = { duration in
        // Cancelled, it is over.
        try? await Task.sleep(for: duration)
    }

    private let choice: FollowChoice
    private let journal: JournalID
    private let bytesMax: Int
    private let beat: Duration
    private let sleep: Sleep
    private let state = Mutex(State())

    init(
        _ choice: FollowChoice, journal: JournalID, bytesMax: Int = Limits.followedBytes,
        beat: Duration = Limits.followingBeat, sleep: @escaping Sleep = EventFeed.sleep
    ) {
        self.beat = beat
        self.sleep = sleep
        self.choice = choice
        self.journal = journal
        self.bytesMax = bytesMax
    }

    /// Never waits.
    func put(_ records: RecordBuffer) {
        let isTaken = state.withLock { state in
            // One batch is taken however large it is.
            let isTaken = !state.isOver && (state.batches.isEmpty || state.bytes + records.count <= bytesMax)
            if isTaken {
                state.batches.append(records)
                state.bytes += records.count
            }
            return isTaken
        }
        if !isTaken {
            let count = count(in: records)
            state.withLock { $0.dropped += count }
        }
        wake()
    }

    private func count(in records: RecordBuffer) -> Int {
        var count = 0
        records.forEachEvent { if choice.takes($0) { count += 1 } }
        return count
    }

    /// What came next; nil: it is over. One caller at a time.
    func next() async -> Followed? {
        var isLate = false
        while true {
            let (batches, dropped, isOver) = state.withLock { $0.take() }
            if dropped > 0 { return .dropped(dropped) }
            var events: [AcceptedEvent] = []
            for batch in batches {
                batch.forEachEvent { if choice.takes($0) { events.append(AcceptedEvent($0, journal: journal)) } }
            }
            if !events.isEmpty { return .events(events) }
            if isOver || Task.isCancelled { return nil }
            if isLate { return .idle }
            isLate = await isIdle()
        }
    }

    /// Waits until something is there, for a while.
    ///
    /// - Returns: whether nothing came.
    private func isIdle() async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { [self] in
                await wait()
                return false
            }
            group.addTask { [self] in
                // Cut short by what has come.
                await sleep(beat)
                wake()
                return true
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                guard state.batches.isEmpty, state.dropped == 0, !state.isOver else { return true }
                state.waiter = continuation
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    private func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Nothing comes any more.
    func end() {
        state.withLock { $0.isOver = true }
        wake()
    }
}

extension EventFeed.State {
    /// Takes what waits: what was dropped before it alone, if something was.
    fileprivate mutating func take() -> (batches: [RecordBuffer], dropped: Int, isOver: Bool) {
        if batches.isEmpty {
            droppedBefore += dropped
            dropped = 0
        }
        guard droppedBefore == 0 else {
            defer { droppedBefore = 0 }
            return ([], droppedBefore, isOver)
        }
        defer {
            batches = []
            bytes = 0
            droppedBefore = dropped
            dropped = 0
        }
        return (batches, 0, isOver)
    }
}

extension RecordBuffer {
    /// The events among its records.
    fileprivate func forEachEvent(_ body: (EventRecord) -> Void) {
        var offset = 0
        while offset < count {
            let header = RecordFormat.Header(at: bytes + offset)
            if header.kind == RecordKind.event.rawValue, let event = EventRecord(buffer: self, offset: offset) {
                body(event)
            }
            offset += header.totalBytes
        }
    }
}
