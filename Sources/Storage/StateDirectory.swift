import Glibc

/// The directory of everything durable, held by one daemon at a time.
package final class StateDirectory: Sendable {
    package let path: String
    package var journal: String { "\(path)/journal" }
    private let lock: Int32

    /// Makes the directory (0700) if it is not there, checks that it is ours, and locks it.
    ///
    /// - Throws: ``StorageRefusal``; if another daemon holds it, one that names its pid.
    package init(_ path: String) throws {
        self.path = path
        try Self.make(path, isStrict: false)
        try Self.make("\(path)/journal", isStrict: true)
        let lockPath = "\(path)/lock"
        let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StorageRefusal(path: lockPath, reason: Self.reason()) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.holder(descriptor)
            close(descriptor)
            throw StorageRefusal(
                path: path, reason: "is in use by another hookline\(holder.map { " with pid \($0)" } ?? "")")
        }
        // For the other one's message only: the lock is the kernel's, whatever the file says.
        ftruncate(descriptor, 0)
        let text = "\(getpid())\n"
        _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        lock = descriptor
    }

    deinit {
        close(lock)
    }

    /// Makes a directory (0700), or takes the one that is there.
    ///
    /// - Parameter isStrict: it has to be ours, closed to others, and no symbolic link.
    package static func make(_ path: String, isStrict: Bool) throws {
        for parent in parents(of: path) where mkdir(parent, 0o755) != 0 && errno != EEXIST {
            throw StorageRefusal(path: parent, reason: reason())
        }
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw StorageRefusal(path: path, reason: reason()) }
        var status = stat()
        guard (isStrict ? lstat(path, &status) : stat(path, &status)) == 0 else {
            throw StorageRefusal(path: path, reason: reason())
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw StorageRefusal(
                path: path, reason: "is no directory (a symbolic link is not followed): name another one")
        }
        guard isStrict else { return }
        guard status.st_uid == geteuid() else {
            throw StorageRefusal(
                path: path, reason: "belongs to uid \(status.st_uid), not to uid \(geteuid()) which hookline runs as")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw StorageRefusal(
                path: path, reason: "is open to others (mode \(String(status.st_mode & 0o777, radix: 8))): chmod 700 it"
            )
        }
    }

    private static func parents(of path: String) -> [String] {
        let parts = path.split(separator: "/").dropLast()
        return parts.indices.map {
            (path.hasPrefix("/") ? "/" : "") + parts[parts.startIndex...$0].joined(separator: "/")
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }

    private static func holder(_ descriptor: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: bytes.prefix { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self))
    }
}
