import ArgumentParser
import Glibc
import RelayCore

/// `hookline verify`: whether a delivery's signatures are good, and why not.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks a delivery's signatures and says why one fails.",
        usage: "hookline verify [<options>] [<file>]",
        discussion: """
            The body is read from a file or standard input and must be the bytes as received, without a line end that an \
            editor adds. Give the headers that came with it:

              hookline verify --secret-file secret.txt --ignore-timestamp \\
                --header X-HiresScope-Signature=da4c870a… \\
                --header webhook-id=evt_01JD… --header webhook-timestamp=1777732330 \\
                --header 'webhook-signature=v1,l8aQhA55…' body.json

            Exit status: 0 valid, 1 not.
            """)

    @OptionGroup
    var secret: SecretOptions

    @Option(
        name: .customLong("header"),
        help: ArgumentHelp("A header as received; may be given several times.", valueName: "name=value"))
    var headers: [ReceivedHeader] = []

    @Flag(
        name: .customLong("ignore-timestamp"),
        help: "Don't care for how old it is; otherwise more than 5 minutes is not valid.")
    var ignoresTimestamp = false

    @Flag(help: "Print the result as a JSON object.")
    var json = false

    @Argument(help: ArgumentHelp("The body's file; \"-\" or nothing is standard input.", valueName: "file"))
    var file = "-"

    /// The largest body: a line of 16 MiB and its envelope.
    private static let bodyBytesMax = 17 * 1024 * 1024

    func validate() throws {
        if !secret.isGiven { throw ValidationError("Give the webhook's secret with --secret-file FILE.") }
        if secret.file == "-" && file == "-" {
            throw ValidationError("The secret and the body can't both come from standard input.")
        }
    }

    func run() async throws {
        let secrets: [WebhookSecret]
        let body: [UInt8]
        do {
            secrets = try secret.secrets()
        } catch let problem as SecretFormatProblem {
            try show(valid: [], problems: ["\(problem)"])
            return
        }
        body = try FileInput.wholeFile(file, bytesMax: Self.bodyBytesMax)
        let verifier = SignatureVerifier(
            secrets: secrets, bodyHeader: secret.bodyHeader, ignoresTimestamp: ignoresTimestamp)
        let verdict = verifier.verify(
            headers: headers.map { ($0.name, $0.value) }, body: body, now: WallClock.milliseconds() / 1_000)
        switch verdict {
        case .valid(let headers): try show(valid: headers, problems: [])
        case .invalid(let problems):
            var texts = problems.map(\.description)
            if body.last == UInt8(ascii: "\n"), problems.contains(where: \.isMismatch) {
                texts.append("the body ends in a line feed, which deliveries don't: did an editor or \"echo\" add it?")
            }
            try show(valid: [], problems: texts)
        }
    }

    private func show(valid headers: [String], problems: [String]) throws {
        if json {
            let reasons = problems.map(LooseJSON.quoted).joined(separator: ",")
            let names = headers.map(LooseJSON.quoted).joined(separator: ",")
            Console.print("{\"valid\":\(problems.isEmpty),\"headers\":[\(names)],\"reasons\":[\(reasons)]}")
        } else if problems.isEmpty {
            Console.print("valid (\(headers.joined(separator: ", ")))")
        } else {
            Console.print("not valid")
            for problem in problems { Console.print("  \(PrintableText.of(problem))") }
        }
        if !problems.isEmpty { throw ExitStatus.failed }
    }
}

/// A header on the command line: `Name=value`, or `Name: value` as it is copied from elsewhere.
struct ReceivedHeader: ExpressibleByArgument, Equatable {
    let name: String
    let value: String

    init?(argument: String) {
        guard let separator = argument.firstIndex(where: { $0 == "=" || $0 == ":" }) else { return nil }
        name = String(argument[..<separator])
        value = String(argument[argument.index(after: separator)...].drop { $0 == " " })
        if name.isEmpty { return nil }
    }
}
