import ArgumentParser
import Glibc
import Logging
import RelayCore
import Synchronization

/// `hookline demo`: the whole way of six events, shown.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Shows all of it at work in a few seconds, on this machine only.",
        discussion: """
            Starts a relay in a temporary directory and a receiver on a free port of 127.0.0.1, adds a webhook through \
            the HTTP API, sends one event of each of the six types through the events socket, and checks both signatures \
            and every byte of what is delivered. Nothing is left behind.

            Exit status: 0 only if all six were delivered and verified.
            """)

    @Flag(help: "Print the result as a JSON object.")
    var json = false

    @Flag(name: .shortAndLong, help: "Show the relay's log on standard error.")
    var verbose = false

    func run() async throws {
        let screen = DemoScreen(style: .forDescriptor(STDOUT_FILENO))
        let printsText = !json
        let show: @Sendable (String) -> Void = { text in
            if printsText { Console.print(text) }
        }
        let command = Console.environment("HOOKLINE_COMMAND") ?? CommandLine.arguments[0]
        let directory = try TemporaryDirectory(prefix: "hookline-demo")
        let outcomes = Mutex<[DemoOutcome]?>(nil)
        let interruption: Int32?
        do {
            defer { directory.remove() }
            show(screen.opening())
            let demo = DemoRun(directory: directory.path, logger: logger()) { step in
                switch step {
                case .receiverReady(let url):
                    show(screen.ready("receiver", "listens on \(url)"))
                case .relayReady(let directory, let duration):
                    show(screen.ready("relay", "ready after \(DemoScreen.text(duration)), in \(directory) for now"))
                case .webhookReady(let webhook):
                    show(screen.ready("webhook", "\(webhook.id), for all events"))
                    show(screen.tableHead())
                case .settled(let outcome):
                    show(screen.row(outcome))
                }
            }
            interruption = try await Interruption.cancelling {
                let result = try await demo.run()
                outcomes.withLock { $0 = result }
            }
        } catch {
            Console.note("hookline: the demo failed: \(error)")
            if !verbose { Console.note("hookline: \"\(command) demo --verbose\" shows the relay's log") }
            throw ExitStatus.failed
        }
        if let interruption { throw ExitCode(128 + interruption) }
        let settled = outcomes.withLock { $0 } ?? []
        let isGood = settled.count == EventCatalogue.builtIn.count && settled.allSatisfy(\.isVerified)
        if json {
            Console.print("{\"ok\":\(isGood),\"events\":[\(settled.map(\.json).joined(separator: ","))]}")
        } else {
            show(screen.closing(settled, command: command))
        }
        if !isGood { throw ExitStatus.failed }
    }

    private func logger() -> Logger {
        guard verbose else { return Logger(label: "hookline") { _ in SwiftLogNoOpLogHandler() } }
        var logger = Logger(label: "hookline") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .debug
        return logger
    }
}
