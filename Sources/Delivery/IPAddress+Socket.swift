import Glibc
import NIOCore
import RelayCore

extension IPAddress {
    /// The address of a socket address; nil for other families.
    ///
    /// Read by its layout (ip(7), ipv6(7)): several C modules declare these structures, and which of them Swift takes a
    /// member from depends on what else is compiled beside this.
    init?(_ address: UnsafePointer<sockaddr>?) {
        guard let bytes = address.map({ UnsafeRawPointer($0) }) else { return nil }
        switch Int32(bytes.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET:
            self = .v4(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        case AF_INET6:
            self = .v6(
                high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)))
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
