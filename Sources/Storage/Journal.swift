import Logging
package import RelayCore
import Synchronization

/// The log of everything that must be ordered or durable together.
///
/// One thread writes: it takes all batches that wait, seals their records, writes them with one call, syncs once, and
/// completes them (group commit). Where nothing waits, whoever hands a small batch over may write it himself: that spares it
/// two changes of threads, half of what a sync takes. Any thread reads what is synced.
///
/// | after | true |
/// |---|---|
/// | ``submit(_:)`` | nothing |
/// | pwritev | nothing: the disk may forget it |
/// | fdatasync | the batch survives a power cut |
/// | the batch's completion | whoever waits knows that |
/// | a failed write or sync | the segment counts up to its last sync; the next one's header says so, and nothing of the batch comes back |
///
/// Writing: `Journal+Writing.swift`. Reading: `JournalReader.swift`. Making room: `Journal+Room.swift` and
/// `Journal+Rewriting.swift`.
package final class Journal: @unchecked Sendable {
    package let id: JournalID
    package let directory: String
    let disk: any Disk
    let logger: Logger
    let segmentBytes: Int
    let queue = WorkQueue<JournalBatch>()
    let segments: Mutex<[Segment]>
    let state: Mutex<State>
    let hooks: JournalHooks
    let indexing = Mutex<Void>(())
    let stretches = JournalStretches()
    /// Held by who writes.
    let writing = Mutex<Void>(())
    // Used by the holder of `writing` alone.
    var writer: Writer

    struct State {
        var failure: DiskError?
        var turns: UInt64 = 0
        var isWorking = false
        var floor: UInt64
        /// The newest segment that begins with a whole checkpoint; 0: none of this run does.
        var checkpointOrdinal: UInt64 = 0
        var mustRotate = false
        /// Commits that failed, and bytes of segments that were written anew.
        var writeFailures: UInt64 = 0
        var rewrittenBytes: UInt64 = 0
    }

    /// - Parameters:
    ///   - found: segments of earlier runs, oldest first.
    ///   - lastSequence: the last event in them.
    init(
        id: JournalID, directory: String, disk: any Disk, found: [Segment], floor: UInt64, lastSequence: UInt64,
        segmentBytes: Int, hooks: JournalHooks, logger: Logger
    ) {
        self.id = id
        self.directory = directory
        self.disk = disk
        self.segmentBytes = segmentBytes
        self.hooks = hooks
        self.logger = logger
        segments = Mutex(found)
        state = Mutex(State(floor: floor))
        writer = Writer(lastSequence: lastSequence)
    }

    // MARK: Handing over

    /// Hands over records to be written.
    ///
    /// - Parameter mayWait: whether the caller may wait for the disk where that is quicker; else it never blocks.
    /// - Returns: false if the journal is closed; the completion is not called then.
    @discardableResult
    package func submit(_ batch: JournalBatch, mayWait: Bool = false) -> Bool {
        if mayWait, commitAlone(batch) { return true }
        return queue.put(batch)
    }

    /// Has the next segment begun with the next commit, which this causes.
    package func rotate(completion: @escaping @Sendable (Result<Void, JournalFailure>) -> Void = { _ in }) {
        state.withLock { $0.mustRotate = true }
        let isTaken = submit(JournalBatch(RecordBuffer(), completion: completion))
        if !isTaken { completion(.failure(.closed)) }
    }

    /// Has the disk tried once more, if it failed last.
    package func probe() {
        guard failure != nil else { return }
        submit(JournalBatch(RecordBuffer()) { _ in })
    }

    /// Lets ``run()`` return once everything that was submitted is done.
    package func close() {
        queue.close()
    }

    // MARK: Looking at it

    /// Why the last batch could not be made durable; nil if it could.
    package var failure: DiskError? { state.withLock { $0.failure } }

    /// Commits that have failed since the start.
    package var writeFailures: UInt64 { state.withLock { $0.writeFailures } }

    /// Bytes that ``rewrite(_:keeping:)`` has written since the start.
    package var rewrittenBytes: UInt64 { state.withLock { $0.rewrittenBytes } }

    /// What a watchdog looks at: whether the thread has work, and how many turns it has finished.
    package var progress: (isBusy: Bool, turns: UInt64) {
        state.withLock { ($0.isWorking || !queue.isEmpty, $0.turns) }
    }

    package var allSegments: [Segment] { segments.withLock { $0 } }

    /// Bytes of all segments that count.
    package var bytes: Int64 { allSegments.reduce(0) { $0 + Int64($1.validBytes) } }

    /// The lowest ordinal of a segment that is needed; what is below may be gone.
    package var floor: UInt64 { state.withLock { $0.floor } }

    /// Segments before this one are not needed to know the lanes' state.
    package var checkpointOrdinal: UInt64 { state.withLock { $0.checkpointOrdinal } }
}

/// Records that become durable together.
package final class JournalBatch: Sendable {
    package enum Kind: Equatable, Sendable {
        /// Events, refused while there is no space for them.
        case events
        /// What the relay itself must not lose: settlements, changes. It may use the reserve of a full disk.
        case records
        /// A checkpoint and all that a segment has to begin with.
        case checkpoint
    }

    package let records: RecordBuffer
    package let kind: Kind
    /// The last event in it, 0 if there is none.
    package let lastSequence: UInt64
    /// Called on the thread that writes, in the order of the batches: must be quick.
    let completion: @Sendable (Result<Void, JournalFailure>) -> Void

    package init(
        _ records: RecordBuffer, kind: Kind = .records, lastSequence: UInt64 = 0,
        completion: @escaping @Sendable (Result<Void, JournalFailure>) -> Void
    ) {
        self.records = records
        self.kind = kind
        self.lastSequence = lastSequence
        self.completion = completion
    }
}

/// Why a batch is not durable: none of it will ever be read back.
package enum JournalFailure: Error, Equatable, Sendable {
    case disk(DiskError)
    case closed
}

/// What the journal asks of its surroundings.
package struct JournalHooks: Sendable {
    /// Wall clock in Unix milliseconds.
    package var wall: @Sendable () -> Int64
    package var monotonic: @Sendable () -> MonotonicTime
    /// Called on the thread that writes when a segment has been begun, other than with a checkpoint: time for one.
    package var onRotation: @Sendable () -> Void
    package var observeSync: @Sendable (Duration) -> Void
    /// Called on the thread that writes when it can't be written any more, and with nil when it can again.
    package var onFailure: @Sendable (DiskError?) -> Void

    package init(
        wall: @escaping @Sendable () -> Int64, monotonic: @escaping @Sendable () -> MonotonicTime,
        onRotation: @escaping @Sendable () -> Void = {}, observeSync: @escaping @Sendable (Duration) -> Void = { _ in },
        onFailure: @escaping @Sendable (DiskError?) -> Void = { _ in }
    ) {
        self.wall = wall
        self.monotonic = monotonic
        self.onRotation = onRotation
        self.observeSync = observeSync
        self.onFailure = onFailure
    }
}
