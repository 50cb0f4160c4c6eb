import Logging
import RelayCore
import Synchronization

/// Writing: on the journal's thread, or on that of whoever commits a small batch alone; one at a time, by `writing`.
extension Journal {
    struct Writer {
        var segment: Segment?
        /// Bytes of the segment that are durable.
        var offset = 0
        /// Where the segment ends: what comes then begins the next one.
        var limit = 0
        /// Where the zeros end that were written behind the records; before `offset` if there are none.
        var zeroedThrough = 0
        /// The last event that is durable.
        var lastSequence: UInt64
        /// Whether the segment is the reserve of a full disk, where no events go.
        var isReserve = false
        /// Whether the segment's space was given back when the disk was full.
        var lacksSpace = false
        /// Whether the segment's space up to `limit` was taken beforehand.
        var isAllocated = false
        /// Whether nobody has been told yet that the segment was begun.
        var isUnannounced = false
        /// No segment is begun before, since the last try failed.
        var retryAt: MonotonicTime?
        var beginFailure: DiskError?
    }

    /// The writer's loop, for a thread of its own; returns after ``close()``.
    package func run() {
        while queue.wait() { commitWaiting() }
        writing.withLock { _ in finish() }
    }

    /// Commits what waits, on the caller's thread: for whoever steps instead of calling ``run()``.
    ///
    /// - Returns: whether there was anything.
    @discardableResult
    package func commitWaiting() -> Bool {
        writing.withLock { _ in
            // Taken under the lock: nobody overtakes a batch that was taken and is not written.
            let batches = queue.takeWaiting()
            if !batches.isEmpty { commit(batches) }
            return !batches.isEmpty
        }
    }

    /// Commits a batch on the caller's thread, which waits for the disk, where nothing else waits or is being written.
    ///
    /// - Returns: false if it does not; nothing has happened then.
    func commitAlone(_ batch: JournalBatch) -> Bool {
        writing.withLockIfAvailable { _ in
            guard queue.isIdle else { return false }
            commit([batch])
            return true
        } ?? false
    }

    private func finish() {
        // Preallocated space is given back; what counts is in the file already, so a failure costs nothing but space.
        if let segment = writer.segment { _ = try? segment.file.truncate(to: writer.offset) }
    }

    private func commit(_ batches: [JournalBatch]) {
        state.withLock { $0.isWorking = true }
        defer {
            state.withLock {
                $0.isWorking = false
                $0.turns += 1
            }
        }
        do throws(DiskError) {
            try write(batches, hasEvents: batches.contains { $0.kind == .events })
            noteSuccess()
            for batch in batches { batch.completion(.success(())) }
        } catch {
            note(error)
            // Events are refused. What has become of others need not be lost with them.
            let (events, records) = batches.reduce(into: ([JournalBatch](), [JournalBatch]())) {
                if $1.kind == .events { $0.0.append($1) } else { $0.1.append($1) }
            }
            for batch in events { batch.completion(.failure(.disk(error))) }
            guard !records.isEmpty else { return }
            do throws(DiskError) {
                guard !events.isEmpty, error.isLackOfSpace else { throw error }
                try write(records, hasEvents: false)
                for batch in records { batch.completion(.success(())) }
            } catch {
                for batch in records { batch.completion(.failure(.disk(error))) }
            }
        }
    }

    private func noteSuccess() {
        // While records go to the reserve, events are still refused.
        guard !writer.isReserve else { return }
        let wasFailing = state.withLock { state in
            defer { state.failure = nil }
            return state.failure != nil
        }
        guard wasFailing else { return }
        logger.notice("the journal can be written again", metadata: [LogMessage.key: "\(LogMessage.storageWorks)"])
        hooks.onFailure(nil)
    }

    private func note(_ error: DiskError) {
        let isNews = state.withLock { state in
            defer { state.failure = error }
            state.writeFailures += 1
            return state.failure?.code != error.code
        }
        guard isNews else { return }
        logger.error(
            "the journal can't be written: events are refused until it can, deliveries go on",
            metadata: [
                LogMessage.key: "\(error.isLackOfSpace ? LogMessage.diskFull : .storageFailing)", "error": "\(error)",
            ])
        hooks.onFailure(error)
    }

    private func write(_ batches: [JournalBatch], hasEvents: Bool) throws(DiskError) {
        let bytes = batches.reduce(0) { $0 + $1.records.count }
        try ensureSegment(hasEvents: hasEvents, bytes: bytes)
        guard let segment = writer.segment else { return }
        guard bytes > 0 else {
            // A probe of a disk that has failed.
            if failure != nil { try attempt(segment) { () throws(DiskError) in try sync(segment) } }
            announceRotation(hasCheckpoint: false)
            return
        }
        var parts: [UnsafeRawBufferPointer] = []
        var index: [Segment.IndexEntry] = []
        var offset = writer.offset
        for batch in batches where !batch.records.isEmpty {
            RecordFormat.seal(batch.records.bytes, count: batch.records.count, seed: segment.seed)
            parts.append(batch.records.contents)
            let header = RecordFormat.Header(at: batch.records.bytes)
            // Only events stand in the order of their sequences; a progress record has that of an earlier one.
            if header.kind == RecordKind.event.rawValue {
                index.append(Segment.IndexEntry(sequence: header.sequence, offset: offset))
            }
            offset += batch.records.count
        }
        let zeros = zerosAhead(from: offset, bytes: bytes)
        if zeros > 0 { parts.append(Self.zeros(zeros)) }
        try attempt(segment) { () throws(DiskError) in
            try segment.file.write(parts, at: writer.offset)
            try sync(segment)
        }
        writer.offset = offset
        if zeros > 0 { writer.zeroedThrough = offset + zeros }
        writer.lastSequence = batches.reduce(writer.lastSequence) { max($0, $1.lastSequence) }
        segment.publish(through: offset, index: index)
        let hasCheckpoint = batches.contains { $0.kind == .checkpoint }
        if !writer.isReserve, hasCheckpoint { state.withLock { $0.checkpointOrdinal = segment.header.ordinal } }
        announceRotation(hasCheckpoint: hasCheckpoint)
    }

    /// Tells of a new segment once something in it is durable, unless a checkpoint is: one that is too large for what is
    /// left of a segment begins the next, and must not be the reason for another one. Nor must one that can't be written.
    private func announceRotation(hasCheckpoint: Bool) {
        guard writer.isUnannounced else { return }
        writer.isUnannounced = false
        if !hasCheckpoint { hooks.onRotation() }
    }

    private func attempt(_ segment: Segment, _ body: () throws(DiskError) -> Void) throws(DiskError) {
        do throws(DiskError) {
            try body()
        } catch {
            giveUp(segment, because: error)
            throw error
        }
    }

    private func sync(_ segment: Segment) throws(DiskError) {
        let start = hooks.monotonic()
        try segment.file.sync()
        hooks.observeSync(hooks.monotonic() - start)
        // Whoever removes or moves the directory under a running daemon takes with it what is written from then on.
        guard try segment.file.isInPlace() else { throw .removed(segment.path) }
    }

    /// What was written behind the last sync must not come back.
    private func giveUp(_ segment: Segment, because error: DiskError) {
        do throws(DiskError) {
            writer.zeroedThrough = 0
            try segment.file.truncate(to: writer.offset)
            // A full disk is no fault of the segment: it goes on where it was once there is space. After a failed sync
            // nobody knows what the file holds.
            guard error.isLackOfSpace, error.call == "pwritev" else { throw error }
            try segment.file.sync()
            writer.lacksSpace = true
            return
        } catch {
            // The next segment's header cuts off what could not be cut off here.
            writer.segment = nil
        }
        guard writer.offset == SegmentHeader.dataOffset, !writer.isReserve else { return }
        // It never held anything. If its file stays, the next segment takes the place of it.
        segments.withLock { $0.removeAll { $0 === segment } }
        _ = try? disk.remove(segment.path)
    }

    // MARK: Segments

    /// Sees to it that there is a segment to write to.
    private func ensureSegment(hasEvents: Bool, bytes: Int) throws(DiskError) {
        do throws(DiskError) {
            if let segment = writer.segment, hasRoom(for: bytes) {
                try takeSpaceAgain(segment)
            } else {
                try beginUnlessJustFailed(for: bytes)
            }
        } catch {
            guard error.isLackOfSpace, !hasEvents, try ensureReserve(bytes) else { throw error }
            // It is a failing disk all the same: until it has been tried again with success, no segment may go.
            note(error)
        }
    }

    private func hasRoom(for bytes: Int) -> Bool {
        guard !writer.isReserve, !state.withLock({ $0.mustRotate }) else { return false }
        // What goes beyond the space that was taken beforehand could meet a full disk half-way.
        return writer.offset == SegmentHeader.dataOffset
            || writer.offset < writer.limit
                && writer.offset + bytes <= writer.limit
    }

    private func takeSpaceAgain(_ segment: Segment) throws(DiskError) {
        guard writer.lacksSpace else { return }
        do throws(DiskError) {
            try segment.file.allocate(writer.limit)
            writer.isAllocated = true
        } catch  where error.isLackOfSpace {
            throw error
        } catch {
            // It works without, too.
            writer.isAllocated = false
        }
        writer.lacksSpace = false
    }

    private func beginUnlessJustFailed(for bytes: Int) throws(DiskError) {
        if let failure = writer.beginFailure, let retryAt = writer.retryAt, hooks.monotonic() < retryAt {
            throw failure
        }
        do throws(DiskError) {
            try begin(for: bytes)
            (writer.beginFailure, writer.retryAt) = (nil, nil)
        } catch {
            (writer.beginFailure, writer.retryAt) = (error, hooks.monotonic() + Limits.journalRetryTime)
            // Until there is a new one: what is small would still go into the old one, and what is large would not.
            state.withLock { $0.mustRotate = true }
            throw error
        }
    }

    /// Begins the next segment; from its making on the one before counts as far as it was synced.
    private func begin(for bytes: Int) throws(DiskError) {
        // Before anything else takes the space: what becomes of events must be kept on a full disk, too.
        try prepareReserve()
        let header = nextHeader()
        let path = self.path(of: header)
        let file = try createAnew(path)
        let allocated: (bytes: Int, isTaken: Bool)
        do throws(DiskError) {
            allocated = try allocate(file, atLeast: bytes)
            try file.write(header.area, at: 0)
            try file.sync()
            try disk.syncDirectory(directory)
        } catch {
            // An unfinished segment would only be in the way of the next try; if it stays, that one replaces it.
            _ = try? disk.remove(path)
            throw error
        }
        take(file, header, path, limit: SegmentHeader.dataOffset + allocated.bytes, isReserve: false)
        writer.isAllocated = allocated.isTaken
        state.withLock { $0.mustRotate = false }
        logger.debug("journal segment begun", metadata: ["path": "\(path)"])
        writer.isUnannounced = true
    }

    private func nextHeader() -> SegmentHeader {
        var generator = SystemRandomNumberGenerator()
        let previous = segments.withLock { $0.last }
        return SegmentHeader(
            journal: id, nonce: generator.next(), ordinal: (previous?.header.throughOrdinal ?? 0) + 1,
            firstSequence: writer.lastSequence + 1, createdAt: hooks.wall(),
            previousOrdinal: previous?.header.throughOrdinal ?? 0, previousBytes: UInt64(previous?.validBytes ?? 0))
    }

    private func path(of header: SegmentHeader) -> String {
        "\(directory)/\(Segment.name(ordinal: header.ordinal, firstSequence: header.firstSequence))"
    }

    private func take(_ file: any DiskFile, _ header: SegmentHeader, _ path: String, limit: Int, isReserve: Bool) {
        // Space beyond the end that nobody needs any more; if it stays it is only wasted.
        if let old = writer.segment { _ = try? old.file.truncate(to: writer.offset) }
        let segment = Segment(
            header: header, path: path, file: file, validBytes: SegmentHeader.dataOffset, isIndexed: true)
        segments.withLock { $0.append(segment) }
        writer.segment = segment
        writer.offset = SegmentHeader.dataOffset
        writer.limit = limit
        (writer.zeroedThrough, writer.isAllocated) = (0, false)
        writer.isReserve = isReserve
        writer.lacksSpace = false
    }

    /// Takes a segment's space beforehand, so that a full disk is met here and not in the middle of a batch.
    ///
    /// - Returns: bytes for records, less than a whole segment where the disk has no more; and whether their space was taken.
    private func allocate(
        _ file: any DiskFile, atLeast needed: Int
    ) throws(DiskError) -> (bytes: Int, isTaken: Bool) {
        var bytes = max(segmentBytes, needed)
        while true {
            do throws(DiskError) {
                try file.allocate(SegmentHeader.dataOffset + bytes)
                return (bytes, true)
            } catch  where error.isLackOfSpace && bytes / 2 >= max(needed, Limits.smallestSegmentBytes) {
                // What it got of the space is given back first.
                try file.truncate(to: 0)
                bytes /= 2
            } catch  where error.isLackOfSpace {
                throw error
            } catch {
                // Without reserved space it works too; a full disk is met later then.
                return (bytes, false)
            }
        }
    }

    /// A file of this name can only be left over from a try that failed: it has never counted.
    func createAnew(_ path: String) throws(DiskError) -> any DiskFile {
        do throws(DiskError) {
            return try disk.create(path)
        } catch  where error.isAlreadyThere {
            try disk.remove(path)
            return try disk.create(path)
        }
    }

    // MARK: The reserve

    static let reserveName = "reserve"
    private var reservePath: String { "\(directory)/\(Self.reserveName)" }
    private var reserveBytes: Int { min(Limits.journalReserveBytes, segmentBytes) }

    /// Has a file at hand whose space is there already: on a full disk it becomes the segment in which settlements and
    /// changes are kept until there is space again.
    private func prepareReserve() throws(DiskError) {
        do throws(DiskError) {
            if try disk.attributes(of: reservePath).isRegularFile { return }
        } catch {
            // It is not there: the usual case after it was used.
        }
        let file = try createAnew(reservePath)
        do throws(DiskError) {
            try file.allocate(SegmentHeader.dataOffset + reserveBytes)
            try file.sync()
            try disk.syncDirectory(directory)
        } catch {
            _ = try? disk.remove(reservePath)  // One that has no space would be found out when it is needed.
            // Where space can't be taken beforehand it goes without.
            guard !error.isLackOfSpace else { throw error }
        }
    }

    /// - Returns: false if there is none.
    private func ensureReserve(_ bytes: Int) throws(DiskError) -> Bool {
        // One that had to be given up takes nothing more.
        if writer.isReserve, writer.segment != nil { return writer.offset + bytes <= writer.limit }
        let file: any DiskFile
        do throws(DiskError) {
            file = try disk.open(reservePath)
        } catch  where error.isMissing {
            return false
        }
        let header = nextHeader()
        let path = self.path(of: header)
        // Its size tells whether its space is there: it was allocated whole or not at all.
        let limit = try file.size()
        guard limit >= SegmentHeader.dataOffset + bytes else { return false }
        try file.write(header.area, at: 0)
        try file.sync()
        // From here on its header may cut off what goes into the segment before it.
        state.withLock { $0.mustRotate = true }
        try disk.rename(reservePath, to: path)
        try disk.syncDirectory(directory)
        take(try disk.open(path), header, path, limit: limit, isReserve: true)
        logger.warning("the disk is full: what has become of deliveries is kept in the journal's reserve")
        return true
    }
}
