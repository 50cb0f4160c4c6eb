import AdminAPI
import ArgumentParser
import RelayCore
import Storage

/// `hookline journal`: a state directory, looked at without a daemon and without changing anything.
struct JournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Looks into a state directory: damage, counts, events.",
        discussion: """
            Reads the files themselves, whether or not a daemon is running, and changes nothing. The directory is that of \
            --state-dir, else /var/lib/hookline if it is there, else the one that "hookline serve" would use.
            """,
        subcommands: [Check.self, Inspect.self, Export.self])
}

extension JournalCommand {
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Reads everything, and tells what is damaged and what to do.",
            usage: "hookline journal check [<options>]",
            discussion: """
                Every finding names the file, the bytes, and the events that are lost with them where that can be told. \
                Events are counted by their sequences, as in "journal inspect --segment".

                Exit status: 0 all is well, 1 something is damaged or missing, or a start would fail.
                """)

        @OptionGroup var directory: StateDirectoryOptions

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let report = try directory.perform { try JournalReport($0) }
            if json {
                Console.write(JSONWriter.compact(report.json) + [0x0A], to: 1)
            } else {
                for line in report.lines(style: .forDescriptor(1)) { Console.print(line) }
            }
            guard report.isWell else { throw ExitStatus.failed }
        }
    }

    struct Inspect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inspect",
            abstract: "Counts what is in the journal: segments, events, webhooks' backlogs.",
            usage: "hookline journal inspect [<options>]",
            discussion: """
                Webhooks are shown as a start would find them. With --segment the records of one segment, a line each. \
                Payloads and secrets are never shown.
                """)

        @OptionGroup var directory: StateDirectoryOptions

        @Option(help: ArgumentHelp("The records of the segment with this number.", valueName: "ordinal"))
        var segment: UInt64?

        @Flag(help: "Print JSON; with --segment an object a line.")
        var json = false

        func run() async throws {
            if let segment {
                try directory.perform { try SegmentListing(ordinal: segment, json: json).print($0) }
                return
            }
            let summary = try directory.perform { try JournalSummary($0) }
            if json {
                Console.write(JSONWriter.compact(summary.json) + [0x0A], to: 1)
            } else {
                for line in summary.lines(width: Screen.width, style: .forDescriptor(1)) { Console.print(line) }
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Prints events, a JSON object a line, oldest first.",
            usage: "hookline journal export [<options>]",
            discussion: """
                Each line is as it can be sent again, with its id and its time:

                  hookline journal export --tenant acme --since 2h | hookline send

                With --details it also tells who sent it and what has become of it, and is not for sending.

                Exit status: 1 if events may be missing from it, since records are damaged or segments not there; \
                standard error says which.
                """)

        @OptionGroup var directory: StateDirectoryOptions
        @OptionGroup var filter: ExportFilter

        @Flag(help: "Add who sent it, and how its deliveries stand.")
        var details = false

        func run() async throws {
            let outcome = try directory.perform {
                try EventExport(inspection: $0, filter: filter, details: details).run()
            }
            guard !outcome.findings.isEmpty else { return }
            for finding in outcome.findings { Console.note("hookline: \(PrintableText.of(finding.text))") }
            let count = outcome.damagedStretches
            if count > 0 { Console.note("hookline: \(count) damaged \(count == 1 ? "stretch" : "stretches") left out") }
            throw ExitStatus.failed
        }
    }
}

/// Which events are exported.
struct ExportFilter: ParsableArguments {
    @Option(help: ArgumentHelp("Only this tenant's.", valueName: "tenant"))
    var tenant: String?

    @Option(help: ArgumentHelp("Only of these types: a type, application.*, or *.", valueName: "pattern"))
    var event: [String] = []

    @Option(help: ArgumentHelp("Only the event with this id.", valueName: "id"))
    var id: String?

    @Option(
        help: ArgumentHelp("Only those accepted since then: RFC 3339, or how long ago, such as 2h.", valueName: "time"))
    var since: TimeArgument?

    @Option(help: ArgumentHelp("Only those accepted before then.", valueName: "time"))
    var until: TimeArgument?

    @Flag(help: "Only those that some webhook has not got yet.")
    var pending = false

    func validate() throws {
        for pattern in event where EventPattern(pattern) == nil {
            throw ValidationError(
                "\"\(pattern)\" is no event type or pattern, such as job.created, application.* or *.")
        }
    }
}
