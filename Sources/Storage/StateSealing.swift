import FoundationEssentials
package import Logging
import RelayCore

/// Brings a state's secrets under a key, under another one, or back into the plain. For whoever holds the state directory,
/// before anything else uses it.
///
/// | step | after a crash |
/// |---|---|
/// | 1. all changes of registrations are read, under the key that there was | nothing has happened |
/// | 2. `registrations.json` is written anew with all of them, its secrets under the new key, and with a note that the segments are still to be scrubbed | the new key alone opens the state; doing it again goes on here |
/// | 3. segment by segment the records of webhooks are overwritten; now and then the note is moved on | the same |
/// | 4. `registrations.json` is written without the note | done |
///
/// A record is overwritten in its place with one that is as long, and says nothing: the snapshot has what it said.
/// What no checksum vouches for is overwritten with zeros, since nobody knows what is in it. So are all offsets and indices
/// as they were, and damage is still seen as damage.
package struct StateSealing {
    package let stateDirectory: String
    private let disk: any Disk
    private let logger: Logger
    /// Told of every step that was done, on the caller's thread: must be quick.
    private let onProgress: (RecoveryStep) -> Void

    /// The note is moved on after segments of this many bytes.
    private static let noteInterval = 1 << 30

    package struct Outcome: Equatable, Sendable {
        package let webhooks: Int
        /// Those that were looked through.
        package var segments: Int
        /// Records that were overwritten.
        package var scrubbed: Int
        /// Files in the journal's directory that are none of it, and were left alone.
        package let foreign: [String]

        package init(webhooks: Int, segments: Int = 0, scrubbed: Int = 0, foreign: [String] = []) {
            self.webhooks = webhooks
            self.segments = segments
            self.scrubbed = scrubbed
            self.foreign = foreign
        }
    }

    package init(
        stateDirectory: String, disk: any Disk, logger: Logger,
        onProgress: @escaping (RecoveryStep) -> Void = { _ in }
    ) {
        self.stateDirectory = stateDirectory
        self.disk = disk
        self.logger = logger
        self.onProgress = onProgress
    }

    private var journalDirectory: String { "\(stateDirectory)/journal" }

    /// How the state's secrets are written; nil: it has no snapshot.
    package func seal() throws -> RegistrationSnapshot.Seal? {
        try RegistrationSnapshot(stateDirectory: stateDirectory, disk: disk).seal()
    }

    /// Seals a state that is not sealed yet, or where that was cut short.
    ///
    /// - Parameter coding: with the key.
    /// - Returns: nil if there is nothing to do.
    /// - Throws: ``KeyRefusal``, ``StorageRefusal``, ``DiskError``.
    package func sealIfNeeded(_ coding: RegistrationCoding, mayBeWithoutJournal: Bool = false) throws -> Outcome? {
        let seal = try seal()
        if seal == nil, try disk.list(journalDirectory).allSatisfy({ !$0.hasSuffix(".seg") }) { return nil }
        // Another key is told of where the registrations are read.
        if let seal, seal.keyID != nil, seal.keyID != coding.keyID || seal.scrubFrom == 0 { return nil }
        return try change(from: coding, to: coding, mayBeWithoutJournal: mayBeWithoutJournal)
    }

    /// Does it. To be repeated with the new key in both places if it was cut short behind step 2.
    ///
    /// - Parameters:
    ///   - old: opens what there is.
    ///   - new: plain, or with another key.
    /// - Throws: ``KeyRefusal``, ``StorageRefusal``, ``DiskError``.
    @discardableResult
    package func change(
        from old: RegistrationCoding, to new: RegistrationCoding, mayBeWithoutJournal: Bool = false
    ) throws -> Outcome {
        let recovered = try JournalOpener(
            directory: journalDirectory, disk: disk, segmentBytes: Limits.segmentBytes, logger: logger, coding: old,
            onProgress: onProgress
        ).open(
            eventsSince: .max, hooks: JournalHooks(wall: { 0 }, monotonic: { MonotonicTime(nanoseconds: 0) }),
            visit: { _, _ in })
        let before = RegistrationSnapshot(stateDirectory: stateDirectory, disk: disk, coding: old)
        let table = try RegistrationRecovery.table(
            before, recovered, catalogue: EventCatalogue(), journalDirectory: journalDirectory,
            mayBeWithoutJournal: mayBeWithoutJournal
        ).table
        let seal = try before.seal()
        var outcome = Outcome(webhooks: table.count, foreign: recovered.foreign)
        var snapshot = RegistrationSnapshot(stateDirectory: stateDirectory, disk: disk, coding: new)
        // Where it was cut short it goes on.
        let isContinued = seal?.keyID != nil && seal?.keyID == new.keyID && (seal?.scrubFrom ?? 0) > 0
        snapshot.scrubFrom = new.keyID == nil ? 0 : isContinued ? seal?.scrubFrom ?? 1 : 1
        try snapshot.write(table)
        try AnswerLog.rewrite(stateDirectory: stateDirectory, disk: disk, from: old, to: new)
        // Sealed ones that are not needed any more harm nobody.
        guard new.keyID != nil else { return outcome }
        try removeUnfinished()
        var bytes = 0
        let segments = recovered.journal.allSegments.filter { $0.header.throughOrdinal >= snapshot.scrubFrom }
        for segment in segments {
            outcome.segments += 1
            outcome.scrubbed += try SegmentScrubber(segment).scrub()
            onProgress(.sealing(segment: outcome.segments, of: segments.count))
            bytes += segment.validBytes
            guard bytes >= Self.noteInterval else { continue }
            bytes = 0
            snapshot.scrubFrom = segment.header.throughOrdinal + 1
            try snapshot.write(table)
        }
        snapshot.scrubFrom = 0
        try snapshot.write(table)
        return outcome
    }

    /// Files in the making hold what segments hold.
    private func removeUnfinished() throws(DiskError) {
        let names = try disk.list(journalDirectory).filter { $0.hasSuffix(".new") }
        for name in names { try disk.remove("\(journalDirectory)/\(name)") }
        if !names.isEmpty { try disk.syncDirectory(journalDirectory) }
    }
}

/// Overwrites a segment's registrations.
private struct SegmentScrubber {
    private let segment: Segment

    init(_ segment: Segment) {
        self.segment = segment
    }

    /// A record that stands for nothing: its revision is older than any table's.
    private static let nothing = Array("{\"revision\":0,\"kind\":{\"setPaused\":{\"_0\":false}}}".utf8)

    /// What tells whether a record holds secrets.
    private struct Sketch: Decodable {
        struct Kind: Decodable {
            struct Put: Decodable {}
            let put: Put?
        }
        let kind: Kind
    }

    /// - Returns: records that were overwritten.
    func scrub() throws(DiskError) -> Int {
        var records: [(offset: Int, header: RecordFormat.Header)] = []
        let (damage, _) = try segment.forEachRecord { place, header, offset in
            let payload = UnsafeRawBufferPointer(
                start: place.buffer.bytes + place.offset + RecordFormat.headerBytes, count: header.length)
            if header.kind == RecordKind.registration.rawValue, header.length >= Self.nothing.count,
                Self.holdsSecrets(payload)
            {
                records.append((offset, header))
            }
            return true
        }
        for (offset, header) in records { try overwrite(header, at: offset) }
        for range in damage { try overwrite(range) }
        // Behind its end is at most what was never acknowledged: a webhook, perhaps, all the same.
        let isLonger = try segment.file.size() > segment.validBytes
        if isLonger { try segment.file.truncate(to: segment.validBytes) }
        if isLonger || !records.isEmpty || !damage.isEmpty { try segment.file.sync() }
        return records.count
    }

    private static func holdsSecrets(_ payload: UnsafeRawBufferPointer) -> Bool {
        // What can't be understood is taken for one.
        guard let sketch = try? JSONDecoder().decode(Sketch.self, from: Data(payload)) else { return true }
        return sketch.kind.put != nil
    }

    private func overwrite(_ header: RecordFormat.Header, at offset: Int) throws(DiskError) {
        let buffer = RecordBuffer()
        let start = buffer.beginRecord(.registration, sequence: header.sequence)
        buffer.append(Self.nothing)
        buffer.append([UInt8](repeating: UInt8(ascii: " "), count: header.length - Self.nothing.count))
        buffer.endRecord(at: start)
        RecordFormat.seal(buffer.bytes, count: buffer.count, seed: segment.seed)
        try segment.file.write([buffer.contents], at: offset)
    }

    private func overwrite(_ range: Range<Int>) throws(DiskError) {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = min(1 << 20, range.upperBound - offset)
            try segment.file.write([UInt8](repeating: 0, count: count), at: offset)
            offset += count
        }
    }
}
