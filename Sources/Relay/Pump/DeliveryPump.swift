import Delivery
import Logging
import NIOCore
import NIOPosix
import RelayCore
import Storage

/// Drives the delivery scheduler: tells it what has happened and does what it answers.
///
/// Lives on one event loop. Other threads talk to it through ``PumpHandle``.
final class DeliveryPump {
    let loop: any EventLoop
    let journal: Journal
    let readers: NIOThreadPool
    let client: DeliveryClient
    let logger: Logger
    var scheduler: DeliveryScheduler
    private var targets: [WebhookNumber: DeliveryTarget] = [:]
    private(set) var records: [WebhookNumber: LastOutcomes] = [:]
    private var random = SplitMix()
    private var timer: Scheduled<Void>?
    private var timerDue: MonotonicTime?
    /// When attempts to receivers that have failed may begin again.
    private var troubledRefill = MonotonicTime(nanoseconds: 0)
    private var isTroubledArmed = false
    let saving = SavingState()
    let reads = StepCounter()
    let arrivals = AcceptedEvents()
    private var isRunning = false
    private var mustRunAgain = false
    /// Whether it will be run when the loop has seen to all that is ready now.
    private var isRunDue = false
    /// Whether attempts begin between two others just now.
    private var isAdmitting = false
    private var idleness = Idleness()
    private(set) var isStopped = false
    var counters = PumpCounters()
    var told = Told()
    var logging = LogState()
    /// Told of what is to be passed on to people.
    var onNews: ((OperationalEvents.News) -> Void)?
    /// Told when less may be needed than before.
    var onProgress: (() -> Void)?
    /// Told when a checkpoint is on disk: the segments before it may be looked at.
    var onCheckpoint: (() -> Void)?
    /// Told when one could not be written: it is to be made anew, and soon.
    var onMissingCheckpoint: (() -> Void)?
    /// Told of changes that `systemctl status` is to show.
    var onState: (() -> Void)?

    struct LastOutcomes {
        var lastSuccessAt: Int64?
        var lastFailureAt: Int64?
        var lastFailure: String?
    }

    init(
        loop: any EventLoop, journal: Journal, readers: NIOThreadPool, client: DeliveryClient,
        scheduler: DeliveryScheduler, logger: Logger
    ) {
        self.loop = loop
        self.journal = journal
        self.readers = readers
        self.client = client
        self.scheduler = scheduler
        self.logger = logger
        client.onStep = { [weak self] in self?.admitArrivals() }
    }

    // MARK: Webhooks

    /// Adds a webhook, or takes its change over.
    func set(_ webhook: Webhook, target: DeliveryTarget, state: LaneState? = nil) {
        targets[webhook.number] = target
        scheduler.setLane(of: webhook, state: state, now: Clock.monotonic(), wall: Clock.wall())
        onState?()
        run()
    }

    func remove(_ number: WebhookNumber) {
        targets[number] = nil
        records[number] = nil
        told.gathering.forget(number)
        counters.count(.cancelled, times: scheduler.health(of: number)?.pending ?? 0)
        scheduler.removeLane(of: number)
        onState?()
        // What waited for it alone is not needed any more.
        onProgress?()
        run()
    }

    func target(of number: WebhookNumber) -> DeliveryTarget? { targets[number] }

    /// Begins no more attempts, or goes on.
    func setPaused(_ isPaused: Bool) {
        scheduler.isPaused = isPaused
        onState?()
        run()
    }

    func use(_ settings: DeliveryScheduler.Settings, _ policy: AddressPolicy, _ proxy: EgressProxy?) {
        scheduler.replaceSettings(settings)
        client.use(policy, proxy)
    }

    // MARK: Events

    /// Takes the events that have become durable since the last time.
    func takeArrivals() {
        let arrived = arrivals.take()
        let now = Clock.monotonic()
        for records in arrived.batches {
            var offset = 0
            while offset < records.count {
                let header = RecordFormat.Header(at: records.bytes + offset)
                if header.kind == RecordKind.event.rawValue, let event = EventRecord(buffer: records, offset: offset) {
                    scheduler.accepted(event, now: now)
                }
                offset += header.totalBytes
            }
        }
        scheduler.noteAccepted(through: arrived.through)
    }

    /// Lets deliveries of events that have just become durable begin before the loop goes on with what it has begun. The
    /// rest of them begin when it comes to its next task, as it was told to.
    private func admitArrivals() {
        guard arrivals.isUrgent, !isStopped, !isAdmitting else { return }
        // What fails at once must not lead here again.
        isAdmitting = true
        defer { isAdmitting = false }
        takeArrivals()
        beginAttempts(Limits.attemptsBetween)
    }

    /// Begins attempts, as many as may begin now.
    ///
    /// - Returns: how many fewer than `limit` they are.
    @discardableResult
    private func beginAttempts(_ limit: Int) -> Int {
        let (now, wall) = (Clock.monotonic(), Clock.wall())
        var left = limit
        while left > 0, let attempt = scheduler.nextAttempt(now: now, wall: wall) {
            begin(attempt)
            left -= 1
        }
        return left
    }

    /// Does what there is to do once the loop has seen to all that is ready now: outcomes come many at a time, and requests
    /// that are written one right after the other wake their receiver once.
    private func runSoon() {
        guard !isRunDue else { return }
        isRunDue = true
        loop.assumeIsolated().execute { [self] in
            isRunDue = false
            run()
        }
    }

    /// Does what there is to do.
    func run() {
        // An attempt may end before it has properly begun: its outcome must not run this anew inside of it.
        guard !isRunning else {
            mustRunAgain = true
            return
        }
        isRunning = true
        repeat {
            mustRunAgain = false
            if arrivals.isUrgent { takeArrivals() }
            let now = Clock.monotonic()
            scheduler.advance(to: now)
            if !isStopped {
                refillTroubled(now)
                var left = 0
                client.together { left = beginAttempts(Limits.attemptsAtOnce) }
                if left == 0 { runSoon() }
                while let read = scheduler.nextRead() { load(read) }
                while let lookUp = scheduler.nextLookUp() { find(lookUp) }
            }
        } while mustRunAgain
        isRunning = false
        idleness.noteActivity(at: Clock.monotonic())
        tellNotices()
        tellHealth()
        armTimer()
        if !isStopped, scheduler.troubledAllowance == 0, scheduler.troubledWaiting > 0 { armTroubled() }
    }

    /// Lets some more attempts go to receivers that have failed; the more are waiting the more at a time.
    private func refillTroubled(_ now: MonotonicTime) {
        guard now >= troubledRefill else { return }
        scheduler.troubledAllowance = Pace.atOnce(of: scheduler.troubledWaiting)
        troubledRefill = now + .nanoseconds(Pace.pause.nanoseconds)
    }

    private func armTroubled() {
        guard !isTroubledArmed else { return }
        isTroubledArmed = true
        loop.assumeIsolated().scheduleTask(in: Pace.pause) { [self] in
            isTroubledArmed = false
            run()
        }
    }

    private func armTimer() {
        guard !isStopped, let due = scheduler.nextTimer else { return }
        if let timerDue, timerDue <= due { return }
        timer?.cancel()
        timerDue = due
        let wait = max(0, (due - Clock.monotonic()).nanoseconds)
        timer = loop.assumeIsolated().scheduleTask(in: .nanoseconds(wait)) { [self] in
            timerDue = nil
            timer = nil
            run()
        }
    }

    // MARK: Attempts

    private func begin(_ attempt: DeliveryScheduler.Attempt) {
        if let event = attempt.event { return send(event, attempt) }
        // A retry: the event waits in the journal.
        let journal = journal
        let bound = NIOLoopBound(self, eventLoop: loop)
        readers.submit { [loop, reads] state in
            defer { reads.note() }
            let result: Result<EventRecord?, DiskError>
            do throws(DiskError) {
                result = .success(state == .active ? try journal.event(attempt.sequence) : nil)
            } catch {
                result = .failure(error)
            }
            let isActive = state == .active
            loop.execute { bound.value.found(result, for: attempt, isActive: isActive) }
        }
    }

    private func found(
        _ result: Result<EventRecord?, DiskError>, for attempt: DeliveryScheduler.Attempt, isActive: Bool
    ) {
        switch result {
        case .success(let event?): send(event, attempt)
        case .success(nil):
            let failure = AttemptFailure(.storage, "the event can't be read back: its record is damaged or gone")
            let result: AttemptOutcome.Result = isActive ? .failed(failure) : .abandoned
            finished(attempt, acceptedAt: Clock.wall(), AttemptOutcome(result, duration: .zero))
        case .failure(let error):
            logUnreadable(attempt.webhook, error)
            finished(
                attempt, acceptedAt: Clock.wall(),
                AttemptOutcome(.failed(AttemptFailure(.response, "\(error)")), duration: .zero))
        }
    }

    private func send(_ event: EventRecord, _ attempt: DeliveryScheduler.Attempt) {
        guard let target = targets[attempt.webhook], !isStopped else {
            return finished(attempt, event, acceptedAt: event.acceptedAt, AttemptOutcome(.abandoned, duration: .zero))
        }
        let acceptedAt = event.acceptedAt
        client.attempt(event, for: target, timeout: attempt.timeout, wall: Clock.wall()) { [self] in
            finished(attempt, event, acceptedAt: acceptedAt, $0)
        }
    }

    private func finished(
        _ attempt: DeliveryScheduler.Attempt, _ event: EventRecord? = nil, acceptedAt: Int64, _ outcome: AttemptOutcome
    ) {
        let (now, wall) = (Clock.monotonic(), Clock.wall())
        idleness.noteActivity(at: now)
        scheduler.isOwnerBusy = idleness.isBusy
        told.event = event
        defer { told.event = nil }
        let decision = scheduler.finished(
            attempt, acceptedAt: acceptedAt, outcome, now: now, wall: wall, random: random.next(),
            isOperational: event?.isOperational)
        counters.count(outcome.result, acceptedAt: attempt.isRepeat ? nil : acceptedAt, wall: wall)
        if case .settled(let result) = decision { counters.count(result) }
        note(attempt, outcome, decision, at: wall)
        tellHealth()
        scheduleSaving()
        runSoon()
        admitArrivals()
    }

    private func note(
        _ attempt: DeliveryScheduler.Attempt, _ outcome: AttemptOutcome, _ decision: DeliveryScheduler.Decision,
        at wall: Int64
    ) {
        switch outcome.result {
        case .delivered:
            records[attempt.webhook, default: LastOutcomes()].lastSuccessAt = wall
        case .failed(let failure):
            records[attempt.webhook, default: LastOutcomes()].lastFailureAt = wall
            records[attempt.webhook, default: LastOutcomes()].lastFailure = failure.reason
            logFailure(attempt, outcome, failure)
        case .abandoned:
            return
        }
        if case .settled(let result) = decision, result != .delivered {
            gather(result, of: attempt)
            logGivenUp(attempt, outcome, result)
        }
    }

    /// What an administrator knows a webhook by.
    func name(of webhook: WebhookNumber) -> String {
        targets[webhook]?.id ?? "removed"
    }

    /// Tells of deliveries that ended without an attempt.
    private func tellNotices() {
        let notices = scheduler.takeNotices()
        if !notices.isEmpty { scheduleSaving() }
        for notice in notices {
            counters.count(notice.result, times: notice.count)
            gather(notice.webhook, notice.result, count: notice.count - notice.operational)
            log(notice)
        }
    }

    private func load(_ read: DeliveryScheduler.Read) {
        let journal = journal
        let bound = NIOLoopBound(self, eventLoop: loop)
        readers.submit { [loop, reads] state in
            defer { reads.note() }
            guard state == .active else { return }
            let result: Result<Journal.LaneEvents, DiskError>
            do throws(DiskError) {
                result = .success(try journal.events(read, maxBytes: Limits.laneReadBytes))
            } catch {
                result = .failure(error)
            }
            loop.execute { bound.value.loaded(result, for: read) }
        }
    }

    private func loaded(_ result: Result<Journal.LaneEvents, DiskError>, for read: DeliveryScheduler.Read) {
        switch result {
        case .success(let found):
            scheduler.loaded(
                found.events, for: read.webhook, next: found.next, now: Clock.monotonic(), wall: Clock.wall())
            if scheduler.hasProgress { scheduleSaving() }
            run()
        case .failure(let error):
            logUnreadable(read.webhook, error)
            _ = loop.assumeIsolated().scheduleTask(in: .seconds(1)) { [self] in
                scheduler.loaded(
                    [], for: read.webhook, next: read.from, now: Clock.monotonic(), wall: Clock.wall())
                run()
            }
        }
    }

    /// Gives up the oldest deliveries of the failing webhook that has the most of them.
    ///
    /// - Returns: nil if none is failing.
    func displaceLargest(bytes: Int) -> WebhookNumber? {
        defer { run() }
        return scheduler.displaceLargest(bytes: bytes, wall: Clock.wall())
    }

    // MARK: Stopping

    /// Whether nothing is in flight or ready to go.
    var isDrained: Bool { scheduler.inFlight == 0 && (scheduler.isPaused || !scheduler.hasReadyWork) }

    private var stopPromise: EventLoopPromise<Void>?

    /// Breaks off what is in flight, and succeeds once everything that has happened is on disk.
    ///
    /// - Parameters: as those of ``checkpoint(revision:with:)``.
    func stop(revision: UInt64, with others: RecordBuffer) -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        isStopped = true
        timer?.cancel()
        client.shutDown { [self] in
            stopPromise = promise
            checkpoint(revision: revision, with: others)
            if saving.inFlight == 0 { finishStopping() }
        }
        return promise.futureResult
    }

    func finishStopping() {
        guard let promise = stopPromise else { return }
        stopPromise = nil
        saving.timer?.cancel()
        promise.succeed(())
    }
}
