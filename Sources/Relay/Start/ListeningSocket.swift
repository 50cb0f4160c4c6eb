import CLinuxShims
import Glibc
import Storage

/// Makes the sockets that the daemon listens on.
enum ListeningSocket {
    /// Binds a Unix stream socket and listens.
    ///
    /// A socket that nobody listens on any more is replaced; anything else at the path is left alone.
    ///
    /// - Parameter mode: of the socket's file.
    /// - Returns: a non-blocking descriptor.
    static func make(_ path: String, mode: mode_t) throws(StorageRefusal) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw StorageRefusal(
                path: path,
                reason: "is longer than the 107 bytes that a socket's path may have: choose another runtime directory")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try clear(path, address)

        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | 0o2000000 | 0o4000, 0)  // CLOEXEC, NONBLOCK
        guard descriptor >= 0 else { throw refusal(path) }
        // The mask makes the file strict from its first moment on.
        let before = umask(0o777 & ~mode)
        let bound = withAddress(&address) { bind(descriptor, $0, $1) }
        umask(before)
        guard bound == 0, listen(descriptor, 4096) == 0 else {
            defer { close(descriptor) }
            throw refusal(path)
        }
        return descriptor
    }

    private static func clear(_ path: String, _ address: sockaddr_un) throws(StorageRefusal) {
        let isSocket = hookline_is_socket(path)
        guard isSocket >= 0 else {
            guard errno == ENOENT else { throw refusal(path) }
            return
        }
        guard isSocket == 1 else {
            throw StorageRefusal(path: path, reason: "is there and is no socket: move it away")
        }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | 0o2000000 | 0o4000, 0)
        guard probe >= 0 else { throw refusal(path) }
        defer { close(probe) }
        var address = address
        guard withAddress(&address, { connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED else {
            throw StorageRefusal(path: path, reason: "is in use: another process listens on it")
        }
        guard unlink(path) == 0 else { throw refusal(path) }
    }

    private static func withAddress<R>(
        _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func refusal(_ path: String) -> StorageRefusal {
        StorageRefusal(path: path, reason: String(cString: strerror(errno)))
    }
}
