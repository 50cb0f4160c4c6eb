import AdminAPI
import CLinuxShims
package import Cryptography
import Delivery
import Glibc
import Ingest
package import Logging
import NIOCore
import NIOPosix
import RelayCore
import Storage
import Systemd

/// The daemon: puts the parts together, starts them in order, and stops them in the opposite one.
///
/// Start: state directory locked ▶ registrations and journal recovered ▶ deliveries ▶ sockets ▶ ready.
/// Stop: deliveries drain, events are still taken ▶ producers' last lines taken and answered ▶ attempts broken off, what
/// has happened saved ▶ journal closed ▶ snapshot written.
package struct RelayServer: Sendable {
    private let configuration: Configuration
    private let paths: RelayPaths
    private let logger: Logger
    private let options: Options
    private let orders: AsyncStream<Order>
    private let orderSink: AsyncStream<Order>.Continuation

    /// What only the command line says.
    package struct Options: Sendable {
        /// Starts with no webhooks where their snapshot is damaged or missing.
        package var withoutRegistrations = false
        /// Starts with an empty journal although there are registered webhooks.
        package var withoutJournal = false
        /// Seals the webhooks' secrets on disk; nil: they are written as they are.
        package var masterKey: MasterKey?
        /// Where its tasks run; nil: on Swift's global executor.
        package var executor: (any TaskExecutor)?

        package init() {}
    }

    /// `FileDescriptorName=` of the socket units.
    private static let eventsName = "events"
    private static let apiName = "api"
    /// How long deliveries of the last lines that were taken may drain, if receivers that hang have used up all the time.
    private static let lastDrain: Duration = .milliseconds(250)

    /// How long the rest of a stop may take once deliveries have drained: producers' last lines, and the journal's.
    private static let stopExtension = Duration.seconds(30)

    private enum Order: Sendable {
        case stop
        case reload(Configuration)
        case reloadFailed(String)
    }

    package init(configuration: Configuration, paths: RelayPaths, logger: Logger, options: Options = Options()) {
        self.configuration = configuration
        self.paths = paths
        self.logger = logger
        self.options = options
        (orders, orderSink) = AsyncStream.makeStream()
    }

    /// Lets ``run(onReady:)`` drain and return.
    package func stop() { orderSink.yield(.stop) }

    /// Takes other settings over while running.
    package func reload(_ configuration: Configuration) { orderSink.yield(.reload(configuration)) }

    /// Tells the service manager that a reload was asked for and came to nothing: the old settings stay.
    package func reloadFailed(_ reason: String) { orderSink.yield(.reloadFailed(reason)) }

    /// Runs until ``stop()`` or until its task is cancelled.
    ///
    /// - Parameter onReady: called once, when both sockets accept.
    /// - Throws: ``StorageRefusal``, ``KeyRefusal`` or ``DiskError``: what stands in the way of a start.
    package func run(onReady: @Sendable @escaping () -> Void) async throws {
        let directory = try StateDirectory(paths.stateDirectory)
        let passed = PassedSockets.take([Self.eventsName, Self.apiName])
        for reason in passed.rejected {
            logger.warning("a socket from systemd is of no use: it is closed", metadata: ["socket": "\(reason)"])
        }
        if passed.descriptors.count < 2 {
            try StateDirectory.make(paths.runtimeDirectory, isStrict: paths.isRuntimeShared)
        }
        let notifier = ServiceNotifier()
        let bell = AlarmBell()
        let supervisor = Supervisor(notifier: notifier, bell: bell, logger: logger)
        // Without the switch for it there is but the disk itself.
        let hangingDisk = FaultSwitch().map { _ in HangingDisk(SystemDisk()) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2 + RelayParts.senderCount)
        let threads = NIOThreadPool(numberOfThreads: RelayParts.readerCount)
        let lookUps = NIOThreadPool(numberOfThreads: 1)
        let scans = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        lookUps.start()
        scans.start()
        var failure: (any Error)?
        do {
            let deliveryLoop = group.next()
            let senderLoops = (0..<RelayParts.senderCount).map { _ in group.next() }
            let start = RelayStart(
                configuration: configuration, paths: paths, directory: directory, options: options,
                deliveryLoop: deliveryLoop, senderLoops: senderLoops, threads: threads, lookUps: lookUps, scans: scans,
                logger: logger,
                hangingDisk: hangingDisk, progress: StartProgress(notifier: notifier))
            let parts = try await start.assemble()
            let (apiEcho, registrarEcho) = (Echo(), Echo())
            // Deliveries have the other loops for themselves.
            let apiLoop = group.next()
            let probes = parts.probes(
                supervisor, bell: bell, senderLoops: senderLoops, apiLoops: [apiLoop], apiEcho: apiEcho,
                registrarEcho: registrarEcho,
                disk: hangingDisk)
            try await serve(
                parts, passed, apiLoop: apiLoop, supervisor, probes, echoes: [apiEcho, registrarEcho], onReady: onReady)
        } catch {
            failure = error
        }
        // Nothing uses them any more; that they end is all there is to it.
        try? await threads.shutdownGracefully()
        try? await lookUps.shutdownGracefully()
        try? await scans.shutdownGracefully()
        try? await group.shutdownGracefully()
        withExtendedLifetime(directory) {}
        if let failure { throw failure }
    }

    private func serve(
        _ parts: RelayParts, _ passed: PassedSockets, apiLoop: any EventLoop, _ supervisor: Supervisor,
        _ probes: [LoopProbe], echoes: [Echo], onReady: @Sendable @escaping () -> Void
    ) async throws {
        var intakeThread: WorkThread?
        var supervisorThread: WorkThread?
        var made: [String] = []
        let result: Result<Void, any Error> = await withTaskGroup(of: (any Error)?.self) { group in
            group.addTask {
                await parts.registrar.run()
                return nil
            }
            group.addTask {
                await parts.eraser.run()
                return nil
            }
            group.addTask {
                await parts.operations.run()
                return nil
            }
            group.addTask {
                await parts.replayer.run()
                return nil
            }
            for echo in echoes {
                group.addTask {
                    await echo.run()
                    return nil
                }
            }
            do {
                let (ready, apiIsReady) = AsyncStream.makeStream(of: Void.self)
                // A socket of systemd's stays when this process ends, and connections wait in it for the next one.
                func listen(_ name: String, _ path: String, mode: mode_t) throws(StorageRefusal) -> Int32 {
                    if let descriptor = passed.descriptors[name] { return descriptor }
                    let descriptor = try ListeningSocket.make(path, mode: mode)
                    made.append(path)
                    return descriptor
                }
                let events = try listen(Self.eventsName, paths.eventsSocket, mode: 0o660)
                let apiSocket = try listen(Self.apiName, paths.apiSocket, mode: 0o600)
                var doors = [(Door.socket, apiSocket)]
                if let endpoint = configuration.apiEndpoint {
                    doors.append((.tcp, try ListeningSocket.make(endpoint, for: "api.listen")))
                }
                for (door, descriptor) in doors {
                    let api = APIServer(
                        administration: parts.administration, answers: parts.answers, version: HooklineVersion.text,
                        logger: logger, group: apiLoop, door: door, executor: options.executor)
                    group.addTask {
                        do {
                            try await api.run(listening: descriptor) { apiIsReady.yield() }
                            return nil
                        } catch {
                            apiIsReady.finish()
                            return error
                        }
                    }
                }
                for await _ in ready.prefix(doors.count) {}
                intakeThread = WorkThread(name: "ingest") {
                    parts.ingest.run(listener: events, intake: parts.intake, settings: parts.ingestSettings)
                    close(events)
                }
                parts.administration.setAccepting(true)
                logger.notice(
                    "ready",
                    metadata: [
                        LogMessage.key: "\(LogMessage.ready)",
                        "events": "\(passed.descriptors[Self.eventsName] == nil ? paths.eventsSocket : "from systemd")",
                        "api": "\(passed.descriptors[Self.apiName] == nil ? paths.apiSocket : "from systemd")",
                        "state": "\(paths.stateDirectory)", "version": "\(HooklineVersion.text)",
                    ])
                if !configuration.api.listen.isEmpty {
                    logger.notice("the API listens on TCP", metadata: ["address": "\(configuration.api.listen)"])
                }
                if supervisor.isWanted { supervisorThread = await supervise(parts, supervisor, probes) }
                onReady()
                hookline_release_memory()
                hookline_release_code()
            } catch {
                await stop(parts, intakeThread, drain: .zero, supervisor)
                group.cancelAll()
                return .failure(error)
            }
            let drain = await obeyOrders(parts, supervisor)
            supervisor.stopping("deliveries drain")
            logger.notice("stopping")
            parts.administration.setAccepting(false)
            await stop(parts, intakeThread, drain: Task.isCancelled ? .zero : drain, supervisor)
            if let supervisorThread {
                supervisor.end()
                await parts.join(supervisorThread)
            }
            group.cancelAll()
            return .success(())
        }
        // What somebody else has at these paths is not ours to remove.
        for path in made { unlink(path) }
        try result.get()
    }

    /// Tells the service manager that the daemon is ready, and from then on how it is.
    private func supervise(_ parts: RelayParts, _ supervisor: Supervisor, _ probes: [LoopProbe]) async -> WorkThread {
        let administration = parts.administration
        parts.board.listen { supervisor.note(trouble: $0) }
        supervisor.note(trouble: parts.board.trouble)
        await parts.pump.ask { pump in
            pump.onState = { supervisor.noteChange() }
            administration.note(pump, for: supervisor)
        }
        supervisor.ready()
        let pump = parts.pump
        return WorkThread(name: "supervisor") {
            supervisor.run(probes) { pump.tell { administration.note($0, for: supervisor) } }
        }
    }

    /// Follows orders until the one to stop.
    ///
    /// - Returns: how long deliveries may drain.
    private func obeyOrders(_ parts: RelayParts, _ supervisor: Supervisor) async -> Duration {
        var current = configuration
        for await order in orders {
            switch order {
            case .stop:
                return current.delivery.drainTimeout
            case .reloadFailed(let reason):
                logger.error(
                    "configuration not reloaded: the old settings stay",
                    metadata: [LogMessage.key: "\(LogMessage.notReloaded)", "error": "\(reason)"])
                supervisor.reloading()
                supervisor.reloaded("configuration not reloaded, the old settings stay: \(reason)")
            case .reload(let configuration):
                supervisor.reloading()
                let later = configuration.changesNeedingRestart(from: current)
                await parts.use(configuration, logger: logger)
                current = configuration
                if later.isEmpty {
                    logger.notice("configuration reloaded", metadata: [LogMessage.key: "\(LogMessage.reloaded)"])
                } else {
                    logger.warning(
                        "configuration reloaded; some settings count from the next restart on",
                        metadata: [
                            LogMessage.key: "\(LogMessage.reloaded)",
                            "keys": "\(later.joined(separator: ", "))",
                        ])
                }
                supervisor.reloaded(
                    later.isEmpty
                        ? "configuration reloaded"
                        : "configuration reloaded, but for \(later.joined(separator: ", ")): these need a restart")
            }
        }
        return current.delivery.drainTimeout
    }

    private func stop(
        _ parts: RelayParts, _ intakeThread: WorkThread?, drain: Duration, _ supervisor: Supervisor
    ) async {
        // What there is to tell is delivered with the rest, as far as there is time.
        if intakeThread != nil { await parts.tellLastNews() }
        let drained = ContinuousClock.now + drain
        await parts.drain(for: drain) { inFlight in
            supervisor.extendStop(
                by: Self.stopExtension,
                "deliveries drain, at most \(drain); attempts in flight: \(inFlight)")
        }
        if let intakeThread {
            await parts.tellLastNews()
            parts.ingest.stop()
            await parts.join(intakeThread)
            // What came in the meantime goes out as well: an attempt that is broken off is made again after the start,
            // and its receiver gets the event twice.
            if drain > .zero { await parts.drain(for: max(drained - ContinuousClock.now, Self.lastDrain)) }
        } else {
            parts.ingest.end()
        }
        await parts.registrar.stopPump()
        parts.keeper.close()
        parts.journal.close()
        await parts.join(parts.journalThread)
        await parts.join(parts.keeperThread)
        await parts.registrar.save()
        logger.notice("stopped", metadata: [LogMessage.key: "\(LogMessage.stopped)"])
    }
}
