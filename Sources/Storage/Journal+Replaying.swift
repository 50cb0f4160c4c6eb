package import RelayCore

/// Finding what is to be delivered once more.
extension Journal {
    /// Shows a selection the records of the next segment that can matter to it.
    ///
    /// - Parameter ordinal: of the last segment that is done; 0: none is.
    /// - Returns: of the segment that was read; nil if there is no further one.
    package func select(_ selection: inout ReplaySelection, after ordinal: UInt64) throws(DiskError) -> UInt64? {
        let replay = selection.replay
        let segments = allSegments
        for (index, segment) in segments.enumerated() where segment.header.throughOrdinal > ordinal {
            // What became of an event stands behind it: earlier segments don't matter.
            if index + 1 < segments.count {
                let next = segments[index + 1].header
                if next.firstSequence <= replay.next || next.createdAt < replay.since { continue }
            }
            try segment.forEachRecord { place, header, _ in
                let payload = UnsafeRawBufferPointer(
                    start: place.buffer.bytes + place.offset + RecordFormat.headerBytes, count: header.length)
                switch RecordKind(rawValue: header.kind) {
                case .event:
                    if let event = EventRecord(buffer: place.buffer, offset: place.offset) { selection.apply(event) }
                case .progress:
                    if let record = ProgressRecord(payload) { selection.apply(record) }
                default: break
                }
                return true
            }
            return segment.header.throughOrdinal
        }
        return nil
    }

    /// An event that is to be delivered once more.
    package struct Repeatable: Equatable, Sendable {
        package let sequence: UInt64
        /// Of its body.
        package let bytes: Int
        package let isMatched: Bool

        package init(_ event: EventRecord, for webhook: WebhookNumber) {
            sequence = event.sequence
            bytes = event.body.count
            isMatched = event.goes(to: webhook)
        }
    }

    /// The next events that are chosen, with what is needed to hand them over.
    ///
    /// - Parameters:
    ///   - count: the most there may be.
    ///   - maxBytes: about how much is read.
    /// - Returns: the events, and the first one that was not looked at; nil: there is none.
    package func repeatables(
        _ chosen: SequenceSet, from first: UInt64, for webhook: WebhookNumber, count: Int, maxBytes: Int
    ) throws(DiskError) -> (events: [Repeatable], next: UInt64?) {
        guard let start = chosen.first(atOrAbove: first) else { return ([], nil) }
        var events: [Repeatable] = []
        var next: UInt64? = start
        var read = 0
        try forEachEvent(from: start, through: .max, chunkBytes: 256 * 1024) { event in
            let sequence = event.sequence
            if chosen.contains(sequence) {
                events.append(Repeatable(event, for: webhook))
            }
            next = chosen.first(atOrAbove: sequence + 1)
            read += event.body.count
            // A long way to the next one is not read through.
            return next.map { $0 - sequence < 4096 } ?? false && events.count < count && read < maxBytes
        }
        // The rest of what was chosen is gone.
        if events.isEmpty, next == start { next = nil }
        return (events, next)
    }
}
