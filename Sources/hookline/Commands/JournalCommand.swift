import AdminAPI
import ArgumentParser
import Logging
import Relay
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

/// Which state directory.
struct StateDirectoryOptions: ParsableArguments {
    @Option(name: .customLong("state-dir"), help: ArgumentHelp("The state directory.", valueName: "directory"))
    var stateDirectory: String?

    private static let installed = "/var/lib/hookline"

    var inspection: JournalInspection {
        let paths = RelayPaths.find(
            stateDirectory: stateDirectory, runtimeDirectory: nil, environment: ConfigurationSource.environment)
        let isInstalled =
            stateDirectory == nil && Console.environment("HOOKLINE_STATE_DIR") == nil
            && (try? ReadOnlyDisk().attributes(of: Self.installed)) != nil  // Not being there is the answer.
        let logger = Logger(label: "hookline") { _ in SwiftLogNoOpLogHandler() }
        return JournalInspection(
            stateDirectory: isInstalled ? Self.installed : paths.stateDirectory, logger: logger)
    }

    /// Does something with it, and tells why it can't.
    func perform<Answer>(_ body: (JournalInspection) throws -> Answer) throws -> Answer {
        let inspection = inspection
        do {
            return try body(inspection)
        } catch let error as DiskError where error.isMissing {
            FailureText.print(
                "hookline: there is no journal in \(inspection.stateDirectory) (\(error)): name the directory with --state-dir"
            )
        } catch let error as DiskError where error.isNotPermitted {
            FailureText.print("hookline: \(error): run it as root or as the daemon's own user (sudo -u hookline …)")
        } catch let error as DiskError {
            FailureText.print("hookline: \(error)")
        } catch let refusal as StorageRefusal {
            FailureText.print("hookline: \(refusal)")
        }
        throw ExitStatus.failed
    }
}

extension JournalCommand {
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Reads everything, and tells what is damaged and what to do.",
            discussion: """
                Exit status: 0 all is well, 1 something is damaged, missing, or would keep the daemon from starting.
                """)

        @OptionGroup var directory: StateDirectoryOptions

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let (facts, path) = try directory.perform { (try $0.read(), $0.stateDirectory) }
            let report = JournalReport(facts, stateDirectory: path)
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
            discussion: "With --segment the records of one segment, a line each. Payloads and secrets are never shown.")

        @OptionGroup var directory: StateDirectoryOptions

        @Option(help: ArgumentHelp("The records of the segment with this number.", valueName: "ordinal"))
        var segment: UInt64?

        @Flag(help: "Print JSON.")
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
            discussion: """
                Each line is as it could be sent again: "hookline journal export | hookline send". With --details it also \
                tells who sent it, and what has become of it, and is not for sending. Exit status: 1 if records were \
                damaged and left out; how many is told on standard error.
                """)

        @OptionGroup var directory: StateDirectoryOptions
        @OptionGroup var filter: ExportFilter

        @Flag(help: "Add who sent it and which webhooks it goes to.")
        var details = false

        func run() async throws {
            let damage = try directory.perform { try EventExport(filter: filter, details: details).run($0) }
            guard !damage.isEmpty else { return }
            for stretch in damage { Console.note("hookline: \(stretch)") }
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

    @Option(help: ArgumentHelp("Only those accepted since: 2h ago, or RFC 3339.", valueName: "time"))
    var since: TimeArgument?

    @Option(help: ArgumentHelp("Only those accepted before.", valueName: "time"))
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
