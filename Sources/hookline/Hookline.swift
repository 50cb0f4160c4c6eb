import ArgumentParser
import Glibc
import RelayCore

/// The executable: one subcommand for each thing that a person or a unit does with it.
///
/// Exit status: 0 done; 1 failed; 64 wrong usage (ArgumentParser's own); 69 the daemon can't be reached; 78 configuration
/// error. See ``ExitStatus``.
@main
struct Hookline: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hookline",
        abstract: "A webhook relay for one host: lines of JSON in, signed hooks out.",
        discussion: """
            Programs write events to a Unix socket; Hookline keeps them on disk and delivers them to the webhooks that \
            want them, again and again until they arrive.

            "hookline demo" shows all of it in a few seconds, without touching anything on this machine.
            """,
        version: HooklineVersion.text,
        subcommands: [DemoCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Daemon",
                subcommands: [ServeCommand.self, CheckCommand.self, StatusCommand.self, TopCommand.self]),
            CommandGroup(
                name: "Everyday",
                subcommands: [
                    SendCommand.self, WebhooksCommand.self, EventsCommand.self, TenantsCommand.self, PauseCommand.self,
                    ResumeCommand.self, KeysCommand.self,
                ]),
            CommandGroup(name: "Offline", subcommands: [JournalCommand.self, ResealCommand.self]),
            CommandGroup(name: "Receiver", subcommands: [ListenCommand.self, VerifyCommand.self]),
        ])

    /// On the main thread, where the daemon's command stays: Swift's global executor, with which all others go on, costs a
    /// wake-up every second. See ``TaskThread``.
    @MainActor
    static func main() async {
        // libdispatch asks for a nice value of -4 for the thread behind its timers and signals. The kernel gives that to
        // root alone, and the library tells the system's log of it in each process of everybody else: nothing to be done
        // about it, and nothing lost by it. It says nothing else that the commands don't say themselves.
        setenv("LIBDISPATCH_LOG", "NO", 0)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }
}
