import CLinuxShims
import Glibc

/// The real disk.
package struct SystemDisk: Disk {
    package init() {}

    package func create(_ path: String) throws(DiskError) -> any DiskFile {
        try SystemFile(path, flags: O_RDWR | O_CREAT | O_EXCL)
    }

    package func open(_ path: String) throws(DiskError) -> any DiskFile {
        try SystemFile(path, flags: O_RDWR)
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        guard let stream = opendir(directory) else { throw DiskError("opendir", directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    package func remove(_ path: String) throws(DiskError) {
        guard unlink(path) == 0 else { throw DiskError("unlink", path) }
    }

    package func rename(_ path: String, to other: String) throws(DiskError) {
        guard Glibc.rename(path, other) == 0 else { throw DiskError("rename", path) }
    }

    package func attributes(of path: String) throws(DiskError) -> FileAttributes {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw DiskError("lstat", path) }
        return FileAttributes(
            isRegularFile: status.st_mode & S_IFMT == S_IFREG, isDirectory: status.st_mode & S_IFMT == S_IFDIR,
            owner: status.st_uid, mode: status.st_mode & 0o7777)
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DiskError("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw DiskError("fsync", path) }
    }
}

/// A file of the real disk.
final class SystemFile: DiskFile {
    private let descriptor: Int32
    private let path: String
    private let identity: hookline_file_identity

    init(_ path: String, flags: Int32) throws(DiskError) {
        self.path = path
        descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw DiskError("open", path) }
        var identity = hookline_file_identity()
        guard hookline_identify_file(descriptor, nil, &identity) == 0 else {
            let error = DiskError("statx", path)
            close(descriptor)
            throw error
        }
        self.identity = identity
    }

    deinit {
        close(descriptor)
    }

    func write(_ parts: [UnsafeRawBufferPointer], at offset: Int) throws(DiskError) {
        var vectors = parts.filter { !$0.isEmpty }.map {
            iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
        }
        var offset = offset
        var first = 0
        while first < vectors.count {
            let count = min(vectors.count - first, 1024)  // IOV_MAX
            let written = vectors.withUnsafeBufferPointer {
                // The base address is there: the array is not empty.
                pwritev(descriptor, $0.baseAddress! + first, Int32(count), off_t(offset))
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw DiskError("pwritev", path)
            }
            offset += written
            var rest = written
            while first < vectors.count, rest >= vectors[first].iov_len {
                rest -= vectors[first].iov_len
                first += 1
            }
            if rest > 0 {
                vectors[first].iov_base = vectors[first].iov_base.map { $0 + rest }
                vectors[first].iov_len -= rest
            }
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw DiskError("pread", path)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func sync() throws(DiskError) {
        guard fdatasync(descriptor) == 0 else { throw DiskError("fdatasync", path) }
    }

    func allocate(_ bytes: Int) throws(DiskError) {
        while true {
            let code = posix_fallocate(descriptor, 0, off_t(bytes))
            if code == EINTR { continue }
            guard code == 0 else { throw DiskError("posix_fallocate", path, code) }
            return
        }
    }

    func truncate(to bytes: Int) throws(DiskError) {
        guard ftruncate(descriptor, off_t(bytes)) == 0 else { throw DiskError("ftruncate", path) }
    }

    func size() throws(DiskError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw DiskError("fstat", path) }
        return Int(status.st_size)
    }

    func isInPlace() throws(DiskError) -> Bool {
        // The number of a file that is open is given to no other.
        var found = hookline_file_identity()
        guard hookline_identify_file(-1, path, &found) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return false }
            throw DiskError("statx", path)
        }
        return found.inode == identity.inode && found.device == identity.device
    }
}
