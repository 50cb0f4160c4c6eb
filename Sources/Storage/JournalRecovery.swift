import FoundationEssentials
package import Logging
package import RelayCore

/// What a start finds in a journal's directory.
package struct RecoveredJournal {
    package let journal: Journal
    package let state: RecoveryState
    /// Changes of the registration table, in the order of their revisions.
    package let changes: [RegistrationChange]
    package let damage: [JournalDamage]
    /// Names in the directory that are no segments of this journal.
    package let foreign: [String]
}

/// A stretch of a segment that no checksum vouches for.
package struct JournalDamage: Equatable, Sendable {
    package let path: String
    package let bytes: Range<Int>
}

/// Why a start can't go on with what it finds: the file, and what is wrong with it.
package struct StorageRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    package var description: String { "\(path): \(reason)" }
}

/// Opens a journal: finds its segments, the last checkpoint, and what has happened since.
package struct JournalOpener {
    package let directory: String
    package let disk: any Disk
    package let segmentBytes: Int
    package let logger: Logger

    package init(directory: String, disk: any Disk, segmentBytes: Int, logger: Logger) {
        self.directory = directory
        self.disk = disk
        self.segmentBytes = segmentBytes
        self.logger = logger
    }

    /// - Parameters:
    ///   - eventsSince: Unix milliseconds; events in segments that were still written to then are shown to `visit`.
    ///   - visit: gets a record that is valid during the call.
    package func open(
        eventsSince: Int64, wall: @escaping @Sendable () -> Int64, onRotation: @escaping @Sendable () -> Void,
        observeSync: @escaping @Sendable (Duration) -> Void, visit: (EventRecord) -> Void
    ) throws -> RecoveredJournal {
        var foreign: [String] = []
        let segments = try findSegments(&foreign)
        let found = try lastCheckpoint(in: segments)
        var contents = Contents(state: RecoveryState(checkpoint: found?.checkpoint))
        var damage: [JournalDamage] = []

        let asOf = found?.checkpoint.asOf ?? 0
        let firstForState = min(
            segments.lastIndex { $0.header.firstSequence <= asOf + 1 } ?? 0, found?.segment ?? 0)
        // A segment was written to until the next one was made.
        let firstForIDs = segments.indices.first {
            $0 + 1 == segments.count || segments[$0 + 1].header.createdAt >= eventsSince
        }
        for index in min(firstForState, firstForIDs ?? 0)..<segments.count {
            let segment = segments[index]
            let (damaged, end) = try segment.forEachRecord { place, header, offset in
                if let found, (index, offset) >= (found.segment, found.end) { contents.state.passCheckpoint() }
                contents.apply(place.buffer, place.offset, header, isForState: index >= firstForState, visit)
                return true
            }
            damage += damaged.map { JournalDamage(path: segment.path, bytes: $0) }
            // Behind the last record of the last segment is what a crash left: it was never acknowledged.
            if index == segments.count - 1 {
                segment.publish(through: end, index: [])
                // What a killed process wrote may be in the kernel's memory only; from now on it counts as durable.
                try segment.file.sync()
            }
        }
        if let problem = contents.problem { throw problem }
        let journal = Journal(
            id: segments.first?.header.journal ?? Self.makeID(), directory: directory, disk: disk, found: segments,
            lastSequence: contents.state.lastSequence, segmentBytes: segmentBytes, wall: wall, onRotation: onRotation,
            observeSync: observeSync, logger: logger)
        return RecoveredJournal(
            journal: journal, state: contents.state,
            changes: contents.changes.values.sorted { $0.revision < $1.revision }, damage: damage, foreign: foreign)
    }

    private struct Contents {
        var state: RecoveryState
        var changes: [UInt64: RegistrationChange] = [:]
        var problem: StorageRefusal?

        mutating func apply(
            _ buffer: RecordBuffer, _ offset: Int, _ header: RecordFormat.Header, isForState: Bool,
            _ visit: (EventRecord) -> Void
        ) {
            let payload = UnsafeRawBufferPointer(
                start: buffer.bytes + offset + RecordFormat.headerBytes, count: header.length)
            switch RecordKind(rawValue: header.kind) {
            case .event:
                guard let event = EventRecord(buffer: buffer, offset: offset) else { return }
                if isForState { state.apply(event) }
                visit(event)
            case .progress:
                guard isForState, let record = ProgressRecord(payload) else { return }
                state.apply(record)
            case .registration:
                do {
                    let change = try JSONDecoder().decode(RegistrationChange.self, from: Data(payload))
                    changes[change.revision] = change
                } catch {
                    problem = StorageRefusal(
                        path: "journal", reason: "a registration change can't be understood: \(error)")
                }
            case .checkpoint, nil:
                return
            }
        }
    }

    /// Segments of this journal, oldest first, each cut off where the one behind it says.
    private func findSegments(_ foreign: inout [String]) throws -> [Segment] {
        var found: [(header: SegmentHeader, path: String, file: any DiskFile, size: Int)] = []
        for name in try disk.list(directory).sorted() {
            let path = "\(directory)/\(name)"
            guard name.hasSuffix(".seg") else {
                foreign.append(name)
                continue
            }
            let file = try disk.open(path)
            var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
            let size = try file.size()
            let read = try readAll(file, into: &bytes)
            do throws(SegmentHeader.Fault) {
                let header = try SegmentHeader(Array(bytes.prefix(read)))
                found.append((header, path, file, size))
            } catch {
                switch error {
                case .version(let version):
                    throw StorageRefusal(
                        path: path,
                        reason: "written by a newer Hookline (format \(version)): install that version again")
                case .tooShort, .foreign, .checksum:
                    // A crash in the middle of making it: it never held anything that counts.
                    foreign.append(name)
                }
            }
        }
        found.sort { $0.header.ordinal < $1.header.ordinal }
        if let stranger = found.first(where: { $0.header.journal != found.first?.header.journal }) {
            throw StorageRefusal(
                path: stranger.path, reason: "belongs to another journal: move it out of this directory")
        }
        return found.enumerated().map { index, segment in
            var valid = segment.size
            if index + 1 < found.count, found[index + 1].header.previousOrdinal == segment.header.ordinal {
                valid = min(valid, Int(clamping: found[index + 1].header.previousBytes))
            }
            return Segment(
                header: segment.header, path: segment.path, file: segment.file, validBytes: valid, isIndexed: false)
        }
    }

    private func readAll(_ file: any DiskFile, into bytes: inout [UInt8]) throws(DiskError) -> Int {
        var result: Result<Int, DiskError> = .success(0)
        bytes.withUnsafeMutableBytes { raw in
            do throws(DiskError) { result = .success(try file.read(into: raw, at: 0)) } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    /// The newest whole checkpoint, and where it ends.
    private func lastCheckpoint(
        in segments: [Segment]
    ) throws(DiskError) -> (checkpoint: WholeCheckpoint, segment: Int, end: Int)? {
        for index in segments.indices.reversed() {
            var found: (checkpoint: WholeCheckpoint, segment: Int, end: Int)?
            var collector = CheckpointCollector()
            try segments[index].forEachRecord { place, header, offset in
                guard header.kind == RecordKind.checkpoint.rawValue else { return true }
                let payload = UnsafeRawBufferPointer(
                    start: place.buffer.bytes + place.offset + RecordFormat.headerBytes, count: header.length)
                if let record = CheckpointRecord(payload), let whole = collector.add(record) {
                    found = (whole, index, offset + header.totalBytes)
                }
                return true
            }
            if let found { return found }
        }
        return nil
    }

    private static func makeID() -> JournalID {
        var generator = SystemRandomNumberGenerator()
        return JournalID(high: generator.next(), low: generator.next())
    }
}
