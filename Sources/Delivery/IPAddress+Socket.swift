import Glibc
import NIOCore
import RelayCore

extension IPAddress {
    /// The address of a socket address; nil for other families.
    init?(_ address: UnsafePointer<sockaddr>?) {
        guard let address else { return nil }
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let value = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
            self = .v4(UInt32(bigEndian: value))
        case AF_INET6:
            let value = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self).sin6_addr
            let words = withUnsafeBytes(of: value) { bytes in
                (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            self = .v6(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1))
        default:
            return nil
        }
    }

    /// The address of one of NIO's socket addresses; nil for other families.
    init?(_ address: SocketAddress?) {
        let found = address?.withSockAddr { pointer, _ in IPAddress(pointer) }
        guard let found = found ?? nil else { return nil }
        self = found
    }

    /// The address with a port, for connecting.
    func socketAddress(port: UInt16) throws -> SocketAddress {
        let bytes: [UInt8] =
            switch self {
            case .v4(let value): withUnsafeBytes(of: value.bigEndian, Array.init)
            case .v6(let high, let low):
                withUnsafeBytes(of: high.bigEndian, Array.init) + withUnsafeBytes(of: low.bigEndian, Array.init)
            }
        return try SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: Int(port))
    }
}
