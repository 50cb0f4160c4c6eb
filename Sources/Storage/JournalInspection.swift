package import Logging
package import RelayCore

/// Looks at a state directory and changes nothing: also at one that is damaged, and beside a running daemon.
package struct JournalInspection {
    package let stateDirectory: String
    private let disk = ReadOnlyDisk()
    private let logger: Logger

    /// How often it begins anew because a daemon has removed or rewritten a segment meanwhile.
    private static let triesMax = 5

    package init(stateDirectory: String, logger: Logger) {
        self.stateDirectory = stateDirectory
        self.logger = logger
    }

    package var directory: String { "\(stateDirectory)/journal" }

    /// A segment as it was found.
    package struct SegmentFacts: Equatable, Sendable {
        package let path: String
        package let header: SegmentHeader
        package let bytes: Int
        package let hasIndex: Bool
        package var records: [RecordKind: Int] = [:]
        package var lastSequence: UInt64?
        package var damage: [JournalDamage] = []
    }

    /// One look at all of it.
    package struct Facts: Sendable {
        package var segments: [SegmentFacts] = []
        package var damage: [JournalDamage] = []
        /// What would stop a start.
        package var refusals: [StorageRefusal] = []
        package var foreign: [String] = []
        package var state = RecoveryState(checkpoint: nil)
        package var tasks: [JournalTask] = []
        /// Webhooks as a start would find them; nil if it would not find them.
        package var table: RegistrationTable?
        package var id: JournalID?
    }

    /// Reads everything.
    ///
    /// - Parameter visit: gets each record in order, valid during the call, with its segment's number in the list.
    /// - Throws: ``DiskError``, or ``StorageRefusal`` if there is no journal.
    package func read(
        visit: (
            _ place: (buffer: RecordBuffer, offset: Int), _ header: RecordFormat.Header, _ fileOffset: Int,
            _ segment: Int
        )
            -> Void = { _, _, _, _ in }
    ) throws -> Facts {
        var facts = Facts()
        let (recovered, finder) = try open()
        facts.id = recovered.journal.id
        facts.state = recovered.state
        facts.tasks = recovered.tasks.filter { !$0.isDone }
        facts.foreign = finder.foreign
        facts.refusals = finder.refusals
        for (number, segment) in recovered.journal.allSegments.enumerated() {
            var found = SegmentFacts(
                path: segment.path, header: segment.header, bytes: segment.validBytes,
                hasIndex: try SegmentIndex.open(segment.indexPath, disk: disk, header: segment.header) != nil)
            let isLast = number == recovered.journal.allSegments.count - 1
            let (damaged, end) = try segment.forEachRecord { place, header, offset in
                if let kind = RecordKind(rawValue: header.kind) { found.records[kind, default: 0] += 1 }
                if header.kind == RecordKind.event.rawValue { found.lastSequence = header.sequence }
                visit(place, header, offset, number)
                return true
            }
            found.damage = damaged.map {
                isLast && $0.lowerBound == end ? .tail(path: segment.path, $0) : .bytes(path: segment.path, $0)
            }
            if let sealed = segment.sealedBytes, end < sealed, damaged.last?.lowerBound != end {
                found.damage.append(.bytes(path: segment.path, end..<sealed))
            }
            facts.damage += found.damage
            facts.segments.append(found)
        }
        facts.damage += recovered.damage.filter {
            switch $0 {
            case .bytes, .tail: false
            case .headerCopy, .missing: true
            }
        }
        addRegistrations(&facts, recovered)
        return facts
    }

    /// Calls `body` with each event in order, until it returns false.
    ///
    /// - Returns: stretches that are damaged.
    package func forEachEvent(
        _ recovered: RecoveredJournal, _ body: (EventRecord) -> Bool
    ) throws(DiskError) -> [JournalDamage] {
        var damage: [JournalDamage] = []
        var isEnded = false
        let segments = recovered.journal.allSegments
        for (number, segment) in segments.enumerated() where !isEnded {
            let (damaged, end) = try segment.forEachRecord { place, header, _ in
                guard header.kind == RecordKind.event.rawValue,
                    let event = EventRecord(buffer: place.buffer, offset: place.offset)
                else { return true }
                isEnded = !body(event)
                return !isEnded
            }
            damage += damaged.filter { number + 1 < segments.count || $0.lowerBound != end }
                .map { .bytes(path: segment.path, $0) }
        }
        return damage
    }

    /// The journal as a start would find it, and what the directory holds.
    package func open() throws -> (RecoveredJournal, SegmentFinder.Found) {
        var tries = 1
        while true {
            do {
                let finder = try SegmentFinder(directory: directory, disk: disk, isStrict: false).find()
                let recovered = try JournalOpener(
                    directory: directory, disk: disk, segmentBytes: Limits.segmentBytes, logger: logger,
                    isReadOnly: true
                ).open(
                    eventsSince: .max,
                    hooks: JournalHooks(wall: { 0 }, monotonic: { MonotonicTime(nanoseconds: 0) }),
                    visit: { _, _ in })
                return (recovered, finder)
            } catch let error as DiskError where error.isMissing && tries < Self.triesMax {
                // Removed or written anew by a daemon that is running. Without the directory there is nothing to wait for.
                guard (try? disk.list(directory)) != nil else { throw error }
                tries += 1
            }
        }
    }

    /// The snapshot with the changes since, as a start puts them together.
    private func addRegistrations(_ facts: inout Facts, _ recovered: RecoveredJournal) {
        let snapshot = RegistrationSnapshot(stateDirectory: stateDirectory, disk: disk)
        do {
            facts.table = try RegistrationRecovery.table(
                snapshot, recovered, catalogue: EventCatalogue(), journalDirectory: directory
            ).table
        } catch let refusal as StorageRefusal {
            facts.refusals.append(refusal)
        } catch {
            facts.refusals.append(StorageRefusal(path: snapshot.path, reason: "\(error)"))
        }
    }
}
