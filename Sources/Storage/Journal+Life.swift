package import RelayCore

/// What has become of one event.
extension Journal {
    /// Shows the records of progress that may tell of an event, in their order.
    ///
    /// They stand behind the event. A sealed segment's index tells where; one without is read through.
    package func forEachProgress(
        of sequence: UInt64, _ body: (ProgressRecord) -> Void
    ) throws(DiskError) {
        let segments = allSegments
        let start = segments.lastIndex { $0.header.firstSequence <= sequence } ?? 0
        for segment in segments[min(start, segments.count)...] {
            if let index = segment.index, index.isCurrent {
                var offsets: [Int]?
                do throws(IndexFault) {
                    offsets = try index.progressOffsets(of: sequence)
                } catch {
                    try segment.dropIndex(because: error, logger)
                }
                if let offsets {
                    for offset in offsets { if let record = try segment.progress(at: offset) { body(record) } }
                    continue
                }
            }
            try segment.forEachRecord(from: segment.offset(for: sequence)) { place, header, _ in
                if let record = ProgressRecord(place.buffer, place.offset, header) { body(record) }
                return true
            }
        }
    }
}

extension Segment {
    /// The record of progress that begins at an offset; nil if it is damaged.
    fileprivate func progress(at offset: Int) throws(DiskError) -> ProgressRecord? {
        var found: ProgressRecord?
        try forEachRecord(from: offset, chunkBytes: 16 * 1024) { place, header, at in
            if at == offset { found = ProgressRecord(place.buffer, place.offset, header) }
            return false
        }
        return found
    }
}

extension ProgressRecord {
    /// Nil if the record is of another kind, or not whole.
    fileprivate init?(_ buffer: RecordBuffer, _ offset: Int, _ header: RecordFormat.Header) {
        guard header.kind == RecordKind.progress.rawValue else { return nil }
        self.init(
            UnsafeRawBufferPointer(start: buffer.bytes + offset + RecordFormat.headerBytes, count: header.length))
    }
}
