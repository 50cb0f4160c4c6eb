import CLinuxShims
import Cryptography
import Delivery
import Ingest
import Logging
import NIOCore
import NIOPosix
import RelayCore
import Storage
import Synchronization

/// Finds what was there before, and makes the parts go on from it.
struct RelayStart {
    let configuration: Configuration
    let paths: RelayPaths
    let directory: StateDirectory
    let options: RelayServer.Options
    let deliveryLoop: any EventLoop
    /// Further ones for connections to receivers.
    let senderLoops: [any EventLoop]
    let threads: NIOThreadPool
    let lookUps: NIOThreadPool
    let scans: NIOThreadPool
    let logger: Logger
    /// The disk, if it is one that can be made to hang.
    let hangingDisk: HangingDisk?
    let progress: StartProgress

    /// Segments of a journal that may be no larger than this share of it: room is made by whole segments.
    private static let segmentsPerJournal: Int64 = 16

    func assemble() async throws -> RelayParts {
        let disk: any Disk = hangingDisk ?? SystemDisk()
        let catalogue = EventCatalogue(extra: configuration.events.extra)
        let rotation = Bell()
        let trouble = Bell()
        let coding = options.masterKey.map { RegistrationCoding.sealed($0) } ?? .plain
        var snapshot = RegistrationSnapshot(stateDirectory: directory.path, disk: disk, coding: coding)
        // What the journal still holds of webhooks that are given up is overwritten by the next start.
        if options.withoutRegistrations { snapshot.scrubFrom = 1 } else { try sealSecrets(coding, disk) }
        var duplicates = DuplicateIndex(maxCount: configuration.ingest.dedupeMaxIDs)
        let segmentBytes = min(
            Int64(Limits.segmentBytes), max(64 * 1024, configuration.journal.maxBytes / Self.segmentsPerJournal))
        let start = ContinuousClock.now
        let opener = JournalOpener(
            directory: directory.journal, disk: disk, segmentBytes: Int(segmentBytes), logger: logger, coding: coding,
            onProgress: { [progress] in progress.note($0) })
        let board = HealthBoard()
        let syncs = SharedHistogram(.forSyncs)
        let recovered = try opener.open(
            eventsSince: Clock.wall() - configuration.ingest.dedupeWindow.milliseconds,
            hooks: JournalHooks(
                wall: { Clock.wall() }, monotonic: { Clock.monotonic() }, onRotation: { rotation.tell() },
                observeSync: { syncs.observe($0) },
                onFailure: { error in
                    board.set(disk: error)
                    trouble.tell()
                }),
            visit: { event, journal in
                guard let fingerprint = event.fingerprint(in: journal) else { return }
                duplicates.insert(fingerprint, sequence: event.sequence)
            })
        let indices = recovered.journal.indices(
            since: Clock.wall() - configuration.ingest.dedupeWindow.milliseconds)
        duplicates.hasUncovered = !indices.isEmpty
        report(recovered)
        let (table, savedRevision) = try recoverTable(snapshot, recovered, catalogue)
        logger.info(
            "recovered",
            metadata: [
                "webhooks": "\(table.count)", "events": "\(recovered.state.lastSequence)",
                "pending": "\(recovered.state.lanes.values.reduce(0) { $0 + $1.pending })",
                "took": "\(ContinuousClock.now - start)",
            ])

        let pump = try await makePump(recovered, table, catalogue)
        let journal = recovered.journal
        let journalThread = WorkThread(name: "journal") { journal.run() }
        let followers = EventFollowers(journal: journal.id) { [deliveryLoop] in await deliveryLoop.sleep(for: $0) }
        let store = JournalStore(journal: journal, pump: pump, followers: followers)
        let ingest = IngestLoop(store: store, wall: { Clock.wall() }, logger: logger)
        let tasks = JournalTasks(journal: journal, recovered: recovered.tasks)
        let registrar = Registrar(
            table: table, savedRevision: savedRevision,
            unsaved: recovered.changes.filter { $0.revision > savedRevision },
            journal: journal, snapshot: snapshot, coding: coding, pump: pump, ingest: ingest,
            tasks: tasks, threads: threads, targetSettings: targetSettings, logger: logger)
        rotation.set { registrar.noteRotation() }
        let operations = OperationalEvents(registrar: registrar, ingest: ingest, logger: logger)
        let administration = RelayAdministration(
            registrar: registrar, pump: pump, ingest: ingest, journal: journal, board: board,
            tasks: tasks, operations: operations, damage: recovered.damage, syncs: syncs, scans: scans,
            followers: followers,
            rules: RegistrationRules(
                catalogue: catalogue, egress: policy, signatureHeader: configuration.signing.header),
            journalMaxBytes: configuration.journal.maxBytes)
        let keeper = JournalKeeper(
            journal: journal, ingest: ingest, pump: pump, board: board, settings: configuration.journal,
            dedupeWindow: configuration.ingest.dedupeWindow, savedRevision: { registrar.savedRevision }, logger: logger)
        let keeperThread = WorkThread(name: "keeper") { keeper.run() }
        trouble.set { keeper.look() }
        keeper.loadIDs(indices, maxCount: configuration.ingest.dedupeMaxIDs)
        await pump.ask { pump in
            pump.onNews = { operations.post($0) }
            pump.onProgress = { keeper.noteProgress() }
            pump.onCheckpoint = { keeper.look() }
            pump.onMissingCheckpoint = { [deliveryLoop] in
                deliveryLoop.scheduleTask(in: .seconds(1)) { registrar.noteRotation() }
            }
        }
        let answers = AnswerKeeper(
            stateDirectory: directory.path, disk: disk, coding: coding, threads: threads, logger: logger)
        // A new segment begins with every start: from its checkpoint on the next start needs nothing older.
        registrar.noteRotation()
        return RelayParts(
            journal: journal, journalThread: journalThread, pump: pump, ingest: ingest,
            intake: EventIntake(
                table: table, duplicates: duplicates,
                dedupeWindow: configuration.ingest.dedupeWindow.milliseconds,
                nextSequence: recovered.state.lastSequence + 1, journal: journal.id),
            ingestSettings: configuration.ingestSettings(logger: logger), registrar: registrar,
            administration: administration, threads: threads, keeper: keeper,
            keeperThread: keeperThread,
            eraser: EventEraser(
                tasks: tasks, journal: journal, keeper: keeper, pump: pump, registrar: registrar, scans: scans,
                logger: logger),
            replayer: EventReplayer(
                tasks: tasks, journal: journal, pump: pump, registrar: registrar, scans: scans, logger: logger),
            board: board, operations: operations, answers: answers)
    }

    /// With a key and a state that is not sealed, or not wholly: seals it before anything else is done.
    private func sealSecrets(_ coding: RegistrationCoding, _ disk: any Disk) throws {
        guard let key = coding.keyID else { return }
        let sealing = StateSealing(
            stateDirectory: directory.path, disk: disk, logger: logger, onProgress: { [progress] in progress.note($0) })
        guard let outcome = try sealing.sealIfNeeded(coding, mayBeWithoutJournal: options.withoutJournal) else {
            return
        }
        logger.notice(
            "the webhooks' secrets are sealed",
            metadata: [
                "key": "\(key)", "webhooks": "\(outcome.webhooks)", "segments": "\(outcome.segments)",
                "records": "\(outcome.scrubbed)",
            ])
    }

    private var policy: AddressPolicy {
        configuration.addressPolicy
    }

    private var targetSettings: TargetSettings {
        TargetSettings(signatureHeader: configuration.signing.header)
    }

    private func makePump(
        _ recovered: RecoveredJournal, _ table: RegistrationTable, _ catalogue: EventCatalogue
    ) async throws -> PumpHandle {
        let verifier = try CertificateVerifier(authorities: configuration.egress.caFile)
        let resolver = Resolver(threads: lookUps)
        let settings = configuration.schedulerSettings
        let state = recovered.state
        let (journal, policy, targets) = (recovered.journal, policy, targetSettings)
        let proxy = configuration.egress.tunnel
        let shared = SharedLimits(senders: 1 + senderLoops.count)
        @Sendable func sender(on loop: any EventLoop) throws -> DeliverySender {
            try DeliverySender(
                loop: loop, resolver: resolver, verifier: verifier, policy: policy, proxy: proxy, journal: journal.id,
                shared: shared)
        }
        var senders: [SenderHandle] = []
        for loop in senderLoops {
            senders.append(try await loop.submit { SenderHandle(try sender(on: loop), loop: loop) }.get())
        }
        return try await deliveryLoop.submit { [deliveryLoop, threads, logger, senders] in
            let client = DeliveryClient(
                loop: deliveryLoop, own: try sender(on: deliveryLoop), others: senders, resolver: resolver)
            client.onQuiet = {
                hookline_release_memory()
                hookline_release_code()
            }
            let pump = DeliveryPump(
                loop: deliveryLoop, journal: journal, readers: threads, client: client,
                scheduler: DeliveryScheduler(settings: settings, seen: state.lastSequence), logger: logger)
            pump.setPaused(table.isPaused)
            for webhook in table.list(tenant: nil) {
                guard let target = targets.target(for: webhook) else { continue }
                pump.set(webhook, target: target, state: state.lanes[webhook.number])
            }
            return PumpHandle(pump, loop: deliveryLoop)
        }.get()
    }

    /// The snapshot's table with the changes since.
    private func recoverTable(
        _ snapshot: RegistrationSnapshot, _ recovered: RecoveredJournal, _ catalogue: EventCatalogue
    ) throws -> (RegistrationTable, savedRevision: UInt64) {
        if options.withoutRegistrations {
            logger.warning("starting without the registered webhooks, as the command line says")
            return (RegistrationTable(catalogue: catalogue, revision: recovered.state.revision + 1_000_000), 0)
        }
        return try RegistrationRecovery.table(
            snapshot, recovered, catalogue: catalogue, journalDirectory: directory.journal,
            mayBeWithoutJournal: options.withoutJournal)
    }

    private func report(_ recovered: RecoveredJournal) {
        for damage in recovered.damage {
            switch damage {
            case .bytes:
                logger.error(
                    "journal damaged: the records there are lost, everything around them is not",
                    metadata: [LogMessage.key: "\(LogMessage.journalDamaged)", "damage": "\(damage)"])
            case .missing:
                logger.error(
                    "journal incomplete: a file was removed by somebody else; put it back and restart to have its events",
                    metadata: [LogMessage.key: "\(LogMessage.journalIncomplete)", "damage": "\(damage)"])
            case .headerCopy:
                logger.warning(
                    "journal damaged, nothing is lost",
                    metadata: [LogMessage.key: "\(LogMessage.journalDamaged)", "damage": "\(damage)"])
            case .tail:
                logger.warning(
                    "the journal's end was cut off: what a crash left of a write that nobody was told had succeeded",
                    metadata: [LogMessage.key: "\(LogMessage.journalDamaged)", "damage": "\(damage)"])
            }
        }
        for name in recovered.foreign {
            logger.warning(
                "a file in the journal's directory is none of ours: left alone", metadata: ["name": "\(name)"])
        }
    }
}

/// Passes word on to whoever comes into being after the one who gives it.
private final class Bell: Sendable {
    private let listener = Mutex<(@Sendable () -> Void)?>(nil)

    func set(_ listener: @escaping @Sendable () -> Void) {
        self.listener.withLock { $0 = listener }
    }

    func tell() {
        listener.withLock { $0 }?()
    }
}
