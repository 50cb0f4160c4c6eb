import Storage
import Synchronization

/// The real disk, but for one call that fails.
final class FaultyDisk: Disk {
    private let disk = SystemDisk()
    private let code: Int32
    private let countdown: Mutex<Int>

    /// - Parameters:
    ///   - call: which changing call fails, 1 for the first; none if there are fewer.
    ///   - code: its errno.
    init(failing call: Int, code: Int32) {
        countdown = Mutex(call)
        self.code = code
    }

    /// Whether there were as many calls.
    var hasFailed: Bool { countdown.withLock { $0 <= 0 } }

    fileprivate func pass(_ call: String) throws(DiskError) {
        let isTheOne = countdown.withLock {
            $0 -= 1
            return $0 == 0
        }
        if isTheOne { throw DiskError(call, "faulty", code) }
    }

    func create(_ path: String) throws(DiskError) -> any DiskFile {
        try pass("create")
        return FaultyFile(file: try disk.create(path), disk: self)
    }

    func open(_ path: String) throws(DiskError) -> any DiskFile { try disk.open(path) }
    func list(_ directory: String) throws(DiskError) -> [String] { try disk.list(directory) }
    func remove(_ path: String) throws(DiskError) { try disk.remove(path) }
    func rename(_ path: String, to other: String) throws(DiskError) { try disk.rename(path, to: other) }

    func syncDirectory(_ path: String) throws(DiskError) {
        try pass("fsync")
        try disk.syncDirectory(path)
    }
}

private final class FaultyFile: DiskFile {
    private let file: any DiskFile
    private let disk: FaultyDisk

    init(file: any DiskFile, disk: FaultyDisk) {
        self.file = file
        self.disk = disk
    }

    func write(_ parts: [UnsafeRawBufferPointer], at offset: Int) throws(DiskError) {
        do throws(DiskError) {
            try disk.pass("pwritev")
        } catch {
            // Some of it arrives all the same.
            try file.write(Array(parts.prefix(1)), at: offset)
            throw error
        }
        try file.write(parts, at: offset)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func sync() throws(DiskError) {
        try disk.pass("fdatasync")
        try file.sync()
    }

    func allocate(_ bytes: Int) throws(DiskError) { try file.allocate(bytes) }
    func truncate(to bytes: Int) throws(DiskError) { try file.truncate(to: bytes) }
    func size() throws(DiskError) -> Int { try file.size() }
}
