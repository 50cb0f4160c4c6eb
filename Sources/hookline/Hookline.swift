import ArgumentParser
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
            CommandGroup(name: "Daemon", subcommands: [ServeCommand.self, CheckCommand.self, StatusCommand.self]),
            CommandGroup(
                name: "Everyday",
                subcommands: [
                    SendCommand.self, WebhooksCommand.self, EventsCommand.self, TenantsCommand.self, PauseCommand.self,
                    ResumeCommand.self,
                ]),
            CommandGroup(name: "Offline", subcommands: [JournalCommand.self, ResealCommand.self]),
            CommandGroup(name: "Receiver", subcommands: [ListenCommand.self, VerifyCommand.self]),
        ])
}
