import Glibc

/// Much text to standard output, gathered into large writes, with nothing lost silently.
final class OutputStream {
    enum Failure: Error {
        /// The reader has gone away: there is nobody to tell.
        case closed
        case problem(SystemProblem)
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    private static let bufferBytes = 256 * 1024

    init(_ descriptor: Int32 = STDOUT_FILENO) {
        self.descriptor = descriptor
        buffer.reserveCapacity(Self.bufferBytes)
    }

    /// Takes what `append` puts behind the bytes that wait.
    func write(_ append: (inout [UInt8]) -> Void) throws(Failure) {
        append(&buffer)
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    func line(_ text: String) throws(Failure) {
        try write {
            $0.append(contentsOf: text.utf8)
            $0.append(0x0A)
        }
    }

    func flush() throws(Failure) {
        var done = 0
        while done < buffer.count {
            let count = buffer.withUnsafeBytes { bytes in
                // The buffer is not empty, so there is an address.
                Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
            }
            if count >= 0 {
                done += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&ready, 1, -1)
            case EPIPE: throw .closed
            default: throw .problem(SystemProblem("write to standard output"))
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
