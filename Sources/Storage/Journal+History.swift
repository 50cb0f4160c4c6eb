package import RelayCore

/// What has become of a webhook's deliveries, newest first.
///
/// Records can be read forward only: a segment is read to the place where the last part began, and the newest entries before
/// it are kept. A call reads at least one segment, and none after it has read so much that others would have to wait.
extension Journal {
    /// A place before an entry of a record.
    package struct HistoryPlace: Comparable, Sendable {
        package let ordinal: UInt64
        package let offset: Int
        package let entry: Int

        package init(ordinal: UInt64, offset: Int, entry: Int) {
            self.ordinal = ordinal
            self.offset = offset
            self.entry = entry
        }

        package static func < (one: Self, other: Self) -> Bool {
            (one.ordinal, one.offset, one.entry) < (other.ordinal, other.offset, other.entry)
        }
    }

    /// What happened to one delivery.
    package enum HistoryEntry: Equatable, Sendable {
        case settled(LaneProgress.Settlement)
        /// It matched while the webhook was disabled.
        case skipped(sequence: UInt64, acceptedAt: Int64)
    }

    package struct HistoryQuery: Sendable {
        package var webhook: WebhookNumber
        /// What is meant by its result.
        package var results: Set<SettlementResult>
        package var isSkippedMeant: Bool
        /// Unix milliseconds, of the outcome or the acceptance: from then on and before.
        package var since: Int64
        package var until: Int64
        /// Nil: from the newest on.
        package var before: HistoryPlace?
        package var limit: Int

        package init(
            webhook: WebhookNumber, results: Set<SettlementResult>, isSkippedMeant: Bool, since: Int64, until: Int64,
            before: HistoryPlace?, limit: Int
        ) {
            self.webhook = webhook
            self.results = results
            self.isSkippedMeant = isSkippedMeant
            self.since = since
            self.until = until
            self.before = before
            self.limit = limit
        }
    }

    package struct HistoryPage: Sendable {
        /// Newest first.
        package var entries: [HistoryEntry] = []
        /// To go on with; nil: there is nothing older.
        package var next: HistoryPlace?
    }

    /// - Parameter isEnough: gets how many bytes have been read; whether no further segment is to be.
    package func history(
        _ query: HistoryQuery, isEnough: (Int) -> Bool
    ) throws(DiskError) -> HistoryPage {
        var page = HistoryPage()
        let segments = allSegments
        var read = 0
        for (index, segment) in segments.enumerated().reversed() {
            let header = segment.header
            if let before = query.before,
                header.ordinal > before.ordinal || header.ordinal == before.ordinal && before.offset == 0
            {
                continue
            }
            // Its records were written from its making to that of the next one.
            if header.createdAt >= query.until { continue }
            if index + 1 < segments.count, segments[index + 1].header.createdAt < query.since { return page }
            let wanted = query.limit - page.entries.count
            var newest = NewestEntries(query, wanted: wanted)
            try newest.read(segment)
            read += segment.validBytes
            page.entries += newest.entries.suffix(wanted).reversed().map(\.entry)
            if newest.entries.count > wanted {
                page.next = newest.entries.suffix(wanted).first?.place
                return page
            }
            if index > 0, page.entries.count == query.limit || isEnough(read) {
                page.next = HistoryPlace(ordinal: header.ordinal, offset: 0, entry: 0)
                return page
            }
        }
        return page
    }

    /// The pending events of a lane that the journal alone knows, newest first.
    package struct PendingEvents: Sendable {
        package var sequences: [UInt64] = []
        /// To go on with: only what is below it; nil: there is nothing older.
        package var below: UInt64?
    }

    /// - Parameters:
    ///   - first: where the lane goes on reading.
    ///   - bound: only what is below it.
    ///   - isEnough: as above.
    package func pendingEvents(
        of webhook: WebhookNumber, from first: UInt64, below bound: UInt64, limit: Int, since: Int64, until: Int64,
        isEnough: (Int) -> Bool
    ) throws(DiskError) -> PendingEvents {
        var found = PendingEvents()
        guard first < bound else { return found }
        var read = 0
        for segment in allSegments.reversed() where segment.header.firstSequence < bound {
            let wanted = limit - found.sequences.count
            var newest: [UInt64] = []
            try segment.forEachRecord(from: segment.offset(for: first)) { place, header, _ in
                guard header.kind == RecordKind.event.rawValue, header.sequence >= first else { return true }
                guard header.sequence < bound else { return false }
                guard let event = EventRecord(buffer: place.buffer, offset: place.offset), event.goes(to: webhook),
                    event.acceptedAt >= since, event.acceptedAt < until
                else { return true }
                newest.append(header.sequence)
                if newest.count > 2 * wanted + 64 { newest.removeFirst(newest.count - wanted - 1) }
                return true
            }
            read += segment.validBytes
            found.sequences += newest.suffix(wanted).reversed()
            if newest.count > wanted {
                found.below = found.sequences.last
                return found
            }
            if segment.header.firstSequence <= first { return found }
            if found.sequences.count == limit || isEnough(read) {
                found.below = segment.header.firstSequence
                return found
            }
        }
        return found
    }
}

/// The newest of a segment's entries that are meant, oldest first; one more than wanted tells that there are more.
private struct NewestEntries {
    struct Entry {
        let place: Journal.HistoryPlace
        let entry: Journal.HistoryEntry
    }

    private let query: Journal.HistoryQuery
    private let wanted: Int
    private(set) var entries: [Entry] = []

    init(_ query: Journal.HistoryQuery, wanted: Int) {
        self.query = query
        self.wanted = wanted
    }

    mutating func read(_ segment: Segment) throws(DiskError) {
        let ordinal = segment.header.ordinal
        let isFirst = query.before?.ordinal == ordinal
        let end = isFirst ? query.before?.offset ?? .max : .max
        try segment.forEachRecord { place, header, offset in
            guard offset <= end else { return false }
            let kind = RecordKind(rawValue: header.kind)
            let limit = offset == end ? query.before?.entry ?? 0 : .max
            if kind == .progress, !query.results.isEmpty {
                let payload = UnsafeRawBufferPointer(
                    start: place.buffer.bytes + place.offset + RecordFormat.headerBytes, count: header.length)
                if let record = ProgressRecord(payload) { take(record, ordinal, offset, limit: limit) }
            } else if kind == .event, query.isSkippedMeant, limit > 0,
                let event = EventRecord(buffer: place.buffer, offset: place.offset), event.skips(query.webhook)
            {
                let entry = Journal.HistoryEntry.skipped(sequence: event.sequence, acceptedAt: event.acceptedAt)
                add(entry, at: event.acceptedAt, Journal.HistoryPlace(ordinal: ordinal, offset: offset, entry: 0))
            }
            return true
        }
    }

    private mutating func take(_ record: ProgressRecord, _ ordinal: UInt64, _ offset: Int, limit: Int) {
        for lane in record.lanes where lane.webhook == query.webhook {
            for (index, settlement) in lane.progress.settled.enumerated() where index < limit {
                guard query.results.contains(settlement.result) else { continue }
                add(
                    .settled(settlement), at: settlement.at,
                    Journal.HistoryPlace(ordinal: ordinal, offset: offset, entry: index))
            }
        }
    }

    private mutating func add(_ entry: Journal.HistoryEntry, at: Int64, _ place: Journal.HistoryPlace) {
        guard at >= query.since, at < query.until else { return }
        entries.append(Entry(place: place, entry: entry))
        // Now and then, so that dropping costs little for each.
        if entries.count > 2 * wanted + 64 { entries.removeFirst(entries.count - wanted - 1) }
    }
}
