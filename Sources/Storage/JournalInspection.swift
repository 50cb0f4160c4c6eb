import Glibc
package import Logging
package import RelayCore

/// Looks at a state directory and changes nothing: also at one that is damaged, and beside a running daemon.
///
/// ``look()`` finds what a start would find, and holds the segments open: what a daemon removes or writes anew afterwards
/// is still read as it was. ``read(_:of:record:damage:)`` reads a segment of it.
package struct JournalInspection {
    package let stateDirectory: String
    let disk: ReadOnlyDisk
    private let logger: Logger

    /// How often it looks anew because of what a running daemon does meanwhile.
    private static let looksMax = 5
    /// Between two looks: longer than a write and its sync usually take.
    private static let pauseMicroseconds: UInt32 = 20_000

    package init(stateDirectory: String, logger: Logger, disk: ReadOnlyDisk = ReadOnlyDisk()) {
        self.stateDirectory = stateDirectory
        self.logger = logger
        self.disk = disk
    }

    package var directory: String { "\(stateDirectory)/journal" }

    /// What a start would find.
    package struct Look {
        package let recovered: RecoveredJournal
        /// Webhooks as a start would find them; nil if it would not find them.
        package let table: RegistrationTable?
        /// The id of the key that the webhooks' secrets are sealed under; nil: they are not, or nobody knows.
        package let sealedUnder: String?
        /// All but what only reading the segments shows.
        package let findings: [JournalFinding]

        package var segments: [Segment] { recovered.journal.allSegments }
        package var id: JournalID { recovered.journal.id }

        /// Lanes of the webhooks that there are: what waits for others is cancelled by a start.
        package var lanes: [WebhookNumber: LaneState] {
            guard let table else { return recovered.state.lanes }
            return recovered.state.lanes.filter { table[$0.key] != nil }
        }

        /// What they still need.
        package var needs: JournalNeeds {
            JournalNeeds(
                lanes: lanes.mapValues { JournalNeeds.Lane(cursor: $0.cursor, open: $0.open.keys.sorted()) })
        }
    }

    // MARK: Looking

    /// - Throws: ``DiskError`` if there is no journal, or none of it can be read.
    package func look() throws -> Look {
        var previous: Look?
        for number in 1... {
            do {
                let look = try lookOnce()
                // A batch that is being written, or a name that changes hands, is gone with the next look; damage stays.
                let isSettled = look.findings.isEmpty || look.findings == previous?.findings
                if isSettled || number >= Self.looksMax { return look }
                previous = look
            } catch let error as DiskError where error.isMissing && number < Self.looksMax {
                // Removed or written anew by a daemon that is running. Without the directory there is nothing to wait for.
                guard (try? disk.list(directory)) != nil else { throw error }
            }
            usleep(Self.pauseMicroseconds)
        }
        fatalError("the loop ends by itself")
    }

    private func lookOnce() throws -> Look {
        // Whose files they have to be: the daemon's, who may be somebody else than the one who looks.
        let owner = try disk.attributes(of: "\(stateDirectory)/.").owner
        let recovered = try JournalOpener(
            directory: directory, disk: disk, segmentBytes: Limits.segmentBytes, logger: logger, isReadOnly: true,
            owner: owner, coding: .withheld
        ).open(
            eventsSince: .max, hooks: JournalHooks(wall: { 0 }, monotonic: { MonotonicTime(nanoseconds: 0) }),
            visit: { _, _ in })
        if recovered.journal.allSegments.isEmpty, let error = recovered.directory.unreadable.first,
            error.isNotPermitted
        {
            throw error
        }
        var findings = try directoryProblems(owner: owner).map { JournalFinding.refusal($0) }
        findings += recovered.findings(in: directory)
        var table: RegistrationTable?
        var seal: RegistrationSnapshot.Seal?
        let snapshot = RegistrationSnapshot(stateDirectory: stateDirectory, disk: disk, coding: .withheld)
        do {
            seal = try snapshot.seal()
            table = try RegistrationRecovery.table(
                snapshot, recovered, catalogue: EventCatalogue(), journalDirectory: directory
            ).table
        } catch let refusal as StorageRefusal {
            findings.append(.refusal(refusal))
        } catch let error as DiskError where !error.isMissing {
            findings.append(.closed(error))
        }
        return Look(recovered: recovered, table: table, sealedUnder: seal?.keyID, findings: findings)
    }

    /// What ``StateDirectory`` would refuse.
    private func directoryProblems(owner: UInt32) throws(DiskError) -> [StorageRefusal] {
        let attributes = try disk.attributes(of: directory)
        guard attributes.isDirectory else {
            return [
                StorageRefusal(
                    path: directory, reason: "is no directory (a symbolic link is not followed): put it here")
            ]
        }
        var problems: [StorageRefusal] = []
        if attributes.owner != owner {
            problems.append(
                StorageRefusal(
                    path: directory,
                    reason: """
                        belongs to uid \(attributes.owner), and the directory that it is in to uid \(owner): \
                        chown \(owner) \(directory)
                        """))
        }
        if attributes.mode & 0o077 != 0 {
            problems.append(
                StorageRefusal(
                    path: directory,
                    reason: "is open to others (mode \(String(attributes.mode, radix: 8))): chmod 700 \(directory)"))
        }
        return problems
    }
}

extension RecoveredJournal {
    fileprivate func findings(in directory: String) -> [JournalFinding] {
        let found = self.directory
        var findings = refusals.map { JournalFinding.refusal($0) } + found.unreadable.map { .closed($0) }
        for item in damage {
            switch item {
            case .headerCopy(let path): findings.append(.header(path: path))
            case .missing(let ordinals, let sequences):
                let events = sequences.isEmpty ? nil : sequences.lowerBound...sequences.upperBound - 1
                findings.append(.missing(ordinals: ordinals, events: events))
            case .tail(let path, let range): findings.append(.tail(path: path, range))
            // Reading the segment shows it with what is around it.
            case .bytes: break
            }
        }
        let unfinished = Set(found.unfinished)
        findings += found.duplicates.map { .duplicate(path: $0) }
        findings += found.unfinished.map { .unfinished(path: "\(directory)/\($0)") }
        findings += found.foreign.filter { !unfinished.contains($0) }.map { .foreign(path: "\(directory)/\($0)") }
        let leftOvers = found.merged.filter { !found.duplicates.contains($0) } + found.leftOvers + dropped
        return findings + leftOvers.map { .leftOver(path: $0) }
    }
}
