import Glibc

/// A connection to the relay with what is to be written to it and what was read from it.
struct SendConnection {
    let descriptor: Int32
    private var out: [UInt8] = []
    private var outStart = 0
    private var replies: [UInt8] = []
    private var repliesStart = 0

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// False when the other side reads no more. Replies may still come: a relay that stops answers what it has read.
    private(set) var takesLines = true

    /// Whether more may be appended.
    var hasRoom: Bool { takesLines && out.count - outStart < SendLimits.writeBytes }

    /// Whether something waits to be written.
    var hasMore: Bool { takesLines && outStart < out.count }

    /// Bytes behind the last whole reply.
    var unfinishedReplyBytes: Int { replies.count - repliesStart }

    mutating func append(_ line: [UInt8]) {
        if outStart == out.count {
            out.removeAll(keepingCapacity: true)
            outStart = 0
        }
        out.append(contentsOf: line)
    }

    /// Writes what the socket takes now.
    mutating func send() {
        while hasMore {
            let count = out.withUnsafeBytes { bytes in
                Glibc.send(
                    descriptor, bytes.baseAddress?.advanced(by: outStart), bytes.count - outStart,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count >= 0 {
                outStart += count
            } else if errno != EINTR {
                takesLines = errno == EAGAIN
                return
            }
        }
    }

    /// Reads once.
    ///
    /// - Returns: false at the end of the replies.
    mutating func receive() -> Bool {
        replies.removeFirst(repliesStart)
        repliesStart = 0
        let start = replies.count
        replies.append(contentsOf: repeatElement(0, count: SendLimits.replyBytes))
        let count = replies.withUnsafeMutableBytes { bytes in
            recv(descriptor, bytes.baseAddress?.advanced(by: start), SendLimits.replyBytes, Int32(MSG_DONTWAIT))
        }
        let code = errno
        replies.removeLast(SendLimits.replyBytes - max(count, 0))
        if count < 0 { return code == EAGAIN || code == EINTR }
        return count > 0
    }

    /// The next whole reply's range, LF not counted.
    mutating func nextReply() -> Range<Int>? {
        guard let end = replies[repliesStart...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        defer { repliesStart = end + 1 }
        return repliesStart..<end
    }

    func withReply<Result>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        replies.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    func close() {
        _ = Glibc.close(descriptor)
    }
}
