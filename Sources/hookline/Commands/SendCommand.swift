import ArgumentParser
import Glibc

/// `hookline send`: NDJSON from a file or standard input to `events.sock`.
struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Sends events, one JSON object a line, and waits until each is acknowledged.",
        usage: "hookline send [<options>] [<file>]",
        discussion: """
            Lines without an "id" get one, so that what was not acknowledged when a connection is lost can be sent again \
            without being delivered twice. Everything else in a line goes as it is.

              echo '{"event":"job.created","tenantId":"acme","data":{"jobId":"j1"}}' | hookline send
              hookline send events.ndjson

            Exit status: 0 all accepted, 1 some line was refused, 69 the daemon can't be reached.
            """)

    @Option(help: ArgumentHelp("The events socket.", valueName: "path"))
    var socket: String?

    @Option(
        name: .customLong("retry-for"),
        help: ArgumentHelp(
            "How long to connect again after a lost connection, and to send a line again that was refused for now.",
            discussion: "Given explicitly, it also waits that long for a daemon that is not there yet. Default: 30s.",
            valueName: "time"))
    var retryFor: DurationArgument?

    @Flag(help: "Print the relay's replies on standard output, one for each line.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print a summary, also when standard error is no terminal.")
    var verbose = false

    @Argument(help: ArgumentHelp("The file; \"-\" or nothing is standard input.", valueName: "file"))
    var file = "-"

    func run() async throws {
        let input: Int32
        do {
            input = try FileInput.open(file)
        } catch {
            Console.note("hookline: \(error)")
            throw ExitStatus.failed
        }
        defer { if input != STDIN_FILENO { close(input) } }
        if Console.isTerminal(input) && Console.isTerminal(STDERR_FILENO) {
            Console.note("Type events, one JSON object a line; Ctrl-D ends.")
        }
        // Not while somebody types, and not among replies on the same terminal.
        let showsProgress =
            Console.isTerminal(STDERR_FILENO) && !Console.isTerminal(input)
            && !(json && Console.isTerminal(STDOUT_FILENO)) && Console.environment("TERM") != "dumb"
        let report = SendReport(
            file: file == "-" ? nil : file, printsReplies: json,
            progress: showsProgress ? SendProgress(input: input) : nil)
        var session = SendSession(
            path: EventsSocket.path(option: socket), input: input, retryFor: retryFor?.duration ?? .seconds(30),
            waitsForDaemon: retryFor != nil, report: report)
        do {
            try session.run()
        } catch {
            report.flush()
            report.endProgress()
            summarize(session)
            throw explain(error)
        }
        report.flush()
        report.endProgress()
        summarize(session)
        if session.tally.refused > 0 { throw ExitStatus.failed }
    }

    private func summarize(_ session: SendSession) {
        guard verbose || Console.isTerminal(STDERR_FILENO) else { return }
        Console.note(session.tally.summary(after: session.elapsed))
    }

    /// Says what went wrong, and the exit status for it.
    private func explain(_ failure: SendSession.Failure) -> ExitCode {
        switch failure {
        case .unreachable(let reason, let unacknowledged, let firstLine):
            Console.note("hookline: \(reason)")
            if unacknowledged > 0, let firstLine {
                Console.note(
                    "hookline: not acknowledged: \(unacknowledged) line\(unacknowledged == 1 ? "" : "s") from line "
                        + "\(firstLine) on. They may have been accepted: give events an \"id\" of your own, and sending "
                        + "them again delivers none twice.")
            }
            return ExitStatus.unavailable
        case .input(let problem):
            Console.note("hookline: \(problem)")
        case .notARelay(let what):
            Console.note("hookline: \(EventsSocket.path(option: socket)) is not the relay's events socket: \(what)")
        }
        return ExitStatus.failed
    }
}
