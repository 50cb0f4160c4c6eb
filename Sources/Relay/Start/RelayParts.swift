import Glibc
import Ingest
import Logging
import NIOCore
import NIOPosix
import RelayCore
import Storage

/// The parts of a running relay.
struct RelayParts: Sendable {
    /// Threads that read events back.
    static let readerCount = 2

    /// Loops for connections to receivers beside the one that schedules deliveries, which carries some too and leaves a
    /// processor's time for all that is not deliveries.
    static let senderCount = min(3, max(0, System.coreCount - 1))

    let journal: Journal
    let journalThread: WorkThread
    let pump: PumpHandle
    let ingest: IngestLoop
    let intake: EventIntake
    let ingestSettings: IngestSettings
    let registrar: Registrar
    let administration: RelayAdministration
    let threads: NIOThreadPool
    let keeper: JournalKeeper
    let keeperThread: WorkThread
    let eraser: EventEraser
    let replayer: EventReplayer
    let board: HealthBoard
    let operations: OperationalEvents
    let answers: AnswerKeeper

    /// Takes changed settings over.
    func use(_ configuration: Configuration, logger: Logger) async {
        let catalogue = EventCatalogue(extra: configuration.events.extra)
        let policy = configuration.addressPolicy
        administration.use(
            RegistrationRules(
                catalogue: catalogue, egress: policy, signatureHeader: configuration.signing.header))
        let settings = configuration.schedulerSettings
        let proxy = configuration.egress.tunnel
        await pump.ask { $0.use(settings, policy, proxy) }
        await registrar.use(catalogue, TargetSettings(signatureHeader: configuration.signing.header))
        ingest.use(configuration.ingestSettings(logger: logger))
        administration.use(journalMaxBytes: configuration.journal.maxBytes)
        keeper.use(configuration.journal, dedupeWindow: configuration.ingest.dedupeWindow)
    }

    /// Waits until nothing is in flight or ready to go, at most for a time. Runs to its end in a cancelled task too.
    ///
    /// - Parameter onWait: called about once a second with how many attempts are in flight.
    func drain(for duration: Duration, onWait: (Int) -> Void = { _ in }) async {
        let deadline = ContinuousClock.now + duration
        var nextWord = ContinuousClock.now + .seconds(1)
        while ContinuousClock.now < deadline {
            let (isDrained, inFlight) = await pump.ask { ($0.isDrained, $0.scheduler.inFlight) }
            if isDrained { return }
            if ContinuousClock.now >= nextWord {
                nextWord = ContinuousClock.now + .seconds(1)
                onWait(inFlight)
            }
            _ = await pump.pause(for: .milliseconds(10))
        }
    }

    /// Writes down what there is to tell, while events can still be written.
    func tellLastNews() async {
        await pump.ask { $0.flushGivenUp() }
        await operations.flush()
    }

    /// Waits for a thread's end without blocking the tasks' threads.
    func join(_ thread: WorkThread) async {
        // The pool is shut down after everything else.
        _ = try? await threads.runIfActive { thread.join() }
    }
}

extension Configuration {
    var schedulerSettings: DeliveryScheduler.Settings {
        DeliveryScheduler.Settings(
            maxInFlight: delivery.maxInFlight, maxInFlightPerWebhook: delivery.maxInFlightPerWebhook,
            timeout: delivery.timeout,
            retry: RetryPolicy(schedule: delivery.retrySchedule, maxAge: delivery.maxAge),
            backlogBytesPerWebhook: Int(clamping: journal.webhookBacklogMaxBytes),
            disableAfter: delivery.disableAfter)
    }

    func ingestSettings(logger: Logger) -> IngestSettings {
        IngestSettings(
            maxLineBytes: ingest.maxLineBytes, maxConnections: ingest.maxConnections,
            rules: ProducerRules(producers, logger: logger))
    }
}
