import AdminAPI
import ArgumentParser
import Glibc

/// `hookline top`: the relay at work, live.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Shows the relay at work: a live screen of rates, backlog, webhooks and failures.",
        usage: "hookline top [<options>]",
        discussion: """
            Keys: arrows or k and j select a webhook, p pauses or resumes it, t sends it a test, r replays what failed; \
            s sorts, P pauses all deliveries, ? tells of all keys, q quits.

              hookline top --sort failures
              hookline top --once            # one screen as text, after one interval
              hookline top --json            # one JSON object a tick
            """)

    @Option(help: ArgumentHelp("How often to look, from 200ms on.", valueName: "time"))
    var interval = DurationArgument(.seconds(1))

    @Option(help: ArgumentHelp("By what webhooks are sorted: backlog, rate, failures or name.", valueName: "order"))
    var sort = TopModel.Order.backlog

    @Flag(help: "Print one screen as plain text, and end.")
    var once = false

    @Option(help: ArgumentHelp("Webhooks in --json, from 1 to 200.", valueName: "count"))
    var limit = 20

    @Option(
        name: .customLong("api-socket"), help: ArgumentHelp("The daemon's API socket.", valueName: "path"))
    var socket: String?

    @Flag(help: "Print a JSON object each time.")
    var json = false

    func validate() throws {
        guard interval.duration >= .milliseconds(200), interval.duration <= .seconds(60) else {
            throw ValidationError("--interval must be from 200ms to 60s.")
        }
        guard (1...200).contains(limit) else { throw ValidationError("--limit must be from 1 to 200.") }
    }

    func run() async throws {
        let sampler = TopSampler(client: APIClient(path: APISocket.path(option: socket)))
        if json { return try await stream(sampler) }
        if once { return try await printOnce(sampler) }
        guard Console.isTerminal(STDIN_FILENO), Console.isTerminal(STDOUT_FILENO),
            Console.environment("TERM") != "dumb"
        else {
            Console.note("hookline: top needs a terminal; --once prints one screen, --json a JSON object each time")
            throw ExitStatus.usage
        }
        let first: TopSample = try await attempt { () async throws(APIFailure) in
            try await sampler.look((sort, 0, 50))
        }
        let ended: Int32?
        do {
            var session = try TopSession(
                sampler: sampler, order: sort, interval: interval.duration, first: first,
                style: .forDescriptor(STDOUT_FILENO))
            ended = await session.run()
        } catch {
            Console.note("hookline: \(error)")
            throw ExitStatus.failed
        }
        if let ended { throw ExitCode(128 + ended) }
    }

    /// Rates need two looks.
    private func printOnce(_ sampler: TopSampler) async throws {
        let columns = Screen.width ?? Console.environment("COLUMNS").flatMap { Int($0) } ?? 80
        let lines = Screen.size?.lines ?? Console.environment("LINES").flatMap { Int($0) } ?? 24
        var model = TopModel(
            width: max(20, columns), height: max(5, lines), order: sort,
            interval: Double(interval.duration.milliseconds) / 1000)
        for look in 0..<2 {
            if look > 0 { try await Task.sleep(for: interval.duration) }
            let sample: TopSample = try await attempt { () async throws(APIFailure) in
                try await sampler.look(model.wish)
            }
            model.take(sample, order: sort)
        }
        let wall = WallClock.milliseconds()
        // Without the line of the keys: there are none.
        let screen = model.lines(wall: (wall, String(WallClock.localTime(wall).prefix(8)))).dropLast()
        var texts = screen.map(\.text).map { text in
            String(text.reversed().drop { $0 == " " }.reversed())
        }
        while texts.last?.isEmpty == true { texts.removeLast() }
        for text in texts { Console.print(text) }
    }

    private func stream(_ sampler: TopSampler) async throws {
        let output = OutputStream()
        var model = TopModel(width: 80, height: 24, order: sort)
        var isFirst = true
        while true {
            var answer: JSONValue?
            do throws(APIFailure) {
                model.take(try await sampler.look((sort, 0, limit)), order: sort)
                if !isFirst || !once { answer = TopReport.json(model) }
            } catch {
                guard !once else {
                    Console.note("hookline: \(error)")
                    throw error.exitCode
                }
                answer = TopReport.failure(error, at: WallClock.milliseconds())
            }
            if let answer {
                do throws(OutputStream.Failure) {
                    try output.write { $0 += JSONWriter.compact(answer) + [UInt8(ascii: "\n")] }
                    try output.flush()
                } catch {
                    if case .problem(let problem) = error {
                        Console.note("hookline: \(problem)")
                        throw ExitStatus.failed
                    }
                    return
                }
                if once { return }
            }
            isFirst = false
            try await Task.sleep(for: interval.duration)
        }
    }

    private func attempt<Answer>(_ body: () async throws(APIFailure) -> Answer) async throws(ExitCode) -> Answer {
        do throws(APIFailure) {
            return try await body()
        } catch {
            Console.note("hookline: \(error)")
            throw error.exitCode
        }
    }
}

extension TopModel.Order: ExpressibleByArgument {}
