/// The disk calls that the journal and the snapshot make; tests put one that fails or forgets in its place.
package protocol Disk: Sendable {
    /// Makes a file that must not exist yet, readable and writable by its owner alone.
    func create(_ path: String) throws(DiskError) -> any DiskFile
    func open(_ path: String) throws(DiskError) -> any DiskFile
    /// Names in a directory, without `.` and `..`, in no order.
    func list(_ directory: String) throws(DiskError) -> [String]
    func remove(_ path: String) throws(DiskError)
    func rename(_ path: String, to other: String) throws(DiskError)
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
}
