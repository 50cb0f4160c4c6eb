/// The disk calls that the journal and the snapshot make; tests put one that fails or forgets in its place.
package protocol Disk: Sendable {
    /// Makes a file that must not exist yet, readable and writable by its owner alone.
    func create(_ path: String) throws(DiskError) -> any DiskFile
    func open(_ path: String) throws(DiskError) -> any DiskFile
    /// Names in a directory, without `.` and `..`, in no order.
    func list(_ directory: String) throws(DiskError) -> [String]
    func remove(_ path: String) throws(DiskError)
    func rename(_ path: String, to other: String) throws(DiskError)
    /// What is at a path, no symbolic link followed.
    func attributes(of path: String) throws(DiskError) -> FileAttributes
    /// Makes creations, removals and renames in a directory durable: fsync(2) of the directory itself.
    func syncDirectory(_ path: String) throws(DiskError)
}

/// An open file. Its descriptor is closed with the last reference.
package protocol DiskFile: Sendable {
    /// Writes all of the bytes at an offset, whatever it takes.
    func write(_ parts: [UnsafeRawBufferPointer], at offset: Int) throws(DiskError)
    /// Reads until the buffer is full or the file ends.
    ///
    /// - Returns: bytes read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int
    /// fdatasync(2): what was written survives a power cut, and so does the file's size.
    func sync() throws(DiskError)
    /// Takes space for the file's first bytes beforehand, as zeros.
    func allocate(_ bytes: Int) throws(DiskError)
    func truncate(to bytes: Int) throws(DiskError)
    func size() throws(DiskError) -> Int
    /// Whether the file is still found where it was opened: what is written to one that was removed, or moved away with
    /// its directory, is not there after a restart.
    func isInPlace() throws(DiskError) -> Bool
}

/// Who may do what with a file, and whether it is one.
package struct FileAttributes: Equatable, Sendable {
    package let isRegularFile: Bool
    package let isDirectory: Bool
    package let owner: UInt32
    /// The permission bits.
    package let mode: UInt32

    package init(isRegularFile: Bool, isDirectory: Bool = false, owner: UInt32, mode: UInt32) {
        self.isRegularFile = isRegularFile
        self.isDirectory = isDirectory
        self.owner = owner
        self.mode = mode
    }
}

extension DiskFile {
    package func write(_ bytes: [UInt8], at offset: Int) throws(DiskError) {
        try withBytes(of: bytes) { raw throws(DiskError) in try write([raw], at: offset) }
    }

    /// Up to `count` bytes from an offset on, fewer where the file ends.
    package func read(_ count: Int, at offset: Int) throws(DiskError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var result: Result<Int, DiskError> = .success(0)
        bytes.withUnsafeMutableBytes { raw in
            do throws(DiskError) { result = .success(try read(into: raw, at: offset)) } catch {
                result = .failure(error)
            }
        }
        bytes.removeSubrange(try result.get()...)
        return bytes
    }

    private func withBytes(
        of bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(DiskError) -> Void
    ) throws(DiskError) {
        var failure: DiskError?
        bytes.withUnsafeBytes { raw in
            do throws(DiskError) { try body(raw) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
