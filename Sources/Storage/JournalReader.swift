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
        var reader = LaneReader(read, maxBytes: maxBytes, stretches)
        let segments = allSegments
        let first = segments.lastIndex { $0.header.firstSequence <= read.from } ?? 0
        for segment in segments[min(first, segments.count)...] {
            guard segment.header.firstSequence <= read.through, !reader.isFull else { break }
            var recordBytes: Int?
            if let index = segment.index {
                do throws(IndexFault) {
                    // Where most events are the lane's they are read as they stand: nothing is looked up for each, and others
                    // that lag there get the same memory.
                    if try !index.isMostly(of: read.webhook) {
                        try reader.take(segment, by: index)
                        continue
                    }
                    recordBytes = segment.validBytes / max(1, index.eventCount)
                } catch {
                    try segment.dropIndex(because: error, logger)
                }
            }
            try reader.scan(segment, recordBytes: recordBytes)
        }
        return reader.result
    }
}
