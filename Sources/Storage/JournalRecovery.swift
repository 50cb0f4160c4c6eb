import FoundationEssentials
import Glibc
package import Logging
package import RelayCore

/// What a start finds in a journal's directory.
package struct RecoveredJournal {
    package let journal: Journal
    package let state: RecoveryState
    /// Changes of the registration table, in the order of their revisions.
    package let changes: [RegistrationChange]
    /// Work that is not finished, and some that is.
    package let tasks: [JournalTask]
    package let damage: [JournalDamage]
    /// What was in the directory.
    package let directory: SegmentFinder.Found
    /// The segment with the checkpoint that it began with; nil: there was none, and it began with the first record of all.
    package let checkpointOrdinal: UInt64?
    /// Segments whose removal was decided and cut short.
    package let dropped: [String]
    /// What would have stopped a start, if it was only looked at.
    package let refusals: [StorageRefusal]

    /// Names in the directory that are no segments of this journal.
    package var foreign: [String] { directory.foreign }
}

/// Something that should be in the journal, and is not readable or not there.
package enum JournalDamage: Equatable, Sendable, CustomStringConvertible {
    /// A stretch of a segment that no checksum vouches for.
    case bytes(path: String, Range<Int>)
    /// Bytes behind the last whole record of all: what a crash leaves of a write that nobody was told had succeeded, or
    /// damage to the last records.
    case tail(path: String, Range<Int>)
    /// One of the two copies of a segment's header: nothing is lost.
    case headerCopy(path: String)
    /// Segments that are not there: their ordinals, and the events that were in them at most.
    case missing(ordinals: ClosedRange<UInt64>, sequences: Range<UInt64>)

    package var description: String {
        switch self {
        case .bytes(let path, let range): "\(path): bytes \(range.lowerBound) to \(range.upperBound) are damaged"
        case .tail(let path, let range):
            "\(path): bytes \(range.lowerBound) to \(range.upperBound), the last ones, are no whole record"
        case .headerCopy(let path): "\(path): one of the two copies of the header is damaged"
        case .missing(let ordinals, let sequences):
            """
            segments \(ordinals.lowerBound) to \(ordinals.upperBound) are missing, with the events \(sequences.lowerBound) \
            to \(sequences.upperBound - 1) at most
            """
        }
    }
}

/// Why a start can't go on with what it finds: the file, and what is wrong with it.
package struct StorageRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    package var description: String { "\(path): \(reason)" }
}

/// Opens a journal: finds its segments, the last checkpoint, and what has happened since.
package struct JournalOpener {
    package let directory: String
    package let disk: any Disk
    package let segmentBytes: Int
    package let logger: Logger
    /// Whether it is only looked at: nothing is removed or synced, and what would stop a start does not stop it.
    package let isReadOnly: Bool
    /// Whose files they have to be.
    package let owner: UInt32
    /// Told of every step that was done, on the caller's thread: must be quick.
    package let onProgress: (RecoveryStep) -> Void

    package init(
        directory: String, disk: any Disk, segmentBytes: Int, logger: Logger, isReadOnly: Bool = false,
        owner: UInt32 = geteuid(), onProgress: @escaping (RecoveryStep) -> Void = { _ in }
    ) {
        self.directory = directory
        self.disk = disk
        self.segmentBytes = segmentBytes
        self.logger = logger
        self.isReadOnly = isReadOnly
        self.owner = owner
        self.onProgress = onProgress
    }

    /// - Parameters:
    ///   - eventsSince: Unix milliseconds; events in segments that were still written to then, and that have no index,
    ///     are shown to `visit`.
    ///   - visit: gets a record that is valid during the call.
    package func open(
        eventsSince: Int64, hooks: JournalHooks, visit: (EventRecord, JournalID) -> Void
    ) throws -> RecoveredJournal {
        // What a killed process renamed may be in the kernel's memory only: files that it stands for must not go before.
        try disk.syncDirectory(directory)
        let directoryContents = try SegmentFinder(
            directory: directory, disk: disk, isStrict: !isReadOnly, owner: owner
        ).find()
        if !isReadOnly { try clean(directoryContents) }
        let segments = directoryContents.segments
        try segments.openIndices(disk)
        var damage = directoryContents.damage
        let found = try lastCheckpoint(in: segments)
        let id = segments.first?.header.journal ?? Self.makeID()
        var contents = Contents(journal: id, state: RecoveryState(checkpoint: found?.checkpoint))

        let asOf = found?.checkpoint.asOf ?? 0
        let firstForState = min(
            segments.lastIndex { $0.header.firstSequence <= asOf + 1 } ?? 0, found?.segment ?? 0)
        for index in segments.indices {
            let segment = segments[index]
            let isForState = index >= firstForState
            // A segment was written to until the next one was made.
            let isForIDs =
                (index + 1 == segments.count || segments[index + 1].header.createdAt >= eventsSince)
                && segment.index == nil
            guard isForState || isForIDs else { continue }
            // The checkpoint stands together with all tasks that were not done then.
            if index == found?.segment { contents.tasks.removeAll() }
            if index > 0, segments[index - 1].header.throughOrdinal + 1 < segment.header.ordinal, isForState {
                contents.state.passDamage()
            }
            let (damaged, end) = try segment.forEachRecord(
                onChunk: { onProgress(.reading(segment: index + 1, of: segments.count)) },
                onDamage: { _ in if isForState { contents.state.passDamage() } },
                { place, header, offset in
                    if let found, (index, offset) >= (found.segment, found.end) { contents.state.passCheckpoint() }
                    contents.apply(
                        place.buffer, place.offset, header, isForState: isForState, isForIDs: isForIDs, visit)
                    return true
                })
            // Nothing but zeros of space taken beforehand follows it, or nothing at all.
            let tail = index == segments.count - 1 ? damaged.last.flatMap { $0.upperBound >= end ? $0 : nil } : nil
            damage += damaged.map { $0 == tail ? .tail(path: segment.path, $0) : .bytes(path: segment.path, $0) }
            // Zeros to the end, or an end before its time, are damage where records are known to have been.
            if let sealed = segment.sealedBytes, end < sealed, damaged.last?.lowerBound != end {
                damage.append(.bytes(path: segment.path, end..<sealed))
                if isForState { contents.state.passDamage() }
            }
            // Behind the last record of the last segment is what a crash left: it was never acknowledged.
            if index == segments.count - 1 {
                segment.publish(through: tail?.lowerBound ?? end, index: [])
                // What a killed process wrote may be in the kernel's memory only; from now on it counts as durable.
                if !isReadOnly { try segment.file.sync() }
            }
        }
        if let problem = contents.problem, !isReadOnly { throw problem }
        let kept = dropLeftOvers(segments, floor: contents.state.floor)
        damage += missing(in: kept, floor: contents.state.floor)
        let journal = Journal(
            id: id, directory: directory, disk: disk, found: kept,
            floor: max(contents.state.floor, kept.first?.header.ordinal ?? 1),
            lastSequence: contents.state.lastSequence, segmentBytes: segmentBytes,
            hooks: hooks, logger: logger)
        try resolveDoubts(&contents.state, journal)
        return RecoveredJournal(
            journal: journal, state: contents.state,
            changes: contents.changes.values.sorted { $0.revision < $1.revision },
            tasks: contents.tasks.values.sorted { $0.number < $1.number }, damage: damage,
            directory: directoryContents, checkpointOrdinal: found.map { segments[$0.segment].header.ordinal },
            dropped: segments.prefix(segments.count - kept.count).map(\.path),
            refusals: directoryContents.refusals + (contents.problem.map { [$0] } ?? []))
    }

    /// Removes what a crash left.
    private func clean(_ found: SegmentFinder.Found) throws(DiskError) {
        for path in found.merged { try disk.remove(path) }
        for path in found.leftOvers {
            // It is only space that is lost as long as it can't be removed.
            _ = try? disk.remove(path)
        }
    }

    private struct Contents {
        let journal: JournalID
        var state: RecoveryState
        var changes: [UInt64: RegistrationChange] = [:]
        var tasks: [UInt64: JournalTask] = [:]
        var problem: StorageRefusal?

        mutating func apply(
            _ buffer: RecordBuffer, _ offset: Int, _ header: RecordFormat.Header, isForState: Bool, isForIDs: Bool,
            _ visit: (EventRecord, JournalID) -> Void
        ) {
            let payload = UnsafeRawBufferPointer(
                start: buffer.bytes + offset + RecordFormat.headerBytes, count: header.length)
            switch RecordKind(rawValue: header.kind) {
            case .event:
                guard let event = EventRecord(buffer: buffer, offset: offset) else { return }
                if isForState { state.apply(event) }
                if isForIDs { visit(event, journal) }
            case .progress:
                guard isForState, let record = ProgressRecord(payload) else { return }
                state.apply(record)
            case .registration:
                guard let change = decode(RegistrationChange.self, payload) else { return }
                changes[change.revision] = change
            case .task:
                guard let task = decode(JournalTask.self, payload) else { return }
                tasks[task.number] = task
            case .floor:
                if let ordinal = FloorRecord.ordinal(payload) { state.apply(floor: ordinal) }
            case .checkpoint, nil:
                return
            }
        }

        private mutating func decode<T: Decodable>(_ type: T.Type, _ payload: UnsafeRawBufferPointer) -> T? {
            do {
                return try JSONDecoder().decode(type, from: Data(payload))
            } catch {
                problem = StorageRefusal(
                    path: "journal",
                    reason: """
                        a \(type) in it can't be understood (\(error)): it was written by another version of Hookline; \
                        install that one again
                        """)
                return nil
            }
        }
    }

    /// Removes segments whose removal was decided and cut short.
    private func dropLeftOvers(_ segments: [Segment], floor: UInt64) -> [Segment] {
        var kept = segments
        while kept.count > 1, let first = kept.first, first.header.throughOrdinal < floor {
            do throws(DiskError) {
                if !isReadOnly { try disk.remove(first.path) }
            } catch {
                logger.warning("a journal segment that is not needed can't be removed", metadata: ["error": "\(error)"])
            }
            kept.removeFirst()
        }
        return kept
    }

    private func missing(in segments: [Segment], floor: UInt64) -> [JournalDamage] {
        var missing: [JournalDamage] = []
        var expected = max(1, floor)
        var sequence: UInt64 = 1
        for segment in segments {
            // Without a floor nobody knows what the first one was.
            if segment.header.ordinal > expected, floor > 0 || expected > 1 {
                missing.append(
                    .missing(
                        ordinals: expected...segment.header.ordinal - 1,
                        sequences: min(sequence, segment.header.firstSequence)..<segment.header.firstSequence))
            }
            expected = segment.header.throughOrdinal + 1
            sequence = segment.header.firstSequence
        }
        return missing
    }

    /// Looks at the events that a damaged record may have told of: see ``RecoveryState``.
    private func resolveDoubts(_ state: inout RecoveryState, _ journal: Journal) throws(DiskError) {
        for doubt in state.doubts {
            var from = doubt.sequences.lowerBound
            while from < doubt.sequences.upperBound {
                let part = try journal.events(
                    DeliveryScheduler.Read(
                        webhook: doubt.webhook, from: from, through: doubt.sequences.upperBound - 1,
                        maxEvents: Limits.laneWindow),
                    maxBytes: Limits.laneReadBytes)
                for event in part.events { state.resolve(event, for: doubt.webhook) }
                from = part.next
                onProgress(.resolving)
            }
        }
    }

    /// The newest whole checkpoint, and where it ends.
    private func lastCheckpoint(
        in segments: [Segment]
    ) throws(DiskError) -> (checkpoint: WholeCheckpoint, segment: Int, end: Int)? {
        for index in segments.indices.reversed() {
            var found: (checkpoint: WholeCheckpoint, segment: Int, end: Int)?
            var collector = CheckpointCollector()
            func tell() { onProgress(.searching(segment: index + 1, of: segments.count)) }
            try segments[index].forEachRecord(onChunk: tell) { place, header, offset in
                guard header.kind == RecordKind.checkpoint.rawValue else { return true }
                let payload = UnsafeRawBufferPointer(
                    start: place.buffer.bytes + place.offset + RecordFormat.headerBytes, count: header.length)
                if let record = CheckpointRecord(payload), let whole = collector.add(record) {
                    found = (whole, index, offset + header.totalBytes)
                }
                return true
            }
            if let found { return found }
        }
        return nil
    }

    private static func makeID() -> JournalID {
        var generator = SystemRandomNumberGenerator()
        return JournalID(high: generator.next(), low: generator.next())
    }
}
