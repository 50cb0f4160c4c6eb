import Storage
import Synchronization

/// A disk whose calls do not return once it is stuck, but for reads of what is in memory: for tests, see ``FaultSwitch``.
final class HangingDisk: Disk {
    private let disk: any Disk
    private let isStuck = Atomic<Bool>(false)

    init(_ disk: any Disk) {
        self.disk = disk
    }

    func hang() { isStuck.store(true, ordering: .releasing) }

    fileprivate func pass() {
        if isStuck.load(ordering: .acquiring) { FaultSwitch.standStill() }
    }

    func create(_ path: String) throws(DiskError) -> any DiskFile {
        pass()
        return HangingFile(disk: self, file: try disk.create(path))
    }

    func open(_ path: String) throws(DiskError) -> any DiskFile {
        HangingFile(disk: self, file: try disk.open(path))
    }

    func list(_ directory: String) throws(DiskError) -> [String] { try disk.list(directory) }

    func remove(_ path: String) throws(DiskError) {
        pass()
        try disk.remove(path)
    }

    func rename(_ path: String, to other: String) throws(DiskError) {
        pass()
        try disk.rename(path, to: other)
    }

    func attributes(of path: String) throws(DiskError) -> FileAttributes { try disk.attributes(of: path) }

    func syncDirectory(_ path: String) throws(DiskError) {
        pass()
        try disk.syncDirectory(path)
    }
}

private struct HangingFile: DiskFile {
    let disk: HangingDisk
    let file: any DiskFile

    func write(_ parts: [UnsafeRawBufferPointer], at offset: Int) throws(DiskError) {
        disk.pass()
        try file.write(parts, at: offset)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func sync() throws(DiskError) {
        disk.pass()
        try file.sync()
    }

    func allocate(_ bytes: Int) throws(DiskError) {
        disk.pass()
        try file.allocate(bytes)
    }

    func truncate(to bytes: Int) throws(DiskError) {
        disk.pass()
        try file.truncate(to: bytes)
    }

    func size() throws(DiskError) -> Int { try file.size() }
    func isInPlace() throws(DiskError) -> Bool { try file.isInPlace() }
}
