package import RelayCore

/// Finding events.
extension Journal {
    /// When the first event from a sequence on was accepted, Unix milliseconds; nil if there is none.
    package func acceptance(from sequence: UInt64) throws(DiskError) -> Int64? {
        if let event = try event(sequence) { return event.acceptedAt }
        var found: Int64?
        try forEachEvent(from: sequence, through: .max, chunkBytes: 64 * 1024) { event in
            found = event.acceptedAt
            return false
        }
        return found
    }

    /// Calls `body` with the events of a range in their order, until it returns false. An event is valid during the call.
    ///
    /// - Parameter chunkBytes: how much is read at a time.
    package func forEachEvent(
        from first: UInt64, through last: UInt64, chunkBytes: Int = 1 << 20, _ body: (EventRecord) -> Bool
    ) throws(DiskError) {
        let segments = allSegments
        let start = segments.lastIndex { $0.header.firstSequence <= first } ?? 0
        var isEnded = false
        for segment in segments[min(start, segments.count)...] {
            guard segment.header.firstSequence <= last, !isEnded else { return }
            try segment.forEachRecord(from: segment.offset(for: first), chunkBytes: chunkBytes) { place, header, _ in
                guard header.kind == RecordKind.event.rawValue, header.sequence >= first else { return true }
                guard header.sequence <= last else { return false }
                guard let event = EventRecord(buffer: place.buffer, offset: place.offset) else { return true }
                isEnded = !body(event)
                return !isEnded
            }
        }
    }
}
