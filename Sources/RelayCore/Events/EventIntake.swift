import DequeModule

/// Steps 2 to 4 of an event's life up to the disk: decides about a line and, if it is accepted, appends its record.
///
/// Gives out sequences; its owner submits the records in that order.
package struct EventIntake {
    /// What became of a line.
    package enum Outcome {
        /// Nothing but white space.
        case blank
        /// Its record begins at `offset` of the batch.
        case accepted(offset: Int)
        /// The event with this sequence was sent again.
        case duplicate(EventRecord)
        case refused(Refusal)
    }

    /// Why nothing can be accepted at present.
    package enum Obstacle: Equatable, Sendable {
        case backlogFull
        case shuttingDown
    }

    package var obstacle: Obstacle?
    /// How long an id is remembered, in milliseconds.
    package var dedupeWindow: Int64
    package private(set) var nextSequence: UInt64

    private var scanner: EventScanner
    private var table: RegistrationTable
    private var types: [PinnedBytes] = []
    private var duplicates: DuplicateIndex
    private let journal: JournalID
    private var clock = TimestampCache()
    private var tenantCache = TenantCache()
    /// Lines that were read and are not decided about.
    private var ahead = Deque<ReadLine>(minimumCapacity: Limits.linesAhead)

    // Never handed to another thread: there are none between one call of the owner's and the next.
    private struct ReadLine: @unchecked Sendable {
        let bytes: UnsafeRawBufferPointer
        let isLast: Bool
        let scanned: Result<ScannedEvent, Refusal>
        /// Of its id and tenant.
        let fingerprint: UInt64?
    }

    /// - Parameter duplicates: ids of the events before `nextSequence`.
    package init(
        table: RegistrationTable, duplicates: DuplicateIndex, dedupeWindow: Int64, nextSequence: UInt64,
        journal: JournalID
    ) {
        self.table = table
        self.duplicates = duplicates
        self.dedupeWindow = dedupeWindow
        self.nextSequence = nextSequence
        self.journal = journal
        scanner = EventScanner(catalogue: table.catalogue)
        replaceTable(table)
    }

    package var catalogue: EventCatalogue { table.catalogue }

    /// Registrations as they are for the next line.
    package mutating func replaceTable(_ table: RegistrationTable) {
        self.table = table
        scanner.catalogue = table.catalogue
        types = table.catalogue.names.map { PinnedBytes($0.utf8) }
        tenantCache = TenantCache()
    }

    /// Reads a line, for ``decide(from:grant:now:into:find:sealed:)`` to decide about: meanwhile the memory in which its
    /// id is looked up comes into the cache.
    ///
    /// - Parameters:
    ///   - line: without its LF; valid until it is decided about.
    ///   - isLast: the connection's last line, which no LF ended.
    ///   - grant: the same for all lines that are read ahead.
    /// - Returns: whether another line may be read before this one is decided about.
    package mutating func read(_ line: UnsafeRawBufferPointer, isLast: Bool = false, grant: ProducerGrant) -> Bool {
        let scanned = scanner.scan(line)
        var fingerprint: UInt64?
        if case .success(let event) = scanned, let id = event.id {
            fingerprint = self.fingerprint(of: id, event.tenant, grant, in: line)
            if let fingerprint { duplicates.prefetch(fingerprint) }
        }
        ahead.append(ReadLine(bytes: line, isLast: isLast, scanned: scanned, fingerprint: fingerprint))
        return ahead.count < Limits.linesAhead && !scanner.holdsUnescaped
    }

    /// Decides about the oldest line that was read and is not decided about; nil if there is none.
    ///
    /// - Parameters:
    ///   - now: Unix milliseconds.
    ///   - batch: gets the record.
    ///   - find: an earlier event by its sequence, wherever it is; nil if it is gone.
    ///   - sealed: looks into index files.
    package mutating func decide(
        from peer: PeerIdentity, grant: ProducerGrant, now: Int64, into batch: RecordBuffer,
        find: (UInt64) -> EventRecord?, sealed: DuplicateIndex.SealedLookUp = { _, _ in nil }
    ) -> Outcome? {
        guard let next = ahead.popFirst() else { return nil }
        let line = next.bytes
        let event: ScannedEvent
        switch next.scanned {
        case .success(let scanned): event = scanned
        case .failure(let refusal):
            if JSONText.isBlank(line) { return .blank }
            if next.isLast, refusal.code == .invalidJSON || refusal.code == .invalidUTF8 {
                return .refused(Refusal(.truncated, "the input ended inside this line: \(refusal.message)"))
            }
            return .refused(refusal)
        }
        func refuse(_ code: RefusalCode, _ message: String, retryAfter: Int? = nil) -> Outcome {
            let id = event.id.map { scanner.string(of: $0, in: line) }
            return .refused(Refusal(code, message, id: id, retryAfterMilliseconds: retryAfter))
        }

        guard resolveTenant(event, line, grant) else {
            return refuse(.missingField, "the field \"tenantId\" is missing")
        }
        guard grant.isEverything || grant.allows(tenant: tenantCache.name, type: event.type) else {
            return refuse(
                .forbidden,
                "uid \(peer.uid) may not send \(table.catalogue.names[event.type]) for tenant \(tenantCache.name)")
        }
        switch obstacle {
        case .backlogFull:
            return refuse(.backlogFull, "the journal has reached journal.max-bytes", retryAfter: 1000)
        case .shuttingDown:
            return refuse(.shuttingDown, "Hookline is stopping", retryAfter: 1000)
        case nil: break
        }
        if let id = event.id, let fingerprint = next.fingerprint {
            if duplicates.mayContain(fingerprint) || mayBeOwn(id, in: line) {
                switch findDuplicate(event, id, fingerprint, line, now: now, find: find, sealed: sealed) {
                case .none: break
                case .same(let original): return .duplicate(original)
                case .conflict: return refuse(.idConflict, "this id has been used for another event")
                }
            }
            duplicates.insert(fingerprint, sequence: nextSequence)
        }
        let offset = append(event, line, peer, now: now, to: batch)
        nextSequence += 1
        return .accepted(offset: offset)
    }

    /// Appends the record of an event that the relay makes itself.
    ///
    /// - Returns: false if no webhook wants it; then there is none.
    package mutating func append(
        _ event: OperationalEvent, from peer: PeerIdentity, now: Int64, to batch: RecordBuffer
    ) -> Bool {
        let webhooks = table.matchOperational(tenant: event.tenant, type: event.kind.rawValue)
        guard !webhooks.isEmpty else { return false }
        clock.update(to: now)
        let (type, tenant) = (PinnedBytes(event.kind.rawValue.utf8), PinnedBytes(event.tenant.utf8))
        let data = PinnedBytes(event.data)
        withExtendedLifetime((type, tenant, data)) {
            var parts = EventRecord.Parts(
                sequence: nextSequence, acceptedAt: now, producer: peer, type: type.contents,
                timestamp: clock.text.contents, isProducersTimestamp: false, tenant: tenant.contents,
                id: UnsafeRawBufferPointer(start: nil, count: 0), data: data.contents, webhooks: webhooks)
            parts.isOperational = true
            EventRecord.append(parts, to: batch)
        }
        nextSequence += 1
        return true
    }

    /// Takes an event back whose record did not reach the disk: its id is free again.
    package mutating func forget(_ event: EventRecord) {
        guard let fingerprint = event.fingerprint(in: journal) else { return }
        duplicates.remove(fingerprint, sequence: event.sequence)
    }

    /// Ids of events before this sequence can't be compared any more: their records are gone.
    package mutating func forgetDuplicates(before sequence: UInt64) {
        duplicates.forget(before: sequence)
    }

    /// Ids of events up to this one are in index files.
    package mutating func noteIndexed(through sequence: UInt64) {
        duplicates.indexed(through: sequence)
    }

    /// Takes ids of earlier runs' events into account; the last ones if `isComplete`.
    package mutating func adopt(_ generation: IDFilterGeneration?, isComplete: Bool) {
        if let generation { duplicates.adopt(generation) }
        if isComplete { duplicates.hasUncovered = false }
    }

    /// Ids that are remembered, and how many were forgotten because there were too many.
    package var rememberedIDs: (count: Int, forgotten: UInt64) { (duplicates.count, duplicates.forgottenByLimit) }

    // MARK: Inside

    private struct TenantCache {
        var bytes = PinnedBytes([])
        var name = ""
        var row: RegistrationTable.Row?
    }

    /// Makes `tenantCache` the line's tenant.
    @inline(__always)
    private mutating func resolveTenant(
        _ event: ScannedEvent, _ line: UnsafeRawBufferPointer, _ grant: ProducerGrant
    ) -> Bool {
        if let text = event.tenant {
            if !tenantCache.bytes.contents.equals(scanner.bytes(of: text, in: line)) {
                remember(scanner.string(of: text, in: line))
            }
            return true
        }
        guard let only = grant.onlyTenant else { return false }
        if only != tenantCache.name { remember(only) }
        return true
    }

    private mutating func remember(_ tenant: String) {
        tenantCache = TenantCache(bytes: PinnedBytes(tenant.utf8), name: tenant, row: table.row(of: tenant))
    }

    private enum Found {
        case none
        case same(EventRecord)
        case conflict
    }

    /// Nil if the line names no tenant and its producer has not just one.
    private func fingerprint(
        of id: ScannedEvent.Text, _ tenant: ScannedEvent.Text?, _ grant: ProducerGrant, in line: UnsafeRawBufferPointer
    ) -> UInt64? {
        let id = scanner.bytes(of: id, in: line)
        if let tenant {
            return EventFingerprint.make(tenant: scanner.bytes(of: tenant, in: line), id: id, journal: journal)
        }
        guard var only = grant.onlyTenant else { return nil }
        return only.withUTF8 {
            EventFingerprint.make(tenant: UnsafeRawBufferPointer($0), id: id, journal: journal)
        }
    }

    /// Whether an id looks like one that Hookline makes.
    @inline(__always)
    private func mayBeOwn(_ id: ScannedEvent.Text, in line: UnsafeRawBufferPointer) -> Bool {
        EventID.hasForm(scanner.bytes(of: id, in: line))
    }

    // Apart from the rest, which nearly all events pass without it.
    @inline(never)
    private func findDuplicate(
        _ event: ScannedEvent, _ id: ScannedEvent.Text, _ fingerprint: UInt64, _ line: UnsafeRawBufferPointer,
        now: Int64, find: (UInt64) -> EventRecord?, sealed: DuplicateIndex.SealedLookUp
    ) -> Found {
        let id = scanner.bytes(of: id, in: line)
        var original: EventRecord?
        func isIt(_ sequence: UInt64) -> Bool {
            guard let candidate = find(sequence), candidate.tenant.equals(tenantCache.bytes.contents),
                hasID(candidate, id), now - candidate.acceptedAt < dedupeWindow
            else { return false }
            original = candidate
            return true
        }
        if !duplicates.find(fingerprint, sealed: sealed, where: isIt),
            let sequence = EventID.sequence(of: id, journal: journal), sequence < nextSequence
        {
            // An id of our own making, sent back to us.
            _ = isIt(sequence)
        }
        guard let original else { return .none }
        return isSame(event, line, as: original) ? .same(original) : .conflict
    }

    private func hasID(_ event: EventRecord, _ id: UnsafeRawBufferPointer) -> Bool {
        if event.hasProducersID { return event.producersID.elementsEqual(id) }
        var made: [UInt8] = []
        event.appendID(in: journal, to: &made)
        return id.elementsEqual(made)
    }

    private func isSame(_ event: ScannedEvent, _ line: UnsafeRawBufferPointer, as original: EventRecord) -> Bool {
        guard original.type.equals(types[event.type].contents),
            original.data.elementsEqual(UnsafeRawBufferPointer(rebasing: line[event.data]))
        else { return false }
        guard let timestamp = event.timestamp else { return true }
        return original.hasProducersTimestamp
            && scanner.bytes(of: timestamp, in: line).equals(original.timestamp)
    }

    @inline(__always)
    private mutating func append(
        _ event: ScannedEvent, _ line: UnsafeRawBufferPointer, _ peer: PeerIdentity, now: Int64, to batch: RecordBuffer
    ) -> Int {
        clock.update(to: now)
        let offset = batch.count
        let parts = EventRecord.Parts(
            sequence: nextSequence, acceptedAt: now, producer: peer, type: types[event.type].contents,
            timestamp: event.timestamp.map { scanner.bytes(of: $0, in: line) } ?? clock.text.contents,
            isProducersTimestamp: event.timestamp != nil, tenant: tenantCache.bytes.contents,
            id: event.id.map { scanner.bytes(of: $0, in: line) } ?? UnsafeRawBufferPointer(start: nil, count: 0),
            data: UnsafeRawBufferPointer(rebasing: line[event.data]), webhooks: tenantCache.row?[event.type] ?? [])
        EventRecord.append(parts, to: batch)
        return offset
    }
}

/// The text of the present millisecond.
private struct TimestampCache {
    private var milliseconds: Int64 = -1
    private(set) var text = PinnedBytes([])

    mutating func update(to milliseconds: Int64) {
        guard milliseconds != self.milliseconds else { return }
        self.milliseconds = milliseconds
        var characters: [UInt8] = []
        RFC3339.append(milliseconds: milliseconds, to: &characters)
        text = PinnedBytes(characters)
    }
}
