import RelayCore
import Storage

/// The pump: attempts, reads, saving and checkpoints.
extension SimulatedRelay {
    func accepted(_ records: RecordBuffer) {
        var offset = 0
        while offset < records.count {
            let header = RecordFormat.Header(at: records.bytes + offset)
            if header.kind == RecordKind.event.rawValue, let event = EventRecord(buffer: records, offset: offset) {
                scheduler.accepted(event, now: clock.now)
            }
            offset += header.totalBytes
        }
    }

    /// The pump has a turn.
    func workPump(atMost count: Int = .max) {
        pumpInbox.work(atMost: count)
        if let due = saving.due, due <= clock.now {
            saving.due = nil
            save()
        }
        run()
    }

    private func run() {
        let now = clock.now
        scheduler.advance(to: now)
        if !isStopped {
            while let attempt = scheduler.nextAttempt(now: now, wall: clock.wall) { begin(attempt) }
            while let read = scheduler.nextRead() { load(read) }
            while let lookUp = scheduler.nextLookUp() { find(lookUp) }
        }
        let notices = scheduler.takeNotices()
        for notice in notices where notice.result == .unreadable {
            oracle.complain("\(notice.count) deliveries of \(notice.webhook) are counted as lost")
        }
        if !notices.isEmpty { scheduleSaving() }
        if scheduler.inFlight > 24 { oracle.complain("\(scheduler.inFlight) attempts are in flight") }
    }

    // MARK: Attempts

    private func begin(_ attempt: DeliveryScheduler.Attempt) {
        if scheduler.isPaused { oracle.complain("an attempt begins while the host is paused") }
        oracle.begins(
            attempt.sequence, for: attempt.webhook, among: flying[attempt.webhook] ?? [],
            pending: scheduler.pendingDeliveries(of: attempt.webhook, below: attempt.sequence), at: clock.now)
        flying[attempt.webhook, default: []].insert(attempt.sequence)
        if attempt.number == 1, attempt.event != nil {
            if let last = begun[attempt.webhook], last >= attempt.sequence {
                oracle.complain("\(attempt.webhook) gets \(attempt.sequence) for the first time, after \(last)")
            }
            begun[attempt.webhook] = attempt.sequence
        }
        if let event = attempt.event { return send(event, attempt) }
        lookUps.append { [unowned self] in
            let result: Result<EventRecord?, DiskError>
            do throws(DiskError) {
                result = .success(try journal.event(attempt.sequence))
            } catch {
                result = .failure(error)
            }
            pumpInbox.post { [unowned self] in found(result, for: attempt) }
        }
    }

    private func found(_ result: Result<EventRecord?, DiskError>, for attempt: DeliveryScheduler.Attempt) {
        switch result {
        case .success(let event?): send(event, attempt)
        case .success(nil):
            finished(
                attempt, acceptedAt: clock.wall,
                AttemptOutcome(.failed(AttemptFailure(.storage, "gone")), duration: .zero))
        case .failure(let error):
            finished(
                attempt, acceptedAt: clock.wall,
                AttemptOutcome(.failed(AttemptFailure(.response, "\(error)")), duration: .zero))
        }
    }

    private func send(_ event: EventRecord, _ attempt: DeliveryScheduler.Attempt) {
        guard scheduler.health(of: attempt.webhook) != nil, !isStopped else {
            return finished(attempt, acceptedAt: event.acceptedAt, AttemptOutcome(.abandoned, duration: .zero))
        }
        oracle.attempted(event, for: attempt.webhook)
        let answer = simulation.answer(of: attempt.webhook, timeout: attempt.timeout)
        flights.append(
            Flight(
                attempt: attempt, acceptedAt: event.acceptedAt,
                outcome: AttemptOutcome(answer.result, status: answer.status, duration: answer.after),
                due: clock.now + answer.after))
    }

    func finishFlights() {
        let now = clock.now
        let landed = flights.filter { $0.due <= now }
        flights.removeAll { $0.due <= now }
        for flight in landed { finished(flight.attempt, acceptedAt: flight.acceptedAt, flight.outcome) }
    }

    private func finished(_ attempt: DeliveryScheduler.Attempt, acceptedAt: Int64, _ outcome: AttemptOutcome) {
        flying[attempt.webhook]?.remove(attempt.sequence)
        let decision = scheduler.finished(
            attempt, acceptedAt: acceptedAt, outcome, now: clock.now, wall: clock.wall, random: simulation.random.next()
        )
        if case .settled = decision { oracle.ended(attempt.sequence, for: attempt.webhook, at: clock.now) }
        scheduleSaving()
    }

    private func find(_ lookUp: DeliveryScheduler.LookUp) {
        lookUps.append { [unowned self] in
            var events: [UInt64: EventRecord] = [:]
            do throws(DiskError) {
                for sequence in lookUp.sequences { events[sequence] = try journal.event(sequence) }
                let found = events
                pumpInbox.post { [unowned self] in scheduler.found(found, for: lookUp) }
            } catch {
                pumpInbox.post { [unowned self] in
                    timers.append((clock.now + .seconds(1), { [unowned self] in scheduler.found(nil, for: lookUp) }))
                }
            }
        }
    }

    private func load(_ read: DeliveryScheduler.Read) {
        lookUps.append { [unowned self] in
            let result: Result<Journal.LaneEvents, DiskError>
            do throws(DiskError) {
                let part = DeliveryScheduler.Read(
                    webhook: read.webhook, from: read.from, through: read.through,
                    maxEvents: min(read.maxEvents, simulation.terms.readEvents))
                result = .success(try journal.events(part, maxBytes: simulation.readBytes))
            } catch {
                result = .failure(error)
            }
            pumpInbox.post { [unowned self] in loaded(result, for: read) }
        }
    }

    private func loaded(_ result: Result<Journal.LaneEvents, DiskError>, for read: DeliveryScheduler.Read) {
        switch result {
        case .success(let found):
            scheduler.loaded(found.events, for: read.webhook, next: found.next, now: clock.now, wall: clock.wall)
            if scheduler.hasProgress { scheduleSaving() }
        case .failure:
            timers.append(
                (
                    clock.now + .seconds(1),
                    { [unowned self] in
                        scheduler.loaded([], for: read.webhook, next: read.from, now: clock.now, wall: clock.wall)
                    }
                ))
        }
    }

    // MARK: Saving

    func scheduleSaving(after delay: Duration = Limits.settlementDelay) {
        guard saving.due == nil, saving.inFlight == 0 else { return }
        saving.due = clock.now + delay
    }

    func askNeeds(_ answer: @escaping (JournalNeeds?) -> Void) {
        saving.askers.append(answer)
        if saving.inFlight == 0 {
            saving.due = nil
            save()
        }
    }

    private func save() {
        guard saving.inFlight == 0 else { return }
        let askers = saving.askers
        saving.askers = []
        let needs = { [unowned self] in askers.isEmpty ? nil : scheduler.needs }
        guard let progress = takeProgress() else {
            for asker in askers { asker(needs()) }
            return
        }
        let buffer = RecordBuffer(capacity: 4096)
        progress.append(to: buffer, sequence: scheduler.seen)
        write(buffer, .records, progress, needs: needs(), askers, onCheckpoint: nil)
    }

    /// What the oracle hears of is what is on its way to the disk.
    private func takeProgress() -> ProgressRecord? {
        guard let progress = scheduler.takeProgress() else { return nil }
        for lane in progress.lanes {
            for settlement in lane.progress.settled {
                oracle.settled(settlement, for: lane.webhook, at: clock.now)
            }
        }
        return progress
    }

    private func write(
        _ buffer: RecordBuffer, _ kind: JournalBatch.Kind, _ progress: ProgressRecord?, needs: JournalNeeds?,
        _ askers: [(JournalNeeds?) -> Void], onCheckpoint: ((Bool) -> Void)?
    ) {
        saving.inFlight += 1
        let oracle = oracle
        let pump = pumpInbox
        let isTaken = submit(buffer, kind, to: nil) { [unowned self] result in
            if case .success = result, let progress { oracle.saved(progress) }
            simulation.trace?("\(kind) saved: \(result), \(progress.map(Self.summary) ?? ""), \(segmentList)")
            pump.post { [unowned self] in
                saved(progress, result, isCheckpoint: onCheckpoint != nil)
                let isSaved = if case .success = result { true } else { false }
                for asker in askers { asker(isSaved ? needs : nil) }
                onCheckpoint?(isSaved)
            }
        }
        guard !isTaken else { return }
        saving.inFlight -= 1
        for asker in askers { asker(nil) }
        onCheckpoint?(false)
    }

    private func saved(_ progress: ProgressRecord?, _ result: Result<Void, JournalFailure>, isCheckpoint: Bool) {
        saving.inFlight -= 1
        switch result {
        case .success:
            saving.hasFailed = false
            if isCheckpoint { keeper.isWished = true }
            if keeper.isTight { keeper.isWished = true }
            if scheduler.hasProgress { scheduleSaving() }
            if !saving.askers.isEmpty { scheduleSaving(after: .zero) }
        case .failure:
            saving.hasFailed = true
            if let progress { scheduler.restoreProgress(progress) }
            scheduleSaving(after: .seconds(1))
            let askers = saving.askers
            saving.askers = []
            for asker in askers { asker(nil) }
        }
    }

    private static func summary(of progress: ProgressRecord) -> String {
        progress.lanes.map { lane in
            "\(lane.webhook) from \(lane.cursor): settled \(lane.progress.settled.map(\.sequence)), opened "
                + "\(lane.progress.opened.map(\.sequence)), retried \(lane.progress.retried.map(\.sequence))"
        }.joined(separator: "; ")
    }

    func checkpoint(revision: UInt64, _ changes: [RegistrationChange], _ answer: @escaping (Bool) -> Void) {
        saving.due = nil
        let buffer = RecordBuffer(capacity: 4096)
        let progress = takeProgress()
        progress?.append(to: buffer, sequence: scheduler.seen)
        Self.append(changes, to: buffer)
        saving.checkpoints += 1
        CheckpointRecord.append(
            number: UInt64(bitPattern: clock.wall) << 8 | saving.checkpoints & 0xFF, asOf: scheduler.seen,
            revision: revision, madeAt: clock.wall, floor: journal.floor,
            lanes: scheduler.laneStates(now: clock.now, wall: clock.wall), to: buffer)
        write(buffer, .checkpoint, progress, needs: nil, [], onCheckpoint: answer)
    }
}
