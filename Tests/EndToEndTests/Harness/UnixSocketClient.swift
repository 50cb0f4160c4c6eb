import Foundation
import Synchronization

/// A connection to a Unix stream socket. One thread may write while another one reads.
final class UnixSocketClient: Sendable {
    private let descriptor: Int32
    private let unread = Mutex<[UInt8]>([])
    private let isClosed = Atomic<Bool>(false)

    /// Connects, or throws at once.
    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard Self.connect(descriptor, path) else {
            let reason = String(cString: strerror(errno))
            Foundation.close(descriptor)
            throw Unmet("\(path): \(reason)")
        }
    }

    deinit {
        close()
    }

    func close() {
        if !isClosed.exchange(true, ordering: .relaxed) { Foundation.close(descriptor) }
    }

    /// The address of a path, for calls that take one.
    static func withAddress<R>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func connect(_ descriptor: Int32, _ path: String) -> Bool {
        withAddress(path) { Foundation.connect(descriptor, $0, $1) == 0 }
    }

    // MARK: Writing

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Writes all of it; a peer that takes nothing for 30 s is an error.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        try bytes.withUnsafeBytes { raw in
            while sent < raw.count {
                try wait(for: POLLOUT, until: ContinuousClock.now + .seconds(30), "to be written to")
                let rest = UnsafeRawBufferPointer(rebasing: raw[sent...])
                let count = Foundation.send(
                    descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                guard count > 0 || errno == EAGAIN else { throw Unmet("send: \(String(cString: strerror(errno)))") }
                sent += max(0, count)
            }
        }
    }

    func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    // MARK: Reading

    /// The next line without its LF; nil at the end of input.
    func readLine(within limit: Duration = .seconds(10)) throws -> String? {
        let deadline = ContinuousClock.now + limit
        while true {
            let line: String? = unread.withLock { bytes in
                guard let end = bytes.firstIndex(of: 0x0A) else { return nil }
                defer { bytes.removeSubrange(...end) }
                return String(decoding: bytes[..<end], as: UTF8.self)
            }
            if let line { return line }
            if try !readMore(until: deadline) { return nil }
        }
    }

    /// Everything up to the end of input.
    func readToEnd(within limit: Duration = .seconds(10)) throws -> [UInt8] {
        let deadline = ContinuousClock.now + limit
        while try readMore(until: deadline) {}
        return unread.withLock { bytes in
            defer { bytes = [] }
            return bytes
        }
    }

    /// - Returns: false at the end of input.
    private func readMore(until deadline: ContinuousClock.Instant) throws -> Bool {
        try wait(for: POLLIN, until: deadline, "for something to read")
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        let count = read(descriptor, &chunk, chunk.count)
        // A peer that has gone with our bytes unread resets the connection: its end all the same.
        guard count > 0 else { return false }
        unread.withLock { $0.append(contentsOf: chunk[..<count]) }
        return true
    }

    private func wait(for events: Int32, until deadline: ContinuousClock.Instant, _ what: String) throws {
        while true {
            let left = deadline - ContinuousClock.now
            guard left > .zero else { throw Unmet("the socket did not come \(what) in time") }
            var poller = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let milliseconds = Int32(min(left / .milliseconds(1), 1_000)) + 1
            if poll(&poller, 1, milliseconds) > 0 { return }
        }
    }
}
