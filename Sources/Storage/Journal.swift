import Logging
package import RelayCore
import Synchronization

/// Records that become durable together.
package final class JournalBatch: Sendable {
    package let records: RecordBuffer
    /// The last event in it, 0 if there is none.
    package let lastSequence: UInt64
    /// Called on the journal's thread, in the order of the batches: must be quick.
    let completion: @Sendable (Result<Void, JournalFailure>) -> Void

    package init(
        _ records: RecordBuffer, lastSequence: UInt64 = 0,
        completion: @escaping @Sendable (Result<Void, JournalFailure>) -> Void
    ) {
        self.records = records
        self.lastSequence = lastSequence
        self.completion = completion
    }
}

/// Why a batch is not durable: none of it will ever be read back.
package enum JournalFailure: Error, Equatable, Sendable {
    case disk(DiskError)
    case closed
}

/// The log of everything that must be ordered or durable together.
///
/// One thread writes: it takes all batches that wait, seals their records, writes them with one call, syncs once, and
/// completes them (group commit). Any thread reads what is synced.
///
/// | after | true |
/// |---|---|
/// | ``submit(_:)`` | nothing |
/// | pwritev | nothing: the disk may forget it |
/// | fdatasync | the batch survives a power cut |
/// | the batch's completion | whoever waits knows that |
/// | a failed write or sync | the segment counts up to its last sync; the next one's header says so, and nothing of the batch comes back |
package final class Journal: Sendable {
    package let id: JournalID
    package let directory: String
    private let disk: any Disk
    private let logger: Logger
    private let segmentBytes: Int
    /// The last event of earlier runs.
    private let lastSequence: UInt64
    private let queue = WorkQueue<JournalBatch>()
    private let segments: Mutex<[Segment]>
    private let state: Mutex<State>
    /// Wall clock in Unix milliseconds.
    private let wall: @Sendable () -> Int64
    private let onRotation: @Sendable () -> Void
    private let observeSync: @Sendable (Duration) -> Void

    private struct State {
        var failure: DiskError?
        var turns: UInt64 = 0
        var isWorking = false
    }

    /// - Parameters:
    ///   - found: segments of earlier runs, oldest first.
    ///   - lastSequence: the last event in them.
    ///   - onRotation: called on the journal's thread when a segment has been begun: time for a checkpoint.
    init(
        id: JournalID, directory: String, disk: any Disk, found: [Segment], lastSequence: UInt64, segmentBytes: Int,
        wall: @escaping @Sendable () -> Int64, onRotation: @escaping @Sendable () -> Void,
        observeSync: @escaping @Sendable (Duration) -> Void, logger: Logger
    ) {
        self.id = id
        self.directory = directory
        self.disk = disk
        self.segmentBytes = segmentBytes
        self.lastSequence = lastSequence
        self.wall = wall
        self.onRotation = onRotation
        self.observeSync = observeSync
        self.logger = logger
        segments = Mutex(found)
        state = Mutex(State())
    }

    // MARK: Writing

    /// Hands over records to be written. Never blocks.
    ///
    /// - Returns: false if the journal is closed; the completion is not called then.
    @discardableResult
    package func submit(_ batch: JournalBatch) -> Bool {
        queue.put(batch)
    }

    /// Lets ``run()`` return once everything that was submitted is done.
    package func close() {
        queue.close()
    }

    /// The writer's loop, for a thread of its own; returns after ``close()``.
    package func run() {
        var writer = Writer(lastSequence: lastSequence)
        while let batches = queue.takeAll() {
            state.withLock { $0.isWorking = true }
            commit(batches, &writer)
            state.withLock {
                $0.isWorking = false
                $0.turns += 1
            }
        }
        // Preallocated space is given back; what counts is in the file already, so a failure costs nothing but space.
        if let segment = writer.segment { _ = try? segment.file.truncate(to: writer.offset) }
    }

    /// Why the last batch could not be made durable; nil if it could.
    package var failure: DiskError? { state.withLock { $0.failure } }

    /// What a watchdog looks at: whether the thread has work, and how many turns it has finished.
    package var progress: (isBusy: Bool, turns: UInt64) {
        state.withLock { ($0.isWorking || !queue.isEmpty, $0.turns) }
    }

    private struct Writer {
        var segment: Segment?
        /// Bytes of the segment that are durable.
        var offset = 0
        /// The last event that is durable.
        var lastSequence: UInt64
    }

    private func commit(_ batches: [JournalBatch], _ writer: inout Writer) {
        do throws(DiskError) {
            try write(batches, &writer)
            state.withLock { $0.failure = nil }
            for batch in batches { batch.completion(.success(())) }
        } catch {
            abandon(&writer)
            let isNews = state.withLock { state in
                defer { state.failure = error }
                return state.failure != error
            }
            if isNews {
                logger.error("journal can't be written", metadata: ["error": "\(error)"])
            }
            for batch in batches { batch.completion(.failure(.disk(error))) }
        }
    }

    private func write(_ batches: [JournalBatch], _ writer: inout Writer) throws(DiskError) {
        if writer.segment == nil || writer.offset >= segmentBytes {
            try begin(firstSequence: writer.lastSequence + 1, &writer)
        }
        guard let segment = writer.segment else { return }
        var parts: [UnsafeRawBufferPointer] = []
        var index: [Segment.IndexEntry] = []
        var offset = writer.offset
        for batch in batches {
            RecordFormat.seal(batch.records.bytes, count: batch.records.count, seed: segment.seed)
            parts.append(batch.records.contents)
            let header = RecordFormat.Header(at: batch.records.bytes)
            // Only events stand in the order of their sequences; a progress record has that of an earlier one.
            if header.kind == RecordKind.event.rawValue {
                index.append(Segment.IndexEntry(sequence: header.sequence, offset: offset))
            }
            offset += batch.records.count
        }
        try segment.file.write(parts, at: writer.offset)
        let clock = ContinuousClock()
        let start = clock.now
        try segment.file.sync()
        observeSync(clock.now - start)
        writer.offset = offset
        writer.lastSequence = batches.reduce(writer.lastSequence) { max($0, $1.lastSequence) }
        segment.publish(through: offset, index: index)
    }

    /// Begins the next segment; from its making on the one before counts as far as it was synced.
    private func begin(firstSequence: UInt64, _ writer: inout Writer) throws(DiskError) {
        let previous = segments.withLock { $0.last }
        if let old = writer.segment {
            // Space beyond the end that nobody needs any more; without this it is only wasted.
            _ = try? old.file.truncate(to: writer.offset)
        }
        writer.segment = nil
        var generator = SystemRandomNumberGenerator()
        let header = SegmentHeader(
            journal: id, nonce: generator.next(), ordinal: (previous?.header.ordinal ?? 0) + 1,
            firstSequence: firstSequence, createdAt: wall(), previousOrdinal: previous?.header.ordinal ?? 0,
            previousBytes: UInt64(previous?.validBytes ?? 0))
        let name = Segment.name(ordinal: header.ordinal, firstSequence: firstSequence)
        let path = "\(directory)/\(name)"
        let file = try createAnew(path)
        // Without reserved space it works too, only a full disk is met later: then at a write.
        _ = try? file.allocate(segmentBytes)
        let bytes = header.bytes
        var failure: DiskError?
        bytes.withUnsafeBytes { raw in
            do throws(DiskError) {
                try file.write([raw], at: 0)
                try file.sync()
                try disk.syncDirectory(directory)
            } catch {
                failure = error
            }
        }
        if let failure {
            // An unfinished segment would only be in the way of the next try; if it stays, that one replaces it.
            _ = try? disk.remove(path)
            throw failure
        }
        let segment = Segment(
            header: header, path: path, file: file, validBytes: SegmentHeader.byteCount, isIndexed: true)
        segments.withLock { $0.append(segment) }
        writer.segment = segment
        writer.offset = SegmentHeader.byteCount
        logger.debug("journal segment begun", metadata: ["path": "\(path)"])
        onRotation()
    }

    /// A file of this name can only be left over from a try that failed: it has never counted.
    private func createAnew(_ path: String) throws(DiskError) -> any DiskFile {
        do throws(DiskError) {
            return try disk.create(path)
        } catch  where error.isAlreadyThere {
            try disk.remove(path)
            return try disk.create(path)
        }
    }

    private func abandon(_ writer: inout Writer) {
        guard let segment = writer.segment else { return }
        // What was written behind the last sync must not come back. The next segment's header says so; cutting it off
        // makes it true even before there is one.
        _ = try? segment.file.truncate(to: writer.offset)
        _ = try? segment.file.sync()
        writer.segment = nil
    }

    // MARK: Reading

    package var allSegments: [Segment] { segments.withLock { $0 } }

    /// Bytes of all segments that count.
    package var bytes: Int64 { allSegments.reduce(0) { $0 + Int64($1.validBytes) } }

    // MARK: Making room

    /// Removes old segments that nobody needs: those past their retention, and as many more as the size bound asks for.
    ///
    /// - Parameters:
    ///   - firstNeeded: the first event that is not settled.
    ///   - keptSince: Unix milliseconds; what was made before is not kept for replay.
    ///   - maxBytes: of all segments together.
    /// - Returns: the first event that is still there.
    package func removeSettled(firstNeeded: UInt64, keptSince: Int64, maxBytes: Int64) -> UInt64 {
        while let (oldest, next) = segments.withLock({ $0.count > 1 ? ($0[0], $0[1]) : nil }) {
            guard next.header.firstSequence <= firstNeeded else { break }
            guard next.header.createdAt < keptSince || bytes > maxBytes else { break }
            do throws(DiskError) {
                try disk.remove(oldest.path)
            } catch {
                logger.warning("journal segment can't be removed", metadata: ["error": "\(error)"])
                break
            }
            segments.withLock { _ = $0.removeFirst() }
        }
        return allSegments.first?.header.firstSequence ?? 1
    }
}

extension DiskError {
    fileprivate var isAlreadyThere: Bool { code == 17 }  // EEXIST
}
