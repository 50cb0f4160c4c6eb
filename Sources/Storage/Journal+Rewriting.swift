import Logging
package import RelayCore
import Synchronization

/// Writing old segments anew without what is not needed any more: how space is won back that a few pending deliveries pin,
/// and how events are erased for good.
///
/// | after | true |
/// |---|---|
/// | the new file written and synced under a temporary name | nothing: a start removes it |
/// | renamed over the first old one, directory synced | the new one counts; others of the group are covered by its header |
/// | the others removed, directory synced | nothing of what was left out is in a file any more |
extension Journal {
    /// What stays.
    package struct Survivors {
        /// Whether an event stays.
        package var event: (EventRecord) -> Bool
        /// Whether the record of what became of an event stays, where the event stands in an older segment.
        package var progress: (UInt64) -> Bool
        /// Changes of registrations up to this revision are in the snapshot.
        package var savedRevision: UInt64

        package init(
            savedRevision: UInt64, event: @escaping (EventRecord) -> Bool,
            progress: @escaping (UInt64) -> Bool = { _ in true }
        ) {
            self.savedRevision = savedRevision
            self.event = event
            self.progress = progress
        }
    }

    package struct Rewritten: Equatable, Sendable {
        package var events = 0
        package var bytesBefore = 0
        package var bytesAfter = 0
    }

    /// Writes adjacent sealed segments anew as one. One call at a time.
    ///
    /// - Parameters:
    ///   - ordinals: of the first and of the last; all below ``checkpointOrdinal``.
    @discardableResult
    package func rewrite(
        _ ordinals: ClosedRange<UInt64>, keeping survivors: Survivors
    ) throws(DiskError) -> Rewritten {
        let group = allSegments.filter { ordinals.contains($0.header.ordinal) }
        precondition(ordinals.upperBound < checkpointOrdinal)
        guard let first = group.first, let last = group.last else { return Rewritten() }
        var result = Rewritten()
        result.bytesBefore = group.reduce(0) { $0 + $1.validBytes }
        let temporary = first.path + ".new"
        let file = try createAnew(temporary)
        do throws(DiskError) {
            var generator = SystemRandomNumberGenerator()
            let nonce: UInt64 = generator.next()
            let copier = RecordCopier(file: file, seed: RecordFormat.seed(nonce: nonce), survivors: survivors)
            for segment in group { try copier.copy(segment) }
            try copier.flush()
            result.events = copier.events
            result.bytesAfter = copier.offset
            state.withLock { $0.rewrittenBytes += UInt64(copier.offset) }
            let header = SegmentHeader(
                journal: id, nonce: nonce, ordinal: first.header.ordinal, firstSequence: first.header.firstSequence,
                createdAt: first.header.createdAt, previousOrdinal: first.header.previousOrdinal,
                previousBytes: first.header.previousBytes, throughOrdinal: last.header.throughOrdinal,
                sealedBytes: UInt64(copier.offset))
            try file.write(header.area, at: 0)
            try file.sync()
            try disk.rename(temporary, to: first.path)
            try disk.syncDirectory(directory)
            let merged = Segment(
                header: header, path: first.path, file: try disk.open(first.path), validBytes: copier.offset,
                isIndexed: false)
            // Whose ids are in it is asked for before its index is there.
            merged.noteLostIndex()
            segments.withLock { all in
                guard let start = all.firstIndex(where: { $0 === first }) else { return }
                all.replaceSubrange(start..<start + group.count, with: [merged])
            }
        } catch {
            _ = try? disk.remove(temporary)  // A start removes it, if this can't.
            throw error
        }
        for segment in group.dropFirst() {
            try disk.remove(segment.path)
            removeIndex(of: segment)
        }
        removeIndex(of: first)
        try disk.syncDirectory(directory)
        if let merged = allSegments.first(where: { $0.header.ordinal == first.header.ordinal }) {
            try makeIndex(of: merged)
        }
        return result
    }
}

/// Copies records from segments into a new one.
private final class RecordCopier {
    private let file: any DiskFile
    private let seed: UInt32
    private let survivors: Journal.Survivors
    private var buffer = RecordBuffer(capacity: 1 << 20)
    /// Events that stay, ascending, and the first one of all that were looked at.
    private var kept: [UInt64] = []
    private var first: UInt64?
    private(set) var offset = SegmentHeader.dataOffset
    var events: Int { kept.count }

    init(file: any DiskFile, seed: UInt32, survivors: Journal.Survivors) {
        self.file = file
        self.seed = seed
        self.survivors = survivors
    }

    func copy(_ segment: Segment) throws(DiskError) {
        var failure: DiskError?
        try segment.forEachRecord { [self] place, header, _ in
            copy(place.buffer, place.offset, header)
            guard buffer.count >= 1 << 20 else { return true }
            do throws(DiskError) { try flush() } catch { failure = error }
            return failure == nil
        }
        if let failure { throw failure }
    }

    private func copy(_ source: RecordBuffer, _ start: Int, _ header: RecordFormat.Header) {
        let payload = UnsafeRawBufferPointer(
            start: source.bytes + start + RecordFormat.headerBytes, count: header.length)
        switch RecordKind(rawValue: header.kind) {
        case .event:
            first = min(first ?? header.sequence, header.sequence)
            guard let event = EventRecord(buffer: source, offset: start), survivors.event(event) else { return }
            kept.append(header.sequence)
            append(source, start, header)
        case .progress:
            guard let record = ProgressRecord(payload) else { return }
            let rest = record.filtered { $0 >= first ?? .max ? kept.holds($0) : survivors.progress($0) }
            if rest == record {
                append(source, start, header)
            } else if !rest.lanes.isEmpty {
                rest.append(to: buffer, sequence: header.sequence)
            }
        case .registration:
            // Newer segments repeat those that no snapshot has; the older ones hold secrets that need not stay.
            // What can't be understood is not ours to drop.
            if (RegistrationChange.revision(of: payload) ?? .max) > survivors.savedRevision {
                append(source, start, header)
            }
        case .checkpoint, .floor, .task, nil:
            // Newer segments begin with newer ones.
            return
        }
    }

    private func append(_ source: RecordBuffer, _ start: Int, _ header: RecordFormat.Header) {
        buffer.append(UnsafeRawBufferPointer(start: source.bytes + start, count: header.totalBytes))
    }

    func flush() throws(DiskError) {
        guard !buffer.isEmpty else { return }
        RecordFormat.seal(buffer.bytes, count: buffer.count, seed: seed)
        try file.write([buffer.contents], at: offset)
        offset += buffer.count
        buffer = RecordBuffer(capacity: 1 << 20)
    }
}
