import DequeModule

/// The lines that were taken from the input and not yet acknowledged, and what is to be done with each.
///
/// A line is first *waiting*, then *written* when its bytes are on their way, and gone when its reply settles it. Replies
/// come in the order of the lines, so the first written line is always the one that is answered. When the connection is
/// lost, all written lines wait again; their ids make that harmless.
struct SendWindow {
    struct Line: Equatable {
        /// The input's line number, from 1.
        let number: Int
        /// With its LF.
        let bytes: [UInt8]
        /// Whether it was written to a connection that was lost: a duplicate then is our own.
        var wasWritten = false
        /// When its first passing refusal came.
        var firstRefusal: Duration?
    }

    /// What a reply meant for its line.
    enum Settlement: Equatable {
        case accepted(Line)
        /// Another line with the same id was accepted before.
        case duplicate(Line)
        case refused(Line, Reply.Refusal)
        /// The line waits to be sent again.
        case postponed
        /// There was no line that this could be the reply to.
        case unexpected
    }

    private var waiting: Deque<Line> = []
    private var written: Deque<Line> = []
    private var bytes = 0

    /// Nothing is sent before this time, so that lines keep their order around one that is to be sent again.
    private(set) var holdUntil: Duration?

    private let linesMax: Int
    private let bytesMax: Int
    private let patience: Duration

    /// - Parameter patience: how long a line is sent again after passing refusals.
    init(
        linesMax: Int = SendLimits.windowLines, bytesMax: Int = SendLimits.windowBytes, patience: Duration
    ) {
        self.linesMax = linesMax
        self.bytesMax = bytesMax
        self.patience = patience
    }

    var isEmpty: Bool { waiting.isEmpty && written.isEmpty }

    /// Lines taken and not settled.
    var count: Int { waiting.count + written.count }

    /// Lines whose reply is due.
    var writtenCount: Int { written.count }

    /// The input's number of the oldest line that is not settled.
    var firstNumber: Int? {
        switch (waiting.first?.number, written.first?.number) {
        case (let one?, let other?): min(one, other)
        case (let one, let other): one ?? other
        }
    }

    /// Whether a line may be added.
    var hasRoom: Bool { count == 0 || (count < linesMax && bytes < bytesMax) }

    /// Whether a line could be written now.
    func canWrite(at now: Duration) -> Bool {
        !waiting.isEmpty && holdUntil.map { now >= $0 } ?? true
    }

    /// Adds a line behind all others.
    mutating func add(number: Int, bytes line: [UInt8]) {
        waiting.append(Line(number: number, bytes: line))
        bytes += line.count
    }

    /// The next line to write, which then waits for its reply; nil if none may be written now.
    mutating func write(at now: Duration) -> [UInt8]? {
        if let until = holdUntil {
            guard now >= until else { return nil }
            holdUntil = nil
        }
        guard let line = waiting.popFirst() else { return nil }
        written.append(line)
        return line.bytes
    }

    /// Settles the first written line.
    mutating func receive(_ reply: Reply, at now: Duration) -> Settlement {
        guard var line = written.popFirst() else { return .unexpected }
        switch reply {
        case .accepted(let isDuplicate):
            bytes -= line.bytes.count
            return isDuplicate && !line.wasWritten ? .duplicate(line) : .accepted(line)
        case .refused(let refusal):
            let since = line.firstRefusal ?? now
            guard let delay = refusal.retryAfter, now - since + delay <= patience else {
                bytes -= line.bytes.count
                return .refused(line, refusal)
            }
            line.firstRefusal = since
            holdUntil = max(holdUntil ?? .zero, now + delay)
            // Behind the lines of smaller numbers that wait again, and before those that were never written.
            let place = waiting.firstIndex { $0.number > line.number } ?? waiting.endIndex
            waiting.insert(line, at: place)
            return .postponed
        }
    }

    /// Puts all written lines back, in the input's order.
    mutating func connectionLost() {
        for index in written.indices { written[index].wasWritten = true }
        waiting = Deque((written + waiting).sorted { $0.number < $1.number })
        written = []
        holdUntil = nil
    }
}
