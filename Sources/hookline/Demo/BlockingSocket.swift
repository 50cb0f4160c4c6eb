import Glibc
import NIOPosix

/// A connection to a Unix socket for one short exchange after the other, each on a thread that may block.
struct BlockingSocket: Sendable {
    private let descriptor: Int32

    /// - Parameter timeout: of each read and write.
    static func connect(_ path: String, timeout: Duration) async throws -> BlockingSocket {
        try await NIOThreadPool.singleton.runIfActive {
            let descriptor = try EventsSocket.connect(path)
            var limit = timeval(tv_sec: time_t(timeout.components.seconds), tv_usec: 0)
            let size = socklen_t(MemoryLayout<timeval>.size)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
            return BlockingSocket(descriptor: descriptor)
        }
    }

    /// Writes all, then reads until what was read is enough, or the other side ends.
    ///
    /// - Returns: what was read, and when it was whole.
    func exchange(
        _ bytes: [UInt8], until isEnough: @escaping @Sendable ([UInt8]) -> Bool
    ) async throws -> (answer: [UInt8], at: ContinuousClock.Instant) {
        let descriptor = descriptor
        return try await NIOThreadPool.singleton.runIfActive {
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    send(descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                if count < 0 && errno != EINTR { throw SystemProblem("write to the relay's socket") }
                sent += max(0, count)
            }
            var answer: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 16 * 1024)
            while !isEnough(answer) {
                let count = recv(descriptor, &chunk, chunk.count, 0)
                if count == 0 { break }
                if count < 0 && errno != EINTR { throw SystemProblem("read from the relay's socket") }
                answer += chunk[..<max(0, count)]
            }
            return (answer, .now)
        }
    }

    func close() {
        _ = Glibc.close(descriptor)
    }
}
