import ArgumentParser
import Glibc
import NIOCore
import RelayCore
import Synchronization

/// `hookline listen`: a local receiver that shows what comes in, and can misbehave on purpose.
struct ListenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "listen",
        abstract: "A local receiver: verifies and prints each delivery.",
        usage: "hookline listen [<options>]",
        discussion: """
            Made for trying out a webhook, and for seeing how the relay treats a receiver that is slow or broken:

              hookline listen --secret-file secret.txt
              hookline listen --status 503                  # always refuses
              hookline listen --fail-rate 0.3 --delay 2s    # is slow, and fails three times out of ten
            """)

    @Option(help: "The TCP port; 0 lets the system choose.")
    var port = 8088

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @OptionGroup
    var secret: SecretOptions

    @Flag(name: .customLong("ignore-timestamp"), help: "Take deliveries of any age for valid.")
    var ignoresTimestamp = false

    @Option(help: "The status of each answer.")
    var status = 204

    @Option(help: ArgumentHelp("How long to wait before each answer, such as 200ms.", valueName: "time"))
    var delay = DurationArgument(.zero)

    @Option(
        name: .customLong("fail-rate"),
        help: ArgumentHelp("The share of deliveries to answer with 500, from 0 to 1.", valueName: "share"))
    var failRate = 0.0

    @Flag(help: "Print bodies on one line, as they came.")
    var compact = false

    @Flag(help: "Print no bodies.")
    var quiet = false

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func validate() throws {
        guard (200...599).contains(status) else { throw ValidationError("--status is a number from 200 to 599.") }
        guard (0...1).contains(failRate) else { throw ValidationError("--fail-rate is a number from 0 to 1.") }
        guard (0...65_535).contains(port) else { throw ValidationError("--port is a number from 0 to 65535.") }
    }

    func run() async throws {
        let verifier =
            secret.isGiven
            ? SignatureVerifier(
                secrets: try secret.secrets(), bodyHeader: secret.bodyHeader, ignoresTimestamp: ignoresTimestamp) : nil
        let receiver: Receiver
        do {
            receiver = try await Receiver.bind(host: host, port: port)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            Console.note("hookline: port \(port) of \(host) is taken; choose another one with --port")
            throw ExitStatus.failed
        }
        let style = TextStyle.forDescriptor(STDOUT_FILENO)
        let isForTerminal = Console.isTerminal(STDOUT_FILENO)
        let printer = DeliveryPrinter(
            style: style, body: quiet ? .none : compact || !isForTerminal ? .compact : .pretty, printsJSON: json)
        greet(receiver, isVerifying: verifier != nil)
        let counts = Mutex((received: 0, notValid: 0))
        try await withReceiver(receiver, verifier: verifier, printer: printer) { isValid in
            counts.withLock { counts in
                counts.received += 1
                if !isValid { counts.notValid += 1 }
            }
        }
        let total = counts.withLock { $0 }
        Console.note(
            "\n\(total.received) received" + (total.notValid > 0 ? ", \(total.notValid) of them not valid" : ""))
    }

    private func greet(_ receiver: Receiver, isVerifying: Bool) {
        // With --json standard output is for programs only.
        let say = json ? Console.note : Console.print
        let style = TextStyle.forDescriptor(json ? STDERR_FILENO : STDOUT_FILENO)
        say("Listening on \(style.bold(receiver.url)) (Ctrl-C ends)")
        if !isVerifying {
            say(style.dim("Without --secret-file nothing is verified. A webhook's secret is shown when it is added:"))
            say(style.dim("  hookline webhooks add \(receiver.url) --tenant TENANT --event '*'"))
        }
    }

    private func withReceiver(
        _ receiver: Receiver, verifier: SignatureVerifier?, printer: DeliveryPrinter,
        count: @escaping @Sendable (_ isValid: Bool) -> Void
    ) async throws {
        let status = status
        let delay = delay.duration
        let failRate = failRate
        _ = try await Interruption.cancelling {
            try await receiver.run { request in
                let now = WallClock.milliseconds()
                let verdict = verifier?.verify(headers: request.headers, body: request.body, now: now / 1_000)
                let fails = failRate > 0 && Double.random(in: 0..<1) < failRate
                let answer = ReceiverAnswer(status: fails ? 500 : status, delay: delay)
                count(verdict?.isValid ?? true)
                Console.print(printer.text(of: request, at: now, verdict: verdict, answer: answer))
                return answer
            }
        }
    }
}
