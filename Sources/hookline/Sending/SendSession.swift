import Glibc

/// Takes lines from the input to the relay, and waits until each is acknowledged.
///
/// One thread, two descriptors and poll(2): the input is read only while the window has room, so memory stays bounded
/// however large the input is and however slow the relay.
struct SendSession {
    /// Why it could not go on.
    enum Failure: Error {
        /// The lines in the window were not acknowledged.
        case unreachable(EventsSocket.Unreachable, unacknowledged: Int, firstLine: Int?)
        case input(SystemProblem)
        /// The other side does not speak the protocol.
        case notARelay(String)
    }

    let path: String
    let input: Int32
    /// How long to try to connect again; and lines that were refused for now.
    let retryFor: Duration
    /// Whether the first connection too may take that long.
    let waitsForDaemon: Bool
    let report: SendReport

    private(set) var tally = SendTally()
    private var window: SendWindow
    private var reader = LineReader()
    private var identifiers = EventIdentifiers.random()
    private var connection: SendConnection?
    private let start = ContinuousClock.now
    /// When the connection was lost, until a reply comes over a new one.
    private var lostAt: Duration?

    init(path: String, input: Int32, retryFor: Duration, waitsForDaemon: Bool, report: SendReport) {
        self.path = path
        self.input = input
        self.retryFor = retryFor
        self.waitsForDaemon = waitsForDaemon
        self.report = report
        window = SendWindow(patience: retryFor)
    }

    var elapsed: Duration { ContinuousClock.now - start }

    /// Runs until the last line is settled.
    mutating func run() throws(Failure) {
        defer { connection?.close() }
        try connect(patience: waitsForDaemon ? retryFor : .zero)
        while true {
            takeLines()
            if reader.isAtEnd && window.isEmpty { return }
            guard var open = connection.take() else {
                try connect(patience: retryFor)
                continue
            }
            fill(&open)
            open.send()
            if try wait(&open) {
                connection = open
            } else {
                open.close()
                connectionLost()
            }
        }
    }

    // MARK: Lines out

    private mutating func takeLines() {
        let milliseconds = WallClock.milliseconds()
        while window.hasRoom, let item = reader.next() {
            switch item {
            case .tooLong(let number):
                tally.refused += 1
                report.refusedHere(line: number, bytesMax: SendLimits.lineBytes)
            case .line(let number, let range):
                let line = reader.withBytes(of: range) { bytes in
                    LineIdentifier.identified(bytes) { identifiers.next(milliseconds: milliseconds) }
                }
                if let line { window.add(number: number, bytes: line) } else { tally.blank += 1 }
            }
        }
    }

    private mutating func fill(_ open: inout SendConnection) {
        let now = elapsed
        while open.hasRoom, let line = window.write(at: now) { open.append(line) }
    }

    // MARK: Replies in

    /// Waits until something can be done, and reads what has come.
    ///
    /// - Returns: false if the connection is lost.
    private mutating func wait(_ open: inout SendConnection) throws(Failure) -> Bool {
        let wantsInput = window.hasRoom && !reader.isAtEnd
        var descriptors = [
            pollfd(fd: open.descriptor, events: Int16(open.hasMore ? POLLIN | POLLOUT : POLLIN), revents: 0),
            pollfd(fd: wantsInput ? input : -1, events: Int16(POLLIN), revents: 0),
        ]
        var timeout: Int32 = -1
        if let until = window.holdUntil { timeout = Int32(clamping: max(0, (until - elapsed).milliseconds + 1)) }
        if poll(&descriptors, 2, timeout) < 0 {
            guard errno == EINTR else { throw .input(SystemProblem("wait for the socket")) }
            return true
        }
        var isAlive = true
        if descriptors[0].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 {
            isAlive = open.receive()
            try settle(&open)
        }
        if descriptors[1].revents != 0 {
            do { try reader.read(from: input) } catch { throw .input(error) }
        }
        return isAlive
    }

    private mutating func settle(_ open: inout SendConnection) throws(Failure) {
        while let range = open.nextReply() {
            guard let reply = open.withReply(range, { Reply($0) }) else {
                throw .notARelay("a reply that is none: \(open.withReply(range) { Self.excerpt($0) })")
            }
            lostAt = nil
            switch window.receive(reply, at: elapsed) {
            case .accepted:
                tally.accepted += 1
            case .duplicate:
                tally.duplicates += 1
            case .refused(let line, let refusal):
                tally.refused += 1
                report.refused(line: line.number, refusal)
            case .postponed:
                continue
            case .unexpected:
                throw .notARelay("a reply to no line: \(open.withReply(range) { Self.excerpt($0) })")
            }
            open.withReply(range) { report.reply($0) }
        }
        if open.unfinishedReplyBytes > SendLimits.replyBytes { throw .notARelay("a reply without an end") }
        report.flush()
        report.show(tally, waiting: window.count, at: elapsed)
    }

    private static func excerpt(_ bytes: UnsafeRawBufferPointer) -> String {
        PrintableText.of(String(decoding: bytes.prefix(80), as: UTF8.self))
    }

    // MARK: Connecting

    private mutating func connectionLost() {
        // A connection that is lost again before any reply came was no progress, unless none was due.
        if lostAt == nil || window.isEmpty { lostAt = elapsed }
        window.connectionLost()
    }

    /// Connects, again and again until the time is over.
    private mutating func connect(patience: Duration) throws(Failure) {
        let since = lostAt ?? elapsed
        var backoff = SendLimits.backoffFirst
        while true {
            if lostAt != nil { pause(backoff) }
            do {
                connection = SendConnection(descriptor: try EventsSocket.connect(path))
                if lostAt != nil { tally.reconnections += 1 }
                return
            } catch {
                guard error.isPassing, elapsed - since + backoff <= patience else {
                    throw .unreachable(error, unacknowledged: window.count, firstLine: window.firstNumber)
                }
                report.waiting(error)
                if lostAt == nil { pause(backoff) }
            }
            backoff = min(backoff * 2, SendLimits.backoffLast)
        }
    }

    private func pause(_ duration: Duration) {
        usleep(useconds_t(clamping: duration.microseconds))
    }
}
