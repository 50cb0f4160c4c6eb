import Glibc

/// What `send` tells while it works: refusals to standard error, with `--json` all replies to standard output.
final class SendReport {
    private let printsReplies: Bool
    private let place: String
    private var output: [UInt8] = []
    private var hasSaidThatItWaits = false
    /// Nil: it is shown to nobody.
    private let progress: SendProgress?

    /// - Parameter file: the input's name for messages; nil is standard input.
    init(file: String?, printsReplies: Bool, progress: SendProgress? = nil) {
        self.progress = progress
        place = file.map { PrintableText.of($0) + ":" } ?? "line "
        self.printsReplies = printsReplies
    }

    func reply(_ line: UnsafeRawBufferPointer) {
        guard printsReplies else { return }
        output.append(contentsOf: line)
        output.append(UInt8(ascii: "\n"))
        if output.count >= SendLimits.writeBytes { flush() }
    }

    func flush() {
        guard !output.isEmpty else { return }
        Console.write(output, to: STDOUT_FILENO)
        output.removeAll(keepingCapacity: true)
    }

    func show(_ tally: SendTally, waiting: Int, at elapsed: Duration) {
        progress?.show(tally, waiting: waiting, at: elapsed)
    }

    /// Nothing more is shown of how far it has come.
    func endProgress() { progress?.clear() }

    func refused(line: Int, _ refusal: Reply.Refusal) {
        progress?.clear()
        Console.note(PrintableText.of("\(place)\(line): \(refusal.error): \(refusal.message)"))
    }

    /// A line that is not sent at all.
    func refusedHere(line: Int, bytesMax: Int) {
        progress?.clear()
        let message = "the line has more than \(bytesMax) bytes and was not sent"
        Console.note("\(place)\(line): line_too_long: \(message)")
        let text =
            "{\"ok\":false,\"line\":\(line),\"error\":\"line_too_long\",\"message\":\(LooseJSON.quoted(message))}"
        Array(text.utf8).withUnsafeBytes(reply)
    }

    func waiting(_ reason: EventsSocket.Unreachable) {
        if hasSaidThatItWaits { return }
        hasSaidThatItWaits = true
        progress?.clear()
        Console.note("hookline: waiting for the daemon: \(reason)")
    }
}
