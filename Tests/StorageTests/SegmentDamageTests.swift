import Foundation
import Logging
import RelayCore
import Storage
import Synchronization
import Testing

/// Segments made by hand, larger than what is read at a time, and damaged in ways that a small one can't show.
@Suite("Damaged segments")
struct SegmentDamageTests {
    private static let header = SegmentHeader(
        journal: JournalID(high: 1, low: 2), nonce: 3, ordinal: 1, firstSequence: 1, createdAt: 1_777_000_000_000,
        previousOrdinal: 0, previousBytes: 0)

    /// A segment's bytes, and where each record begins.
    private static func segment(events: Int) -> (bytes: [UInt8], starts: [Int]) {
        let buffer = RecordBuffer()
        var starts: [Int] = []
        let data = Array("{\"n\":\"\(String(repeating: "x", count: 900))\"}".utf8)
        for sequence in 1...events {
            starts.append(SegmentHeader.dataOffset + buffer.count)
            append(UInt64(sequence), data, to: buffer)
        }
        starts.append(SegmentHeader.dataOffset + buffer.count)
        RecordFormat.seal(buffer.bytes, count: buffer.count, seed: RecordFormat.seed(nonce: header.nonce))
        return (header.area + Array(buffer.contents), starts)
    }

    private static func append(_ sequence: UInt64, _ data: [UInt8], to buffer: RecordBuffer) {
        func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) { Array(text.utf8).withUnsafeBytes(body) }
        bytes("job.closed") { type in
            bytes("2026-05-02T14:32:10.000Z") { timestamp in
                bytes("t") { tenant in
                    data.withUnsafeBytes { data in
                        EventRecord.append(
                            EventRecord.Parts(
                                sequence: sequence, acceptedAt: 1_777_000_000_000,
                                producer: PeerIdentity(uid: 1, gid: 2, pid: 3), type: type, timestamp: timestamp,
                                isProducersTimestamp: false, tenant: tenant,
                                id: UnsafeRawBufferPointer(start: nil, count: 0), data: data, webhooks: []),
                            to: buffer)
                    }
                }
            }
        }
    }

    private static func recover(
        _ bytes: [UInt8], disk: any Disk = SystemDisk()
    ) throws -> (visited: [UInt64], damage: [Range<Int>]) {
        let path = NSTemporaryDirectory() + "hl-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer {
            // What can't be removed stays in the system's temporary directory.
            try? FileManager.default.removeItem(atPath: path)
        }
        let isMade = FileManager.default.createFile(
            atPath: path + "/0000000000000001-0000000000000001.seg", contents: Data(bytes),
            attributes: [.posixPermissions: 0o600])
        try #require(isMade)
        var visited: [UInt64] = []
        let recovered = try JournalOpener(
            directory: path, disk: disk, segmentBytes: 1 << 22, logger: Logger(label: "test")
        ).open(
            eventsSince: 0,
            hooks: JournalHooks(wall: { 1_777_000_000_000 }, monotonic: { MonotonicTime(nanoseconds: 0) }),
            visit: { event, _ in visited.append(event.sequence) })
        let damage = recovered.damage.map { damage in
            switch damage {
            case .bytes(_, let range), .tail(_, let range): range
            case .headerCopy, .missing: Range<Int>?.none
            }
        }
        return (visited, damage.compactMap { $0 })
    }

    @Test("a hole of zeros costs the records in it, wherever the chunks that are read end", arguments: [0, 1, 2, 3])
    func hole(kind: Int) throws {
        let (clean, starts) = Self.segment(events: 3500)
        // The first chunk of 1 MiB ends inside of the record before this one.
        let first = starts.firstIndex { $0 > 1 << 20 + SegmentHeader.dataOffset } ?? 0
        let (from, to) = [(first - 5, first + 5), (first - 1, first + 1), (first - 20, first + 1200), (0, first + 3)][
            kind]
        var bytes = clean
        for index in starts[from]..<starts[to] { bytes[index] = 0 }
        let found = try Self.recover(bytes)
        #expect(found.visited == (0..<3500).filter { $0 < from || $0 >= to }.map { UInt64($0 + 1) })
        #expect(found.damage == [starts[from]..<starts[to]])
    }

    @Test("preallocated space behind the last record is no damage, however much", arguments: [0, 8, 24, 3 << 20])
    func preallocated(zeros: Int) throws {
        let (clean, _) = Self.segment(events: 1200)
        let found = try Self.recover(clean + [UInt8](repeating: 0, count: zeros))
        #expect(found.visited.count == 1200 && found.damage.isEmpty)
    }

    @Test("a file cut off in its header is left alone", arguments: [0, 1, 95, 96])
    func headerCut(length: Int) throws {
        let found = try Self.recover(Array(Self.header.area.prefix(length)))
        #expect(found.visited.isEmpty && found.damage.isEmpty)
    }

    /// A process that was killed leaves bytes that only the kernel's cache may hold, and its successor confirms them as
    /// duplicates: they have to be on the disk by then.
    @Test("what a start finds is synced before it counts")
    func foundIsSynced() throws {
        let disk = CountingDisk()
        _ = try Self.recover(Self.segment(events: 3).bytes, disk: disk)
        #expect(disk.syncs >= 1)
    }
}

/// The real disk, counting how often a file is synced.
private final class CountingDisk: Disk {
    private let disk = SystemDisk()
    private let count = Mutex(0)

    var syncs: Int { count.withLock { $0 } }
    fileprivate func note() { count.withLock { $0 += 1 } }

    func create(_ path: String) throws(DiskError) -> any DiskFile { CountingFile(try disk.create(path), self) }
    func open(_ path: String) throws(DiskError) -> any DiskFile { CountingFile(try disk.open(path), self) }
    func list(_ directory: String) throws(DiskError) -> [String] { try disk.list(directory) }
    func remove(_ path: String) throws(DiskError) { try disk.remove(path) }
    func rename(_ path: String, to other: String) throws(DiskError) { try disk.rename(path, to: other) }
    func attributes(of path: String) throws(DiskError) -> FileAttributes { try disk.attributes(of: path) }
    func syncDirectory(_ path: String) throws(DiskError) { try disk.syncDirectory(path) }
}

private final class CountingFile: DiskFile {
    private let file: any DiskFile
    private let disk: CountingDisk

    init(_ file: any DiskFile, _ disk: CountingDisk) {
        self.file = file
        self.disk = disk
    }

    func write(_ parts: [UnsafeRawBufferPointer], at offset: Int) throws(DiskError) {
        try file.write(parts, at: offset)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func sync() throws(DiskError) {
        disk.note()
        try file.sync()
    }

    func allocate(_ bytes: Int) throws(DiskError) { try file.allocate(bytes) }
    func truncate(to bytes: Int) throws(DiskError) { try file.truncate(to: bytes) }
    func size() throws(DiskError) -> Int { try file.size() }
    func isInPlace() throws(DiskError) -> Bool { try file.isInPlace() }
}
