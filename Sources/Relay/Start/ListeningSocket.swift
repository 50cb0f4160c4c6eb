import CLinuxShims
import Glibc
import RelayCore
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
        let bound = withAddress(&address) { Glibc.bind(descriptor, $0, $1) }
        umask(before)
        guard bound == 0, listen(descriptor, 4096) == 0 else {
            defer { close(descriptor) }
            throw refusal(path)
        }
        return descriptor
    }

    /// Binds a TCP socket of the loopback and listens.
    ///
    /// - Parameter setting: the one that names the endpoint, for who reads why it could not be.
    static func make(_ endpoint: AddressPolicy.Endpoint, for setting: String) throws(StorageRefusal) -> Int32 {
        let isV4 = if case .v4 = endpoint.address { true } else { false }
        let type = Int32(SOCK_STREAM.rawValue) | 0o2000000 | 0o4000  // CLOEXEC, NONBLOCK
        let descriptor = socket(isV4 ? AF_INET : AF_INET6, type, 0)
        guard descriptor >= 0 else { throw refusal(setting) }
        var one: Int32 = 1
        // Connections of before a restart, which linger, must not keep the port.
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, endpoint) == 0, listen(descriptor, 1024) == 0 else {
            let code = errno
            close(descriptor)
            let reason =
                code == EADDRINUSE
                ? "is in use: another program listens on it; \"ss -ltnp\" names it. Stop it, or set another port"
                : "can't be listened on: \(String(cString: strerror(code)))"
            throw StorageRefusal(path: "\(setting): \(endpoint.address) port \(endpoint.port)", reason: reason)
        }
        return descriptor
    }

    private static func bind(_ descriptor: Int32, _ endpoint: AddressPolicy.Endpoint) -> Int32 {
        var storage = sockaddr_storage()
        let size: Int
        switch endpoint.address {
        case .v4(let value):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = endpoint.port.bigEndian
            address.sin_addr.s_addr = value.bigEndian
            size = MemoryLayout<sockaddr_in>.size
            withUnsafeBytes(of: address) { bytes in
                withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: bytes) }
            }
        case .v6(let high, let low):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = endpoint.port.bigEndian
            withUnsafeMutableBytes(of: &address.sin6_addr) {
                $0.storeBytes(of: high.bigEndian, as: UInt64.self)
                $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            size = MemoryLayout<sockaddr_in6>.size
            withUnsafeBytes(of: address) { bytes in
                withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: bytes) }
            }
        }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(descriptor, $0, socklen_t(size)) }
        }
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
