import ArgumentParser
import Cryptography
import Dispatch
import Glibc
import Logging
import Relay
import RelayCore
import Storage
import Systemd

/// `hookline serve`: the daemon in the foreground.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the relay in the foreground.", usage: "hookline serve [<options>]",
        discussion: """
            Events come in on events.sock and the HTTP API answers on api.sock, both in the runtime directory; all that \
            must survive is in the state directory. Without flags: HOOKLINE_STATE_DIR and HOOKLINE_RUNTIME_DIR, then \
            systemd's directories, then $XDG_STATE_HOME/hookline (~/.local/state/hookline) and \
            $XDG_RUNTIME_DIR/hookline (/tmp/hookline-UID).

            With the systemd credential hookline.master-key (the file of that name in $CREDENTIALS_DIRECTORY: 32 bytes, or \
            their base64) the webhooks' secrets are sealed on disk. See "hookline reseal".

            SIGTERM drains and stops, SIGHUP reads the configuration again. Exit status: 1 if it can't run, 78 if the \
            configuration is wrong, or the secrets on disk are sealed and the key is another one.
            """)

    @OptionGroup var source: ConfigurationSource

    @Option(name: .customLong("state-dir"), help: "Directory of journal and registrations.")
    var stateDirectory: String?

    @Option(name: .customLong("runtime-dir"), help: "Directory of events.sock and api.sock.")
    var runtimeDirectory: String?

    @Flag(help: "Begin with no webhooks, when their snapshot is lost for good.")
    var withoutRegistrations = false

    @Flag(help: "Begin with an empty journal, when the one that belongs to the registered webhooks is lost for good.")
    var withoutJournal = false

    func run() throws {
        let environment = ConfigurationSource.environment
        let (configuration, masterKey) = try loadOrExit(environment)
        let level = LogLevel(configuration.log.level)
        let journal = JournalSink()
        let logger = Logger(label: "hookline") { _ in RelayLogHandler(level: level.value, journal: journal) }
        // What was logged before the end reaches the journal, if that takes it.
        defer { journal?.flush(within: .seconds(1)) }
        let paths = RelayPaths.find(
            stateDirectory: stateDirectory, runtimeDirectory: runtimeDirectory, environment: environment)
        // A producer or receiver that is gone is told by the call that meets it.
        signal(SIGPIPE, SIG_IGN)
        // Connections, receivers and segments take a descriptor each.
        DescriptorLimit.raise()
        var options = RelayServer.Options()
        options.withoutRegistrations = withoutRegistrations
        options.withoutJournal = withoutJournal
        options.masterKey = masterKey
        let tasks = TaskThread(name: "tasks")
        options.executor = tasks
        let server = RelayServer(configuration: configuration, paths: paths, logger: logger, options: options)
        let signals = watchSignals(server, environment)
        defer { for source in signals { source.cancel() } }
        do {
            try tasks.wait { try await server.run(onReady: {}) }
        } catch let refusal as KeyRefusal {
            // The state is as it should be, and the settings are not: starting again is of no use.
            StartFailure(reason: "\(refusal)", errno: nil).tell(logger, hasJournal: journal != nil)
            throw ExitStatus.configuration
        } catch {
            StartFailure(reason: "\(error)", errno: (error as? DiskError)?.code).tell(
                logger, hasJournal: journal != nil)
            throw ExitStatus.failed
        }
    }

    /// A wrong configuration is told to whoever reads the journal, too.
    private func loadOrExit(_ environment: [String: String]) throws -> (Configuration, MasterKey?) {
        do {
            return (try source.load(environment), try MasterKeyFile.credential(environment))
        } catch let failure as ConfigurationErrors {
            let journal = JournalSink()
            defer { journal?.flush(within: .seconds(1)) }
            let logger = Logger(label: "hookline") { _ in RelayLogHandler(level: .info, journal: journal) }
            for error in failure.errors { FailureText.print("\(error)") }
            let reason = failure.errors.map { "\($0)" }.joined(separator: "; ")
            StartFailure(reason: reason, errno: nil, isTold: true).tell(logger, hasJournal: journal != nil)
            throw ExitStatus.configuration
        }
    }

    private func watchSignals(
        _ server: RelayServer, _ environment: [String: String]
    ) -> [any DispatchSourceSignal] {
        let queue = DispatchQueue(label: "signals")
        func watch(_ number: Int32, _ body: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
            // What a dispatch source watches must not act by itself.
            signal(number, SIG_IGN)
            let watcher = DispatchSource.makeSignalSource(signal: number, queue: queue)
            watcher.setEventHandler(handler: body)
            watcher.resume()
            return watcher
        }
        let source = source
        return [
            watch(SIGTERM) { server.stop() },
            watch(SIGINT) { server.stop() },
            watch(SIGHUP) {
                do {
                    server.reload(try source.load(environment))
                } catch {
                    server.reloadFailed("\(error)")
                }
            },
        ]
    }
}
