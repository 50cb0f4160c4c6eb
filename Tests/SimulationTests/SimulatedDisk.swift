import Glibc
import Storage

/// A disk in memory that forgets like a real one.
///
/// | call | after a power cut |
/// |---|---|
/// | write, truncate, allocate | lost, kept, or of a write any subset of its sectors, until the file is synced |
/// | create, rename, remove | done or not, each for itself, until the directory is synced |
///
/// One thread at a time uses it.
final class SimulatedDisk: Disk, @unchecked Sendable {
    enum Call: CaseIterable {
        case create, open, list, remove, rename, attributes, syncDirectory, write, read, sync, allocate, truncate, place
    }

    /// Decides, before a call is made, whether it fails, and with which error number.
    var plan: (Call) -> Int32? = { _ in nil }
    /// Bytes that fit on it.
    var capacity = Int.max
    var random: SimulatedRandom
    private(set) var calls = 0
    /// Whether the call at which the machine was to stop has been made: none works any more.
    private(set) var isDown = false
    /// The call at which the machine stops.
    var stopsAt = Int.max

    /// Whether calls are those of an observer, whom nothing concerns.
    var isObserved = false

    private var entries: [String: SimulatedNode] = [:]
    private var durableEntries: [String: SimulatedNode] = [:]
    private var pending: [DirectoryChange] = []

    private enum DirectoryChange {
        case link(String, SimulatedNode)
        case unlink(String)
        case rename(String, String, SimulatedNode)

        var path: String {
            switch self {
            case .link(let path, _), .unlink(let path), .rename(let path, _, _): path
            }
        }
    }

    init(seed: UInt64) {
        random = SimulatedRandom(seed: seed)
    }

    // MARK: Power

    /// The machine loses its power, and comes back with what was durable and some of the rest.
    func cutPower() {
        for change in pending where random.chance(50) { Self.apply(change, to: &durableEntries) }
        pending = []
        entries = durableEntries
        for path in entries.keys.sorted() { entries[path]?.cutPower(&random) }
        restart()
    }

    /// The machine works (again).
    func restart() {
        isDown = false
        stopsAt = .max
    }

    private static func apply(_ change: DirectoryChange, to entries: inout [String: SimulatedNode]) {
        switch change {
        case .link(let path, let node): entries[path] = node
        case .unlink(let path): entries[path] = nil
        case .rename(let from, let to, let node):
            if entries[from] === node { entries[from] = nil }
            entries[to] = node
        }
    }

    private func change(_ change: DirectoryChange) {
        Self.apply(change, to: &entries)
        pending.append(change)
    }

    // MARK: Calls

    func pass(_ call: Call, _ path: String) throws(DiskError) {
        if isObserved { return }
        guard !isDown else { throw DiskError("down", path, EIO) }
        calls += 1
        if calls >= stopsAt { isDown = true }
        if isDown, random.chance(50) { throw DiskError("down", path, EIO) }
        // What is begun when the power goes may still be done.
        if let code = plan(call) { throw DiskError("\(call)", path, code) }
    }

    /// Nothing that is done while the machine goes down is ever heard of.
    func report(_ path: String) throws(DiskError) {
        if isDown { throw DiskError("down", path, EIO) }
    }

    func create(_ path: String) throws(DiskError) -> any DiskFile {
        try pass(.create, path)
        guard entries[path] == nil else { throw DiskError("create", path, EEXIST) }
        let node = SimulatedNode()
        change(.link(path, node))
        try report(path)
        return SimulatedFile(node, path, self)
    }

    func open(_ path: String) throws(DiskError) -> any DiskFile {
        try pass(.open, path)
        guard let node = entries[path] else { throw DiskError("open", path, ENOENT) }
        return SimulatedFile(node, path, self)
    }

    func list(_ directory: String) throws(DiskError) -> [String] {
        try pass(.list, directory)
        return entries.keys.filter { $0.hasPrefix(directory + "/") && !$0.dropFirst(directory.count + 1).contains("/") }
            .map { String($0.dropFirst(directory.count + 1)) }.sorted()
    }

    func remove(_ path: String) throws(DiskError) {
        try pass(.remove, path)
        guard entries[path] != nil else { throw DiskError("remove", path, ENOENT) }
        change(.unlink(path))
        try report(path)
    }

    func rename(_ path: String, to other: String) throws(DiskError) {
        try pass(.rename, path)
        guard let node = entries[path] else { throw DiskError("rename", path, ENOENT) }
        change(.rename(path, other, node))
        try report(path)
    }

    func attributes(of path: String) throws(DiskError) -> FileAttributes {
        try pass(.attributes, path)
        guard entries[path] != nil else { throw DiskError("attributes", path, ENOENT) }
        return FileAttributes(isRegularFile: true, owner: geteuid(), mode: 0o600)
    }

    func syncDirectory(_ path: String) throws(DiskError) {
        try pass(.syncDirectory, path)
        pending.removeAll { change in
            guard change.path.hasPrefix(path + "/"), !change.path.dropFirst(path.count + 1).contains("/") else {
                return false
            }
            Self.apply(change, to: &durableEntries)
            return true
        }
        try report(path)
    }

    // MARK: Looking at it, and damaging it

    func isInPlace(_ node: SimulatedNode, at path: String) -> Bool { entries[path] === node }

    var used: Int { entries.values.reduce(0) { $0 + $1.allocated } }
    var paths: [String] { entries.keys.sorted() }

    subscript(path: String) -> [UInt8]? {
        get { entries[path]?.bytes }
        set {
            entries[path] = newValue.map { SimulatedNode($0) }
            durableEntries[path] = entries[path]
        }
    }

    /// Changes one byte of a file where it stands.
    func flip(_ path: String, at offset: Int, with mask: UInt8) { entries[path]?.flip(at: offset, with: mask) }

    /// A disk with the same files.
    func copy(seed: UInt64) -> SimulatedDisk {
        let copy = SimulatedDisk(seed: seed)
        for (path, node) in entries { copy[path] = node.bytes }
        return copy
    }
}
