package import RelayCore

/// Reads events back from a journal.
extension Journal {
    /// The event with a sequence; nil if it is not there any more, or damaged.
    package func event(_ sequence: UInt64) throws(DiskError) -> EventRecord? {
        let segments = allSegments
        guard let index = segments.lastIndex(where: { $0.header.firstSequence <= sequence }) else { return nil }
        let segment = segments[index]
        var found: EventRecord?
        try segment.forEachRecord(from: segment.offset(for: sequence), chunkBytes: 64 * 1024) { at, header, _ in
            guard header.kind == RecordKind.event.rawValue else { return true }
            if header.sequence == sequence { found = EventRecord(buffer: at.buffer, offset: at.offset) }
            return header.sequence < sequence
        }
        return found
    }

    /// A lane's events, in order.
    package struct LaneEvents: Sendable {
        package let events: [EventRecord]
        /// From here on nothing has been looked at.
        package let next: UInt64
    }

    /// Reads a lane's next events.
    ///
    /// - Parameters:
    ///   - read: which.
    ///   - maxBytes: of the events' records together; one event comes however large it is.
    package func events(_ read: DeliveryScheduler.Read, maxBytes: Int) throws(DiskError) -> LaneEvents {
        let copies = RecordBuffer(capacity: 16 * 1024)
        var offsets: [Int] = []
        var next = read.from
        let segments = allSegments
        let first = segments.lastIndex { $0.header.firstSequence <= read.from } ?? 0
        var isCutShort = false
        for segment in segments[min(first, segments.count)...] {
            guard segment.header.firstSequence <= read.through else { break }
            try segment.forEachRecord(from: segment.offset(for: read.from), chunkBytes: maxBytes) { at, header, _ in
                guard header.kind == RecordKind.event.rawValue, header.sequence >= read.from else { return true }
                guard header.sequence <= read.through else { return false }
                guard offsets.count < read.maxEvents, copies.isEmpty || copies.count + header.totalBytes <= maxBytes
                else {
                    isCutShort = true
                    return false
                }
                next = header.sequence + 1
                let event = EventRecord(buffer: at.buffer, offset: at.offset)
                if event?.goes(to: read.webhook) == true {
                    offsets.append(copies.count)
                    copies.append(
                        UnsafeRawBufferPointer(start: at.buffer.bytes + at.offset, count: header.totalBytes))
                }
                return true
            }
            if isCutShort { break }
        }
        // What is missing up to the end was damaged, or never acknowledged.
        if !isCutShort { next = read.through + 1 }
        return LaneEvents(events: offsets.compactMap { EventRecord(buffer: copies, offset: $0) }, next: next)
    }
}
