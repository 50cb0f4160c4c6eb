import Glibc

/// How far `send` has come, on a line of standard error that is written again and again: for people at a terminal only.
final class SendProgress {
    /// Short inputs are done before anybody has read it.
    private static let first: Duration = .milliseconds(500)
    private static let pause: Duration = .milliseconds(200)

    private let input: Int32
    /// Bytes of the input; nil: it is no file.
    private let size: Int64?
    private var next = SendProgress.first
    private var last = (settled: 0, at: Duration.zero)
    private var isShown = false

    /// - Parameter input: where lines are read from.
    init(input: Int32) {
        self.input = input
        var information = stat()
        let isFile = fstat(input, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
        size = isFile && information.st_size > 0 ? Int64(information.st_size) : nil
    }

    /// Shows it, if it is time.
    func show(_ tally: SendTally, waiting: Int, at elapsed: Duration) {
        guard elapsed >= next else { return }
        next = elapsed + Self.pause
        let share = size.map { Double(max(0, lseek(input, 0, SEEK_CUR))) / Double($0) }
        let rate = Double(tally.settled - last.settled) / (Double((elapsed - last.at).microseconds) / 1e6)
        last = (tally.settled, elapsed)
        let text = Self.text(tally, waiting: waiting, rate: rate, share: share)
        let width = Screen.width(of: STDERR_FILENO) ?? 80
        Console.write(Array("\r\u{1B}[K\(TextWidth.clip(text, to: width - 1))".utf8), to: STDERR_FILENO)
        isShown = true
    }

    /// Takes it away, so that something else can be written.
    func clear() {
        guard isShown else { return }
        isShown = false
        Console.write(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO)
    }

    /// `12,345 lines acknowledged, 23,456/s, 512 under way, 2 refused, 47 % of the file`
    static func text(_ tally: SendTally, waiting: Int, rate: Double, share: Double?) -> String {
        let done = tally.accepted + tally.duplicates
        var parts = [
            "\(SendTally.grouped(done)) line\(done == 1 ? "" : "s") acknowledged",
            "\(SendTally.grouped(Int(rate.rounded())))/s", "\(SendTally.grouped(waiting)) under way",
        ]
        if tally.refused > 0 { parts.append("\(SendTally.grouped(tally.refused)) refused") }
        if let share { parts.append("\(min(100, Int(share * 100))) % of the file read") }
        return parts.joined(separator: ", ")
    }
}
