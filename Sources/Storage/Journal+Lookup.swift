package import RelayCore

/// Finding events.
extension Journal {
    /// An event that has the id that was asked for.
    package struct FoundEvent: Equatable, Sendable {
        package let sequence: UInt64
        package let tenant: String
    }

    /// All events with an id, newest first: several tenants' may have the same, and a tenant's may have been sent again when
    /// it was no duplicate any more.
    ///
    /// - Parameter tenant: nil: any.
    package func events(withID id: String, tenant: String?) throws(DiskError) -> [FoundEvent] {
        var found: [FoundEvent] = []
        let id = Array(id.utf8)
        // An id that this journal made tells where its event is; a producer may have sent it back as its own later.
        if let sequence = id.withUnsafeBytes({ EventID.sequence(of: $0, journal: self.id) }),
            let event = try event(sequence), !event.hasProducersID
        {
            found.append(FoundEvent(sequence: sequence, tenant: String(decoding: event.tenant, as: UTF8.self)))
        }
        let name = id.withUnsafeBytes { EventFingerprint.name($0, journal: self.id) }
        for segment in allSegments {
            try forEachEvent(of: segment, named: name) { event in
                guard event.hasProducersID, event.producersID.count == id.count, event.producersID.elementsEqual(id)
                else { return }
                found.append(
                    FoundEvent(sequence: event.sequence, tenant: String(decoding: event.tenant, as: UTF8.self)))
            }
        }
        return found.filter { tenant == nil || $0.tenant == tenant }.sorted { $0.sequence > $1.sequence }
    }

    /// Shows the events of a segment whose ids may be the one that is looked for: by its index, or all of them.
    private func forEachEvent(
        of segment: Segment, named name: UInt32, _ body: (EventRecord) -> Void
    ) throws(DiskError) {
        if let index = segment.index, index.isCurrent {
            do throws(IndexFault) {
                var events: [EventRecord] = []
                for sequence in try index.sequences(withName: name) {
                    guard let offset = try index.offset(ofSequence: sequence) else { continue }
                    if let event = try segment.event(at: offset) { events.append(event) }
                }
                for event in events { body(event) }
                return
            } catch {
                try segment.dropIndex(because: error, logger)
            }
        }
        try segment.forEachRecord { place, header, _ in
            if header.kind == RecordKind.event.rawValue,
                let event = EventRecord(buffer: place.buffer, offset: place.offset)
            {
                body(event)
            }
            return true
        }
    }

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
