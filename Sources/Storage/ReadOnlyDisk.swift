import Glibc
import Synchronization

/// The real disk, to look at alone: a call that would change something fails.
///
/// What can't be read for an error of the device does not end the looking: it counts as damaged, and is told.
package final class ReadOnlyDisk: Disk {
    private let disk = SystemDisk()
    private let opening: @Sendable (String) throws(DiskError) -> any DiskFile
    private let found = Mutex<[Unreadable]>([])

    /// A stretch of a file that the device can't read.
    package struct Unreadable: Equatable, Sendable {
        package let path: String
        package var range: Range<Int>
    }

    /// Stretches that are remembered: a disk that fails altogether has no end of them.
    private static let unreadableMax = 1000

    package init() {
        opening = { path throws(DiskError) in try SystemFile(path, flags: O_RDONLY | O_NONBLOCK) }
    }

    /// - Parameter opening: opens a file; for tests.
    package init(opening: @escaping @Sendable (String) throws(DiskError) -> any DiskFile) {
        self.opening = opening
    }

    /// What could not be read so far.
    package var unreadable: [Unreadable] { found.withLock { $0 } }

    package func open(_ path: String) throws(DiskError) -> any DiskFile {
        ReadOnlyFile(file: try opening(path), path: path, disk: self)
    }

    package func list(_ directory: String) throws(DiskError) -> [String] { try disk.list(directory) }
    package func attributes(of path: String) throws(DiskError) -> FileAttributes { try disk.attributes(of: path) }

    package func create(_ path: String) throws(DiskError) -> any DiskFile { throw DiskError("open", path, EROFS) }
    package func remove(_ path: String) throws(DiskError) { throw DiskError("unlink", path, EROFS) }
    package func rename(_ path: String, to other: String) throws(DiskError) { throw DiskError("rename", path, EROFS) }
    /// What is only looked at need not last.
    package func syncDirectory(_ path: String) {}

    fileprivate func note(_ path: String, _ range: Range<Int>) {
        found.withLock { found in
            // Read anew, or right behind the last one.
            if found.contains(where: { $0.path == path && $0.range.contains(range.lowerBound) }) { return }
            if let last = found.last, last.path == path, last.range.upperBound == range.lowerBound {
                found[found.count - 1].range = last.range.lowerBound..<range.upperBound
            } else if found.count < Self.unreadableMax {
                found.append(Unreadable(path: path, range: range))
            }
        }
    }
}

private final class ReadOnlyFile: DiskFile {
    private let file: any DiskFile
    private let path: String
    private let disk: ReadOnlyDisk

    /// What is read at a time where a larger piece can't be, and at least lost.
    private static let pageBytes = 4096
    /// Stands for what can't be read: neither zeros, which would end a segment, nor a record.
    private static let filling: UInt8 = 0xEE

    init(file: any DiskFile, path: String, disk: ReadOnlyDisk) {
        self.file = file
        self.path = path
        self.disk = disk
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        do throws(DiskError) {
            return try file.read(into: buffer, at: offset)
        } catch  where error.code == EIO {
            return try salvage(into: buffer, at: offset)
        }
    }

    private func salvage(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        let count = min(buffer.count, max(0, try file.size() - offset))
        var done = 0
        while done < count {
            // To the end of a page of the file, since devices fail by those.
            let step = min(count - done, Self.pageBytes - (offset + done) % Self.pageBytes)
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + step])
            do throws(DiskError) {
                // It may have become shorter meanwhile.
                guard try file.read(into: piece, at: offset + done) == step else { return done }
            } catch  where error.code == EIO {
                piece.initializeMemory(as: UInt8.self, repeating: Self.filling)
                disk.note(path, offset + done..<offset + done + step)
            }
            done += step
        }
        return done
    }

    func size() throws(DiskError) -> Int { try file.size() }
    func isInPlace() throws(DiskError) -> Bool { try file.isInPlace() }

    func write(_ parts: [UnsafeRawBufferPointer], at offset: Int) throws(DiskError) {
        throw DiskError("pwritev", path, EROFS)
    }

    func sync() throws(DiskError) { throw DiskError("fdatasync", path, EROFS) }
    func allocate(_ bytes: Int) throws(DiskError) { throw DiskError("posix_fallocate", path, EROFS) }
    func truncate(to bytes: Int) throws(DiskError) { throw DiskError("ftruncate", path, EROFS) }
}
