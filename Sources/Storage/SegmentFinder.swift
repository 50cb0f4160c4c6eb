import Glibc
import RelayCore

/// Finds the segments in a journal's directory, and what else is there.
package struct SegmentFinder {
    package struct Found {
        /// Oldest first, each cut off where the one behind it says.
        package var segments: [Segment] = []
        package var damage: [JournalDamage] = []
        /// Names that are no segments of this journal: left alone.
        package var foreign: [String] = []
        /// Those of them that never held anything: a crash, or a running daemon, in the middle of making one.
        package var unfinished: [String] = []
        /// Segments that another one stands for; a start removes them.
        package var merged: [String] = []
        /// Those of them that have the same ordinal as the other one, and did not come from merging.
        package var duplicates: [String] = []
        /// What a crash left of files in the making, and of the removal of segments; a start removes them.
        package var leftOvers: [String] = []
        /// What would stop a start; told only where it is not strict.
        package var refusals: [StorageRefusal] = []
        /// Segments among them that are not read for that.
        package var leftOut: Set<String> = []
        /// What could not be opened or read; told only where it is not strict.
        package var unreadable: [DiskError] = []
    }

    package let directory: String
    package let disk: any Disk
    /// For a start: what stands in its way is an error. Else it is told, and looking goes on.
    package var isStrict = true
    /// Whose files they have to be.
    package let owner: UInt32

    package init(directory: String, disk: any Disk, isStrict: Bool = true, owner: UInt32 = geteuid()) {
        self.directory = directory
        self.disk = disk
        self.isStrict = isStrict
        self.owner = owner
    }

    private struct Candidate {
        let header: SegmentHeader
        let path: String
        let file: any DiskFile
        let size: Int
    }

    /// Looks; nothing is changed.
    ///
    /// - Throws: ``DiskError``; ``StorageRefusal`` for a file that can't be left alone safely.
    package func find() throws -> Found {
        var found = Found()
        var candidates: [Candidate] = []
        let names = try disk.list(directory).sorted()
        for name in names {
            if Self.isOwn(name) { continue }
            guard name.hasSuffix(".seg") else {
                found.foreign.append(name)
                continue
            }
            do {
                guard let candidate = try look(at: name, &found) else {
                    found.foreign.append(name)
                    continue
                }
                candidates.append(candidate)
            } catch let refusal as StorageRefusal where !isStrict {
                found.refusals.append(refusal)
                found.leftOut.insert(refusal.path)
            } catch let error as DiskError where !isStrict && !error.isMissing {
                found.unreadable.append(error)
            }
        }
        candidates.sort { $0.header.ordinal < $1.header.ordinal }
        let journal = candidates.first?.header.journal
        for stranger in candidates where stranger.header.journal != journal {
            let refusal = StorageRefusal(
                path: stranger.path,
                reason: "belongs to another journal than the segments before it: move it out of this directory")
            guard !isStrict else { throw refusal }
            found.refusals.append(refusal)
            found.leftOut.insert(refusal.path)
        }
        candidates.removeAll { $0.header.journal != journal }
        chain(candidates, &found)
        let indices = Set(found.segments.map(\.indexPath))
        found.leftOvers = names.map { "\(directory)/\($0)" }.filter {
            $0.hasSuffix(".new") || $0.hasSuffix(".idx") && !indices.contains($0)
        }
        return found
    }

    /// Files beside the segments that are ours: indices, the reserve, and what a crash left of a file in the making.
    static func isOwn(_ name: String) -> Bool {
        name == Journal.reserveName || name.hasSuffix(".idx") || name.hasSuffix(".new")
    }

    /// Nil: the file never held anything, or is a copy of another one.
    private func look(at name: String, _ found: inout Found) throws -> Candidate? {
        let path = "\(directory)/\(name)"
        if let refusal = try ownerProblem(path, &found) { throw refusal }
        let file = try disk.open(path)
        let area = try file.read(SegmentHeader.dataOffset, at: 0)
        do throws(SegmentHeader.Fault) {
            let (header, isDamaged) = try SegmentHeader.find(in: area)
            // Whoever copies a segment gives it another name.
            guard name == Segment.name(ordinal: header.ordinal, firstSequence: header.firstSequence) else { return nil }
            if isDamaged { found.damage.append(.headerCopy(path: path)) }
            return Candidate(header: header, path: path, file: file, size: try size(of: file))
        } catch {
            if case .version(1...) = error {
                // Another version may have its records elsewhere: an empty file of it can't be told.
            } else if try size(of: file) <= SegmentHeader.dataOffset || isBlank(file) {
                // A crash in the middle of making it. The next segment of that name takes its place.
                found.unfinished.append(name)
                return nil
            }
            switch error {
            case .version(let version):
                throw StorageRefusal(
                    path: path,
                    reason: """
                        written in format \(version), this Hookline knows format \(SegmentHeader.version): install the \
                        version that wrote it again
                        """)
            case .unfinished, .foreign, .checksum:
                throw StorageRefusal(
                    path: path,
                    reason: """
                        both copies of its header are damaged, so that nothing in it can be read. Put a good copy in its \
                        place, or go on without its events: mv \(path) \(path).damaged
                        """)
            }
        }
    }

    private func size(of file: any DiskFile) throws(SegmentHeader.Fault) -> Int {
        do throws(DiskError) { return try file.size() } catch { throw .unfinished }
    }

    private func isBlank(_ file: any DiskFile) throws -> Bool {
        // Preallocated and never written: the first records would be here.
        try file.read(64 * 1024, at: SegmentHeader.dataOffset).allSatisfy { $0 == 0 }
    }

    /// - Returns: why the file can't be opened; where only its owner or mode is wrong, and that is to be told, nil.
    private func ownerProblem(_ path: String, _ found: inout Found) throws -> StorageRefusal? {
        let attributes = try disk.attributes(of: path)
        guard attributes.isRegularFile else {
            return StorageRefusal(path: path, reason: "is no regular file: move it out of this directory")
        }
        var refusals: [StorageRefusal] = []
        if attributes.owner != owner {
            refusals.append(
                StorageRefusal(
                    path: path,
                    reason: """
                        belongs to uid \(attributes.owner), not to uid \(owner) which hookline runs as: \
                        chown \(owner) \(path)
                        """))
        }
        if attributes.mode & 0o077 != 0 {
            refusals.append(
                StorageRefusal(
                    path: path,
                    reason: "is open to others (mode \(String(attributes.mode, radix: 8))): chmod 600 \(path)"))
        }
        if isStrict { return refusals.first }
        found.refusals += refusals
        return nil
    }

    /// Says how much of each segment counts, and leaves out those that another one stands for.
    private func chain(_ candidates: [Candidate], _ found: inout Found) {
        var through: UInt64 = 0
        for (index, candidate) in candidates.enumerated() {
            let header = candidate.header
            // Merged into the one before, which a crash kept from removing it.
            if header.ordinal <= through {
                found.merged.append(candidate.path)
                if header.ordinal == found.segments.last?.header.ordinal { found.duplicates.append(candidate.path) }
                continue
            }
            through = header.throughOrdinal
            var sealed: Int?
            if header.sealedBytes > 0 {
                sealed = Int(clamping: header.sealedBytes)
            } else if let next = candidates.dropFirst(index + 1).first(where: { $0.header.ordinal > through }),
                next.header.previousOrdinal == header.ordinal
            {
                sealed = Int(clamping: next.header.previousBytes)
            }
            found.segments.append(
                Segment(
                    header: header, path: candidate.path, file: candidate.file,
                    validBytes: min(candidate.size, sealed ?? .max), sealedBytes: sealed, isIndexed: false))
        }
    }
}
