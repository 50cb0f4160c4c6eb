import Storage
import Synchronization

/// A disk on which one call fails, or every call from one on, as a plan says.
final class FaultyDisk: Disk {
    /// Calls that may fail.
    enum Call: String, CaseIterable, Sendable {
        case create = "open(O_CREAT)"
        case open
        case write = "pwritev"
        case read = "pread"
        case sync = "fdatasync"
        case rename
        case remove = "unlink"
        case truncate = "ftruncate"
        case allocate = "posix_fallocate"
        case syncDirectory = "fsync"
        case attributes = "lstat"
        case list = "opendir"
    }

    private struct State {
        var countdown: Int
        var calls: Set<Call>
        var code: Int32
        var lasting: Bool
        var hasFailed = false
        var written: [Int] = []
    }

    private let disk: any Disk
    private let state: Mutex<State>

    /// None fails until ``fail(_:code:at:lasting:)``.
    init(over disk: any Disk = SystemDisk()) {
        self.disk = disk
        state = Mutex(State(countdown: .max / 2, calls: [], code: 0, lasting: false))
    }

    /// Whether there were as many calls.
    var hasFailed: Bool { state.withLock { $0.hasFailed } }

    /// Bytes of each write that did not fail.
    var written: [Int] { state.withLock { $0.written } }

    /// No call fails from now on.
    func heal() { state.withLock { $0.countdown = .max / 2 } }

    /// The next call of these kinds fails, or one after it, and all from then on if it is to last.
    func fail(_ calls: Set<Call>, code: Int32, at call: Int = 1, lasting: Bool = true) {
        state.withLock { ($0.countdown, $0.calls, $0.code, $0.lasting) = (call, calls, code, lasting) }
    }

    fileprivate func note(written bytes: Int) { state.withLock { $0.written.append(bytes) } }

    fileprivate func pass(_ call: Call) throws(DiskError) {
        let code: Int32? = state.withLock { state in
            guard state.calls.contains(call) else { return nil }
            state.countdown -= 1
            guard state.countdown == 0 || state.lasting && state.countdown < 0 else { return nil }
            state.hasFailed = true
            return state.code
        }
        if let code { throw DiskError(call.rawValue, "faulty", code) }
    }

    func create(_ path: String) throws(DiskError) -> any DiskFile {
        try pass(.create)
        return FaultyFile(file: try disk.create(path), disk: self)
    }

    func open(_ path: String) throws(DiskError) -> any DiskFile {
        try pass(.open)
        return FaultyFile(file: try disk.open(path), disk: self)
    }

    func list(_ directory: String) throws(DiskError) -> [String] {
        try pass(.list)
        return try disk.list(directory)
    }

    func remove(_ path: String) throws(DiskError) {
        try pass(.remove)
        try disk.remove(path)
    }

    func rename(_ path: String, to other: String) throws(DiskError) {
        try pass(.rename)
        try disk.rename(path, to: other)
    }

    func attributes(of path: String) throws(DiskError) -> FileAttributes {
        try pass(.attributes)
        return try disk.attributes(of: path)
    }

    func syncDirectory(_ path: String) throws(DiskError) {
        try pass(.syncDirectory)
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
            try disk.pass(.write)
        } catch {
            // Some of it arrives all the same.
            try file.write(Array(parts.prefix(1)), at: offset)
            throw error
        }
        try file.write(parts, at: offset)
        disk.note(written: parts.reduce(0) { $0 + $1.count })
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try disk.pass(.read)
        return try file.read(into: buffer, at: offset)
    }

    func sync() throws(DiskError) {
        try disk.pass(.sync)
        try file.sync()
    }

    func allocate(_ bytes: Int) throws(DiskError) {
        try disk.pass(.allocate)
        try file.allocate(bytes)
    }

    func truncate(to bytes: Int) throws(DiskError) {
        try disk.pass(.truncate)
        try file.truncate(to: bytes)
    }

    func size() throws(DiskError) -> Int { try file.size() }
    func isInPlace() throws(DiskError) -> Bool { try file.isInPlace() }
}
