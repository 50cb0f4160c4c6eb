import Glibc
import NIOCore
package import NIOPosix
import RelayCore
import Synchronization

/// Names to addresses, by getaddrinfo(3) on a few threads of their own: a look-up can't be broken off, and one dead name
/// must not stall the others.
///
/// One look-up at a time for a name; what it found, or that it failed, is remembered for a short while.
package final class Resolver: Sendable {
    enum Answer: Equatable, Sendable {
        case addresses([IPAddress])
        case failed(String)
    }

    private struct Entry {
        var answer: Answer?
        var until: NIODeadline = .distantPast
        var waiting: [@Sendable (Answer) -> Void] = []
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let threads: NIOThreadPool

    /// - Parameter threads: what look-ups block.
    package init(threads: NIOThreadPool) {
        self.threads = threads
    }

    /// Calls `completion` with the answer: at once if it is remembered, else from another thread.
    func resolve(_ name: String, completion: @escaping @Sendable (Answer) -> Void) {
        let known: Answer? = entries.withLock { entries in
            if let entry = entries[name] {
                if let answer = entry.answer, entry.until > .now() { return answer }
                if entry.answer == nil {
                    entries[name]?.waiting.append(completion)
                    return nil
                }
            }
            if entries.count > 10_000 { entries = entries.filter { $0.value.answer == nil } }
            entries[name] = Entry(waiting: [completion])
            threads.submit { [self] _ in finish(name, Self.lookUp(name)) }
            return nil
        }
        if let known { completion(known) }
    }

    private func finish(_ name: String, _ answer: Answer) {
        let time = if case .failed = answer { Limits.failedNameTime } else { Limits.resolvedNameTime }
        let waiting = entries.withLock { entries in
            let waiting = entries[name]?.waiting ?? []
            entries[name] = Entry(answer: answer, until: .now() + .nanoseconds(time.nanoseconds))
            return waiting
        }
        for completion in waiting { completion(answer) }
    }

    private static func lookUp(_ name: String) -> Answer {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        // The dot at the end keeps the search domains of resolv.conf(5) out of it. `localhost` and other names of
        // /etc/hosts are found without it only.
        var code = getaddrinfo(name + ".", nil, &hints, &list)
        if code == EAI_NONAME { code = getaddrinfo(name, nil, &hints, &list) }
        guard code == 0 else { return .failed(String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var next = list
        while let entry = next {
            if let address = IPAddress(entry.pointee.ai_addr), !addresses.contains(address) {
                addresses.append(address)
            }
            next = entry.pointee.ai_next
        }
        return addresses.isEmpty ? .failed("the name has no addresses") : .addresses(addresses)
    }
}

extension IPAddress {
    /// The address of a socket address; nil for other families.
    fileprivate init?(_ address: UnsafeMutablePointer<sockaddr>?) {
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
