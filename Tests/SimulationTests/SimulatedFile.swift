import Glibc
import Storage

/// What a file holds, and what it would hold after a power cut.
final class SimulatedNode {
    private enum Change {
        case write(Int, [UInt8])
        case resize(Int)
    }

    private static let sector = 512

    private(set) var bytes: [UInt8] = []
    private var durable: [UInt8] = []
    private var pending: [Change] = []
    /// Bytes of the disk that are taken up.
    private(set) var allocated = 0

    init(_ bytes: [UInt8] = []) {
        self.bytes = bytes
        durable = bytes
        allocated = bytes.count
    }

    func flip(at offset: Int, with mask: UInt8) {
        bytes[offset] ^= mask
        durable[offset] ^= mask
    }

    func write(_ part: [UInt8], at offset: Int) {
        bytes.put(part, 0..<part.count, at: offset)
        pending.append(.write(offset, part))
        allocated = max(allocated, bytes.count)
    }

    func resize(to count: Int) {
        bytes.resize(to: count)
        pending.append(.resize(count))
        allocated = count
    }

    func sync() {
        for change in pending {
            switch change {
            case .write(let offset, let part): durable.put(part, 0..<part.count, at: offset)
            case .resize(let count): durable.resize(to: count)
            }
        }
        pending = []
    }

    func cutPower(_ random: inout SimulatedRandom) {
        for change in pending {
            switch (change, random.below(3)) {
            case (_, 0): continue
            case (.resize(let count), _): durable.resize(to: count)
            case (.write(let offset, let part), 1): durable.put(part, 0..<part.count, at: offset)
            case (.write(let offset, let part), _):
                // Any subset of its sectors.
                var start = 0
                while start < part.count {
                    let end = min(part.count, (offset + start) / Self.sector * Self.sector + Self.sector - offset)
                    if random.chance(50) { durable.put(part, start..<end, at: offset + start) }
                    start = end
                }
            }
        }
        pending = []
        bytes = durable
        allocated = max(allocated, bytes.count)
    }
}

extension [UInt8] {
    // With the C library, since an unoptimised build goes through generic code byte by byte.

    /// Puts a part of other bytes over these, from an offset on.
    fileprivate mutating func put(_ source: [UInt8], _ range: Range<Int>, at offset: Int) {
        guard !range.isEmpty else { return }
        if offset + range.count > count { resize(to: offset + range.count) }
        withUnsafeMutableBytes { target in
            source.withUnsafeBytes { source in
                // Neither is empty.
                _ = memcpy(target.baseAddress! + offset, source.baseAddress! + range.lowerBound, range.count)
            }
        }
    }

    fileprivate mutating func resize(to count: Int) {
        guard count != self.count else { return }
        let old = self
        self = [UInt8](repeating: 0, count: count)
        guard count > 0, !old.isEmpty else { return }
        withUnsafeMutableBytes { target in
            old.withUnsafeBytes { _ = memcpy(target.baseAddress!, $0.baseAddress!, Swift.min(count, old.count)) }
        }
    }

    /// All parts one after the other, or as many of their first bytes as are wanted.
    fileprivate init(_ parts: [UnsafeRawBufferPointer], first count: Int) {
        self = [UInt8](repeating: 0, count: count)
        guard count > 0 else { return }
        withUnsafeMutableBytes { target in
            var done = 0
            for part in parts where done < count {
                guard let base = part.baseAddress else { continue }
                let length = Swift.min(part.count, count - done)
                _ = memcpy(target.baseAddress! + done, base, length)
                done += length
            }
        }
    }
}

/// An open file of a simulated disk.
final class SimulatedFile: DiskFile, @unchecked Sendable {
    private let node: SimulatedNode
    private let path: String
    private let disk: SimulatedDisk

    init(_ node: SimulatedNode, _ path: String, _ disk: SimulatedDisk) {
        self.node = node
        self.path = path
        self.disk = disk
    }

    func write(_ parts: [UnsafeRawBufferPointer], at offset: Int) throws(DiskError) {
        let length = parts.reduce(0) { $0 + $1.count }
        do throws(DiskError) {
            try disk.pass(.write, path)
            try makeRoom(for: offset + length)
        } catch {
            // Some of it arrives all the same.
            if !disk.isDown, length > 0 {
                let count = disk.random.below(min(length, max(1, node.allocated - offset)))
                if count > 0 { node.write([UInt8](parts, first: count), at: offset) }
            }
            throw error
        }
        node.write([UInt8](parts, first: length), at: offset)
        try disk.report(path)
    }

    private func makeRoom(for count: Int) throws(DiskError) {
        let more = count - node.allocated
        if more > 0, disk.used + more > disk.capacity { throw DiskError("pwritev", path, ENOSPC) }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try disk.pass(.read, path)
        let count = max(0, min(buffer.count, node.bytes.count - offset))
        guard count > 0 else { return 0 }
        node.bytes.withUnsafeBytes { bytes in
            // Neither is empty.
            _ = memcpy(buffer.baseAddress!, bytes.baseAddress! + offset, count)
        }
        return count
    }

    func sync() throws(DiskError) {
        try disk.pass(.sync, path)
        node.sync()
        try disk.report(path)
    }

    func allocate(_ bytes: Int) throws(DiskError) {
        try disk.pass(.allocate, path)
        try makeRoom(for: bytes)
        if bytes > node.bytes.count { node.resize(to: bytes) }
        try disk.report(path)
    }

    func truncate(to bytes: Int) throws(DiskError) {
        try disk.pass(.truncate, path)
        node.resize(to: bytes)
        try disk.report(path)
    }

    func size() throws(DiskError) -> Int { node.bytes.count }

    func isInPlace() throws(DiskError) -> Bool {
        try disk.pass(.place, path)
        return disk.isInPlace(node, at: path)
    }
}
