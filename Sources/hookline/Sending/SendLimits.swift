/// What `send` holds in memory at most, and how it waits.
enum SendLimits {
    /// Bytes of one line, LF not counted: the most that `ingest.max-line-bytes` can be.
    static let lineBytes = 16 * 1024 * 1024

    /// Lines that are not yet acknowledged. More would not make it faster: the relay's group commit takes some
    /// hundreds at once.
    static let windowLines = 1024

    /// Bytes of lines that are not yet acknowledged; one longer line is let through alone.
    static let windowBytes = 4 * 1024 * 1024

    /// Bytes taken from the input, and from the socket, at once.
    static let readBytes = 256 * 1024

    /// Bytes copied for one write to the socket.
    static let writeBytes = 256 * 1024

    /// Bytes of one reply: a refusal repeats at most an id and a short quotation.
    static let replyBytes = 64 * 1024

    /// The first wait before connecting again; each further one is twice as long, up to the second.
    static let backoffFirst: Duration = .milliseconds(50)
    static let backoffLast: Duration = .seconds(2)
}
