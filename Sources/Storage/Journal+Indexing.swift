import Glibc
import RelayCore
import Synchronization

/// Index files of sealed segments. They are made in the background and can be lost at any time: a segment without one is
/// scanned.
extension Journal {
    /// Makes the index of the oldest sealed segment that has none; where all have one, of the oldest whose index is of an
    /// earlier version.
    ///
    /// - Returns: whether there was one.
    package func indexNext() throws(DiskError) -> Bool {
        let sealed = allSegments.dropLast()
        guard let segment = sealed.first(where: { $0.index == nil }) ?? sealed.first(where: { $0.hasOldIndex }) else {
            return false
        }
        try makeIndex(of: segment)
        return true
    }

    /// All events up to this one are in segments that have an index, or gone.
    package var indexedThrough: UInt64 {
        let segments = allSegments
        let first = segments.dropLast().first { $0.index == nil } ?? segments.last
        return first.map { $0.header.firstSequence - 1 } ?? 0
    }

    /// Segments with ids that were accepted since a time, newest first.
    ///
    /// - Parameter time: Unix milliseconds.
    package func indices(since time: Int64) -> [SegmentIndex] {
        allSegments.reversed().compactMap(\.index).filter { $0.idCount > 0 && $0.summary.latest >= time }
    }

    /// One at a time: two threads may find the same index missing.
    func makeIndex(of segment: Segment) throws(DiskError) {
        try indexing.withLock { (_: inout Void) throws(DiskError) in
            if segment.index == nil || segment.hasOldIndex { try writeIndex(of: segment) }
        }
    }

    private func writeIndex(of segment: Segment) throws(DiskError) {
        var builder = SegmentIndexBuilder(
            firstSequence: segment.header.firstSequence, coveredBytes: segment.validBytes)
        try segment.forEachRecord { [id] place, header, offset in
            switch RecordKind(rawValue: header.kind) {
            case .event:
                if let event = EventRecord(buffer: place.buffer, offset: place.offset) {
                    builder.add(
                        event, at: offset, bytes: header.totalBytes, fingerprint: event.fingerprint(in: id),
                        name: event.nameFingerprint(in: id))
                }
            case .progress:
                let payload = UnsafeRawBufferPointer(
                    start: place.buffer.bytes + place.offset + RecordFormat.headerBytes, count: header.length)
                if let record = ProgressRecord(payload) { builder.add(record, at: offset) }
            default:
                break
            }
            return true
        }
        let temporary = segment.indexPath + ".new"
        let file = try createAnew(temporary)
        do throws(DiskError) {
            try builder.finish(seed: segment.seed) { bytes, offset throws(DiskError) in
                try file.write([bytes], at: offset)
            }
            // It can be made again: what a power cut leaves of it fails its checksums.
            try disk.rename(temporary, to: segment.indexPath)
        } catch {
            _ = try? disk.remove(temporary)  // A start leaves it alone, the next index replaces it.
            throw error
        }
        guard let index = try SegmentIndex.open(segment.indexPath, disk: disk, header: segment.header) else {
            throw DiskError("what was just written can't be read back:", segment.indexPath, EIO)
        }
        segment.use(index)
    }
}

extension [Segment] {
    /// Takes the index files that are there into use. The last segment has none: it may still grow.
    func openIndices(_ disk: any Disk) throws(DiskError) {
        for segment in dropLast() {
            segment.use(try SegmentIndex.open(segment.indexPath, disk: disk, header: segment.header))
        }
    }
}
