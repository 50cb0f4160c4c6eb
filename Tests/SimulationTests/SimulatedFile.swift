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
        Self.put(part[...], at: offset, in: &bytes)
        pending.append(.write(offset, part))
        allocated = max(allocated, bytes.count)
    }

    func resize(to count: Int) {
        Self.resize(&bytes, to: count)
        pending.append(.resize(count))
        allocated = count
    }

    func sync() {
        for change in pending {
            switch change {
            case .write(let offset, let part): Self.put(part[...], at: offset, in: &durable)
            case .resize(let count): Self.resize(&durable, to: count)
            }
        }
        pending = []
    }

    func cutPower(_ random: inout SimulatedRandom) {
        for change in pending {
            switch (change, random.below(3)) {
            case (_, 0): continue
            case (.resize(let count), _): Self.resize(&durable, to: count)
            case (.write(let offset, let part), 1): Self.put(part[...], at: offset, in: &durable)
            case (.write(let offset, let part), _):
                // Any subset of its sectors.
                var start = 0
                while start < part.count {
                    let end = min(part.count, (offset + start) / Self.sector * Self.sector + Self.sector - offset)
                    if random.chance(50) { Self.put(part[start..<end], at: offset + start, in: &durable) }
                    start = end
                }
            }
        }
        pending = []
        bytes = durable
        allocated = max(allocated, bytes.count)
    }

    private static func put(_ part: ArraySlice<UInt8>, at offset: Int, in bytes: inout [UInt8]) {
        if offset + part.count > bytes.count { resize(&bytes, to: offset + part.count) }
        bytes.withUnsafeMutableBytes { target in
            part.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + source.count]).copyMemory(from: source)
            }
        }
    }

    private static func resize(_ bytes: inout [UInt8], to count: Int) {
        if count < bytes.count {
            bytes.removeSubrange(count...)
        } else {
            bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
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
        let bytes = parts.count == 1 ? Array(parts[0]) : parts.flatMap { Array($0) }
        do throws(DiskError) {
            try disk.pass(.write, path)
            try makeRoom(for: offset + bytes.count)
        } catch {
            // Some of it arrives all the same.
            if !disk.isDown, !bytes.isEmpty {
                let count = disk.random.below(min(bytes.count, max(1, node.allocated - offset)))
                if count > 0 { node.write(Array(bytes.prefix(count)), at: offset) }
            }
            throw error
        }
        node.write(bytes, at: offset)
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
            UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
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
