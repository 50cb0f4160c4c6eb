import CChecksum

/// What a record of the journal tells. The numbers are on disk: never change one, never use one again.
package enum RecordKind: UInt8, Sendable, CaseIterable {
    /// An accepted event with the webhooks it goes to: ``EventRecord``.
    case event = 1
    /// What has become of deliveries since the last such record: ``ProgressRecord``.
    case progress = 2
    /// The state of all lanes, in parts: ``CheckpointRecord``.
    case checkpoint = 3
    /// A change of the registration table: a JSON ``RegistrationChange``.
    case registration = 4
    /// Which segments are not needed any more: ``FloorRecord``.
    case floor = 5
    /// Work on the journal that goes on over a restart, such as erasing: a JSON ``JournalTask``.
    case task = 6
}

/// The bytes of a record. All numbers are little-endian; a record begins at a multiple of 8.
///
/// ```
///  0  u32  CRC-32C of bytes 4 to the payload's end, continued from the CRC-32C of the segment's nonce
///  4  u32  length of the payload
///  8  u64  sequence: an event's own; other records have that of the last event before them
/// 16  u8   kind
/// 17  7    zero
/// 24       payload, then zeros to the next multiple of 8
/// ```
///
/// The nonce makes a record of one segment worthless in every other: neither a recycled disk block nor a payload that
/// looks like a record can pass for one when reading goes on behind damage.
package enum RecordFormat {
    package static let headerBytes = 24
    package static let alignment = 8

    /// Bytes that a record of this payload takes up.
    @inline(__always)
    package static func paddedBytes(payload: Int) -> Int {
        headerBytes + (payload + alignment - 1) & ~(alignment - 1)
    }

    /// What a record's header says, before it is believed.
    package struct Header: Equatable, Sendable {
        package let checksum: UInt32
        package let length: Int
        package let sequence: UInt64
        package let kind: UInt8

        @inline(__always)
        package init(at address: UnsafeRawPointer) {
            checksum = UInt32(littleEndian: address.load(as: UInt32.self))
            length = Int(UInt32(littleEndian: address.load(fromByteOffset: 4, as: UInt32.self)))
            sequence = UInt64(littleEndian: address.load(fromByteOffset: 8, as: UInt64.self))
            kind = address.load(fromByteOffset: 16, as: UInt8.self)
        }

        package var totalBytes: Int { RecordFormat.paddedBytes(payload: length) }
    }

    /// Where the checksums of a segment's records begin.
    package static func seed(nonce: UInt64) -> UInt32 {
        withUnsafeBytes(of: nonce.littleEndian) { hookline_crc32c(0, $0.baseAddress, $0.count) }
    }

    /// The checksum of the record at an address, whose length has been checked to be readable.
    @inline(__always)
    package static func checksum(at address: UnsafeRawPointer, length: Int, seed: UInt32) -> UInt32 {
        hookline_crc32c(seed, address + 4, headerBytes - 4 + length)
    }

    /// Fills in the checksums of all records in `bytes`.
    package static func seal(_ bytes: UnsafeMutableRawPointer, count: Int, seed: UInt32) {
        var offset = 0
        while offset < count {
            let header = Header(at: bytes + offset)
            let checksum = checksum(at: bytes + offset, length: header.length, seed: seed)
            (bytes + offset).storeBytes(of: checksum.littleEndian, as: UInt32.self)
            offset += header.totalBytes
        }
    }
}

/// The bytes at the head of a segment's file: this, again at byte 4096, and records from byte 8192 on. Numbers are
/// little-endian; what is between is zero.
///
/// ```
///  0  8    "HKLNSEG1"
///  8  u32  CRC-32C of bytes 12 to 96
/// 12  u32  version: 2
/// 16  16   the journal's id, the same in all its segments
/// 32  u64  nonce of this segment
/// 40  u64  ordinal of this segment, counted from 1
/// 48  u64  sequence of the first event that can be in it
/// 56  i64  made at, Unix milliseconds
/// 64  u64  ordinal of the segment before it, 0 if it is the first
/// 72  u64  bytes of the segment before it that count; what it holds beyond was never acknowledged
/// 80  u64  the last ordinal that it stands for: its own, or that of the last segment which was merged into it
/// 88  u64  bytes that count if it was rewritten; 0: the next segment's header says
/// ```
///
/// Two copies in two pages: one damaged page costs neither a segment nor its checksums' seed.
package struct SegmentHeader: Equatable, Sendable {
    package static let byteCount = 96
    /// Where the second copy stands.
    package static let copyOffset = 4096
    /// Where the records begin.
    package static let dataOffset = 8192
    package static let version: UInt32 = 2
    private static let magic: StaticString = "HKLNSEG1"

    package let journal: JournalID
    package let nonce: UInt64
    package let ordinal: UInt64
    package let firstSequence: UInt64
    package let createdAt: Int64
    package let previousOrdinal: UInt64
    package let previousBytes: UInt64
    package let throughOrdinal: UInt64
    package let sealedBytes: UInt64

    /// - Parameters:
    ///   - throughOrdinal: nil: stands for itself alone.
    ///   - sealedBytes: not 0: it was rewritten, and has so many bytes.
    package init(
        journal: JournalID, nonce: UInt64, ordinal: UInt64, firstSequence: UInt64, createdAt: Int64,
        previousOrdinal: UInt64, previousBytes: UInt64, throughOrdinal: UInt64? = nil, sealedBytes: UInt64 = 0
    ) {
        self.journal = journal
        self.nonce = nonce
        self.ordinal = ordinal
        self.firstSequence = firstSequence
        self.createdAt = createdAt
        self.previousOrdinal = previousOrdinal
        self.previousBytes = previousBytes
        self.throughOrdinal = throughOrdinal ?? ordinal
        self.sealedBytes = sealedBytes
    }

    package enum Fault: Error, Equatable, Sendable {
        /// Too short for a header, or nothing but zeros: its making was cut short, and it never held anything.
        case unfinished
        case foreign
        case checksum
        /// Written by another Hookline, an older or a newer one.
        case version(UInt32)
    }

    /// Finds the header in a segment's first ``dataOffset`` bytes, or what there is of them.
    ///
    /// - Returns: the header, and whether one of its copies is damaged.
    package static func find(in bytes: [UInt8]) throws(Fault) -> (header: SegmentHeader, isDamaged: Bool) {
        guard bytes.count >= byteCount, bytes.contains(where: { $0 != 0 }) else { throw .unfinished }
        let second = Array(bytes.dropFirst(copyOffset).prefix(byteCount))
        let first: SegmentHeader
        do throws(Fault) {
            first = try SegmentHeader(bytes)
        } catch {
            if let copy = try? SegmentHeader(second) { return (copy, true) }  // The first copy's fault is told.
            throw error
        }
        // Neither copy is newer than the other one: they are written together.
        let copy = try? SegmentHeader(second)
        return (first, copy != first)
    }

    /// - Parameter bytes: one copy.
    package init(_ bytes: [UInt8]) throws(Fault) {
        guard bytes.count >= Self.byteCount else { throw .unfinished }
        for index in 0..<8 where bytes[index] != Self.magic.utf8Start[index] { throw .foreign }
        func word<T: FixedWidthInteger>(_ offset: Int) -> T {
            bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)) }
        }
        // First of all: another version may have its checksum elsewhere.
        let version: UInt32 = word(12)
        guard version == Self.version else { throw .version(version) }
        let checksum = bytes.withUnsafeBytes {
            Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[12..<Self.byteCount]))
        }
        guard word(8) == checksum else { throw .checksum }
        journal = JournalID(high: word(16), low: word(24))
        nonce = word(32)
        ordinal = word(40)
        firstSequence = word(48)
        createdAt = Int64(bitPattern: word(56))
        previousOrdinal = word(64)
        previousBytes = word(72)
        throughOrdinal = word(80)
        sealedBytes = word(88)
    }

    /// One copy.
    package var bytes: [UInt8] {
        let buffer = RecordBuffer(capacity: Self.byteCount)
        buffer.append(Self.magic)
        buffer.append(UInt32(0))
        buffer.append(Self.version)
        for word in [
            journal.high, journal.low, nonce, ordinal, firstSequence, UInt64(bitPattern: createdAt), previousOrdinal,
            previousBytes, throughOrdinal, sealedBytes,
        ] { buffer.append(word) }
        let checksum = hookline_crc32c(0, buffer.bytes + 12, Self.byteCount - 12)
        buffer.bytes.storeBytes(of: checksum.littleEndian, toByteOffset: 8, as: UInt32.self)
        return Array(buffer.contents)
    }

    /// Everything before the first record: both copies, and the zeros between.
    package var area: [UInt8] {
        let copy = bytes
        var area = [UInt8](repeating: 0, count: Self.dataOffset)
        area.replaceSubrange(0..<Self.byteCount, with: copy)
        area.replaceSubrange(Self.copyOffset..<Self.copyOffset + Self.byteCount, with: copy)
        return area
    }
}

/// Says which journal a segment belongs to, and keys the ids that are made for events without one.
package struct JournalID: Equatable, Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}
