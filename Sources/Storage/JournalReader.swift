import Logging
package import RelayCore

/// Reads events back from a journal. A sealed segment's index tells where they are; a segment without one is scanned.
extension Journal {
    /// The event with a sequence; nil if it is not there any more, or damaged.
    package func event(_ sequence: UInt64) throws(DiskError) -> EventRecord? {
        guard let segment = allSegments.last(where: { $0.header.firstSequence <= sequence }) else { return nil }
        if let index = segment.index {
            do throws(IndexFault) {
                guard let offset = try index.offset(ofSequence: sequence) else { return nil }
                return try segment.event(at: offset)
            } catch {
                try segment.dropIndex(because: error, logger)
            }
        }
        var found: EventRecord?
        try segment.forEachRecord(from: segment.offset(for: sequence), chunkBytes: 64 * 1024) { at, header, _ in
            guard header.kind == RecordKind.event.rawValue else { return true }
            if header.sequence == sequence { found = EventRecord(buffer: at.buffer, offset: at.offset) }
            return header.sequence < sequence
        }
        return found
    }

    /// Events of the newest sealed segment that may have a fingerprint, among some sequences; nil if there are none.
    package func sealedIDs(
        _ fingerprint: UInt64, among sequences: ClosedRange<UInt64>
    ) throws(DiskError) -> DuplicateIndex.SealedIDs? {
        let segments = allSegments
        for (position, segment) in segments.enumerated().reversed() {
            guard segment.header.firstSequence <= sequences.upperBound else { continue }
            let end = position + 1 < segments.count ? segments[position + 1].header.firstSequence : .max
            guard end > sequences.lowerBound else { break }
            var found: [UInt64] = []
            if let index = segment.index {
                do throws(IndexFault) {
                    found = try index.sequences(withFingerprint: fingerprint)
                } catch {
                    try segment.dropIndex(because: error, logger)
                }
            }
            // Where there never was one, whoever asks has the ids in memory.
            if segment.hasLostIndex { found = try scan(segment, for: fingerprint) }
            found = found.reversed().filter(sequences.contains)
            if !found.isEmpty {
                return DuplicateIndex.SealedIDs(sequences: found, before: segment.header.firstSequence)
            }
        }
        return nil
    }

    /// An id must not count as new because an index is damaged: it is made anew at once, or done without.
    private func scan(_ segment: Segment, for fingerprint: UInt64) throws(DiskError) -> [UInt64] {
        do {
            try makeIndex(of: segment)
            if let index = segment.index { return try index.sequences(withFingerprint: fingerprint) }
        } catch let error as DiskError {
            logger.warning("an index of the journal can't be written", metadata: ["error": "\(error)"])
        } catch {
            // Damaged again: the segment itself tells.
        }
        var found: [UInt64] = []
        try segment.forEachRecord { [id] place, header, _ in
            if header.kind == RecordKind.event.rawValue,
                EventRecord(buffer: place.buffer, offset: place.offset)?.fingerprint(in: id) == fingerprint
            {
                found.append(header.sequence)
            }
            return true
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
        var reader = LaneReader(read, maxBytes: maxBytes)
        let segments = allSegments
        let first = segments.lastIndex { $0.header.firstSequence <= read.from } ?? 0
        for segment in segments[min(first, segments.count)...] {
            guard segment.header.firstSequence <= read.through, !reader.isFull else { break }
            if let index = segment.index {
                do throws(IndexFault) {
                    try reader.take(segment, by: index)
                    continue
                } catch {
                    try segment.dropIndex(because: error, logger)
                }
            }
            try reader.scan(segment)
        }
        return reader.result
    }
}

/// Collects a lane's events from one segment after the other.
private struct LaneReader {
    private let read: DeliveryScheduler.Read
    private let maxBytes: Int
    private let copies = RecordBuffer(capacity: 16 * 1024)
    private var offsets: [Int] = []
    private var next: UInt64
    private(set) var isFull = false

    init(_ read: DeliveryScheduler.Read, maxBytes: Int) {
        self.read = read
        self.maxBytes = maxBytes
        next = read.from
    }

    var result: Journal.LaneEvents {
        // What is missing up to the end was damaged, or never acknowledged.
        Journal.LaneEvents(
            events: offsets.compactMap { EventRecord(buffer: copies, offset: $0) },
            next: isFull ? next : read.through + 1)
    }

    /// - Returns: false if it is full: the record is not taken.
    private mutating func take(_ buffer: RecordBuffer, _ offset: Int, _ header: RecordFormat.Header) -> Bool {
        guard offsets.count < read.maxEvents, copies.isEmpty || copies.count + header.totalBytes <= maxBytes else {
            isFull = true
            return false
        }
        next = header.sequence + 1
        if EventRecord(buffer: buffer, offset: offset)?.goes(to: read.webhook) == true {
            offsets.append(copies.count)
            copies.append(UnsafeRawBufferPointer(start: buffer.bytes + offset, count: header.totalBytes))
        }
        return true
    }

    mutating func scan(_ segment: Segment) throws(DiskError) {
        try segment.forEachRecord(from: segment.offset(for: max(read.from, next)), chunkBytes: maxBytes) {
            at, header, _ in
            guard header.kind == RecordKind.event.rawValue, header.sequence >= next else { return true }
            guard header.sequence <= read.through else { return false }
            return take(at.buffer, at.offset, header)
        }
    }

    mutating func take(_ segment: Segment, by index: SegmentIndex) throws(IndexFault) {
        while !isFull {
            // One more than wanted tells whether there is more.
            let hits = try index.postings(
                of: read.webhook, from: next, max: min(256, read.maxEvents - offsets.count + 1)
            )
            .filter { $0.sequence <= read.through }
            guard let last = hits.last else { return }
            var position = 0
            while position < hits.count, !isFull {
                // Records that stand near each other are read at once.
                var end = position
                while end + 1 < hits.count, hits[end + 1].offset - hits[position].offset < maxBytes,
                    hits[end + 1].offset - hits[end].offset < 16 * 1024
                { end += 1 }
                let wanted = Set(hits[position...end].map(\.sequence))
                let bytes = hits[end].offset - hits[position].offset + 4096
                var isPast = false
                do throws(DiskError) {
                    try segment.forEachRecord(from: hits[position].offset, chunkBytes: bytes) { at, header, offset in
                        if header.kind == RecordKind.event.rawValue, wanted.contains(header.sequence),
                            !take(at.buffer, at.offset, header)
                        {
                            return false
                        }
                        isPast = offset >= hits[end].offset
                        return !isPast
                    }
                } catch {
                    throw .disk(error)
                }
                position = end + 1
            }
            if !isFull { next = max(next, last.sequence + 1) }
        }
    }
}
