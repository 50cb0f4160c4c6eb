import CChecksum

/// The bytes of an index file, `NAME.idx` beside `NAME.seg`: where events are in a sealed segment.
///
/// A file of blocks of 4096 bytes; numbers are little-endian:
///
/// ```
///    0  4088  entries, none of which reaches into the next block
/// 4088  u32   CRC-32C of what is before, continued from the number of the block (u32) and the segment's seed
/// 4092  u32   0
/// ```
///
/// The seed comes from the segment's nonce: an index of another segment, or of an earlier version of a rewritten one, is
/// none. Every block that is read is checked. Block 0:
///
/// ```
///   0  8    "HKLNIDX1"
///   8  u32  version: 2
///  12  u32  0
///  16  u64  bytes of the segment that it covers
///  24  u64  first event, 0 if there is none
///  32  u64  last event
///  40  i64  earliest acceptance, Unix milliseconds
///  48  i64  latest acceptance
///  56  u64  bytes of the events' records
///  64       for each section: u32 number of entries, u32 first block
/// 120  u64  first event that progress tells of, 0 if none is
/// 128  u64  last one
/// ```
///
/// A file of version 1 has the first five sections alone, and nothing behind them in block 0: it counts until it has been
/// made anew.
///
/// | section | entry |
/// |---|---|
/// | 0 events, by sequence | u32 sequence less the segment's first, u32 offset of the record / 8 |
/// | 1 ids that producers gave, by fingerprint | u64 fingerprint, u32 index of the event |
/// | 2 webhooks, by number | u32 number, u32 number of events for it, u32 index of its first posting, u32 0, u64 bytes of their bodies |
/// | 3 postings, by webhook and event | u32 index of the event |
/// | 4 deliveries that ended otherwise than delivered, by webhook and sequence | u32 webhook, u8 result, 3 0, u64 sequence, i64 at, u16 status, u16 attempts, u32 0 |
/// | 5 ids that producers gave without their tenants, by fingerprint | u32 fingerprint, u32 index of the event |
/// | 6 what records of progress tell of, by first event | u64 first event, u16 last event less that, u16 0, u32 offset of the record / 8 |
///
/// A record of progress has an entry in section 6 for each stretch of less than ``stretch`` events of which it says that a
/// delivery ended, failed once, or is made once more.
package enum SegmentIndexFormat {
    package static let magic: StaticString = "HKLNIDX1"
    package static let version: UInt32 = 2
    private static let sectionsOfVersion1 = 5
    /// How many events an entry of ``Section/progress`` spans at most.
    package static let stretch: UInt64 = 1024
    package static let blockBytes = 4096
    package static let payloadBytes = 4088

    package enum Section: Int, CaseIterable, Sendable {
        case events, ids, webhooks, postings, failures, names, progress

        package var entryBytes: Int {
            switch self {
            case .events: 8
            case .ids: 12
            case .webhooks: 24
            case .postings: 4
            case .failures: 32
            case .names: 8
            case .progress: 16
            }
        }

        package var entriesPerBlock: Int { SegmentIndexFormat.payloadBytes / entryBytes }
    }

    /// What block 0 says.
    package struct Summary: Equatable, Sendable {
        package var version = SegmentIndexFormat.version
        package var coveredBytes: UInt64 = 0
        package var firstSequence: UInt64 = 0
        package var lastSequence: UInt64 = 0
        package var earliest: Int64 = 0
        package var latest: Int64 = 0
        package var recordBytes: UInt64 = 0
        /// By section.
        package var counts = [UInt32](repeating: 0, count: Section.allCases.count)
        package var firstBlocks = [UInt32](repeating: 0, count: Section.allCases.count)
        /// Events that progress tells of; nil: of none.
        package var progress: ClosedRange<UInt64>?

        package init() {}
    }

    /// The checksum of a block of ``blockBytes``.
    package static func checksum(_ block: UnsafeRawPointer, number: Int, seed: UInt32) -> UInt32 {
        let numbered = withUnsafeBytes(of: UInt32(truncatingIfNeeded: number).littleEndian) {
            hookline_crc32c(seed, $0.baseAddress, $0.count)
        }
        return hookline_crc32c(numbered, block, payloadBytes)
    }

    /// Whether a block is what was written as that number.
    package static func isWhole(_ block: UnsafeRawBufferPointer, number: Int, seed: UInt32) -> Bool {
        guard block.count == blockBytes, let base = block.baseAddress else { return false }
        return UInt32(littleEndian: base.loadUnaligned(fromByteOffset: payloadBytes, as: UInt32.self))
            == checksum(base, number: number, seed: seed)
    }

    package static func append(_ summary: Summary, to buffer: RecordBuffer) {
        buffer.append(magic)
        buffer.append(version)
        buffer.append(UInt32(0))
        for word in [summary.coveredBytes, summary.firstSequence, summary.lastSequence] { buffer.append(word) }
        buffer.append(summary.earliest)
        buffer.append(summary.latest)
        buffer.append(summary.recordBytes)
        for section in Section.allCases {
            buffer.append(summary.counts[section.rawValue])
            buffer.append(summary.firstBlocks[section.rawValue])
        }
        buffer.append(summary.progress?.lowerBound ?? 0)
        buffer.append(summary.progress?.upperBound ?? 0)
    }

    /// Nil if the block is no block 0 of this version or of the one before.
    package static func summary(_ block: UnsafeRawBufferPointer) -> Summary? {
        var reader = FieldReader(block)
        guard let name = reader.next(bytes: 8),
            name.elementsEqual(UnsafeRawBufferPointer(start: magic.utf8Start, count: 8)),
            let version = reader.next(UInt32.self), (1...Self.version).contains(version),
            reader.next(UInt32.self) != nil
        else { return nil }
        var summary = Summary()
        summary.version = version
        guard let covered = reader.next(UInt64.self), let first = reader.next(UInt64.self),
            let last = reader.next(UInt64.self), let earliest = reader.next(Int64.self),
            let latest = reader.next(Int64.self), let bytes = reader.next(UInt64.self)
        else { return nil }
        (summary.coveredBytes, summary.firstSequence, summary.lastSequence) = (covered, first, last)
        (summary.earliest, summary.latest, summary.recordBytes) = (earliest, latest, bytes)
        for section in Section.allCases.prefix(version == 1 ? sectionsOfVersion1 : .max) {
            guard let count = reader.next(UInt32.self), let block = reader.next(UInt32.self) else { return nil }
            summary.counts[section.rawValue] = count
            summary.firstBlocks[section.rawValue] = block
        }
        guard version > 1 else { return summary }
        guard let low = reader.next(UInt64.self), let high = reader.next(UInt64.self) else { return nil }
        if low > 0, low <= high { summary.progress = low...high }
        return summary
    }
}
