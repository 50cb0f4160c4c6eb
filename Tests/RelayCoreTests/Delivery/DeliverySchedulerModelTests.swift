import RelayCore
import Testing

/// The scheduler against a model that knows only what must hold: every accepted delivery is settled, what was saved as
/// settled is never attempted again, budgets are kept. With reads in any portions, failures, pauses, removals of the
/// process at any moment, and a recovery from what was saved.
@Suite("Delivery scheduler against a model")
struct DeliverySchedulerModelTests {
    @Test(arguments: 1...24) func everyDeliveryIsSettled(seed: Int) throws {
        var model = try SchedulerModel(seed: UInt64(seed))
        for _ in 0..<1_500 { try model.step() }
        try model.drain()
    }
}

/// One delivery.
private struct Key: Hashable {
    let webhook: WebhookNumber
    let sequence: UInt64
}

private struct SchedulerModel {
    private enum Entry {
        case event(EventRecord)
        case progress(ProgressRecord)
        case checkpoint([CheckpointRecord])
    }

    private static let webhooks: [WebhookNumber] = [1, 2, 3]
    private let settings = DeliveryScheduler.Settings(
        maxInFlight: 40, maxInFlightPerWebhook: 16, timeout: .seconds(1),
        retry: RetryPolicy(schedule: Array(repeating: .seconds(5), count: 3), maxAge: .seconds(1_000_000)))
    private let seed: UInt64
    private var random: SeededRandom
    private var scheduler: DeliveryScheduler
    private var now = MonotonicTime(nanoseconds: 0)
    private var log: [Entry] = []
    private var events: [EventRecord] = []
    private var inFlight: [DeliveryScheduler.Attempt] = []
    private var reads: [DeliveryScheduler.Read] = []
    private var owed: Set<Key> = []
    private var settledUnsaved: Set<Key> = []
    private var settledSaved: Set<Key> = []
    private var checkpoints: UInt64 = 0
    private var paused: Set<WebhookNumber> = []

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededRandom(seed: seed)
        scheduler = DeliveryScheduler(settings: settings, seen: 0)
        for number in Self.webhooks { try setLane(number, nil) }
    }

    private mutating func setLane(_ number: WebhookNumber, _ state: LaneState?) throws {
        let webhook = try EventFixture.webhook(number, state: paused.contains(number) ? .paused : .active)
        scheduler.setLane(of: webhook, state: state, now: now, wall: 0)
    }

    mutating func step() throws {
        switch random.below(100) {
        case 0..<25: accept(random.chance(3) ? 600 : random.below(12))
        case 25..<60: begin()
        case 60..<80: finish(random.below(12))
        case 80..<88: read()
        case 88..<92:
            now = now + .milliseconds(random.below(4_000))
            scheduler.advance(to: now)
        case 92..<96: save()
        case 96: checkpoint()
        case 97: try togglePause()
        case 98 where random.chance(40): try restart()
        default: break
        }
        #expect(scheduler.inFlight <= settings.maxInFlight, "seed \(seed)")
        for number in Self.webhooks {
            #expect(inFlight.filter { $0.webhook == number }.count <= 16, "seed \(seed)")
        }
    }

    /// Everything goes well from now on: in the end nothing is owed.
    mutating func drain() throws {
        paused = []
        for number in Self.webhooks { try setLane(number, nil) }
        for _ in 0..<100_000 where !owed.isEmpty {
            begin()
            finish(inFlight.count)
            read()
            now = now + .seconds(1)
            scheduler.advance(to: now)
        }
        #expect(owed.isEmpty, "seed \(seed): \(owed.count) deliveries are forgotten")
        #expect(scheduler.pending == 0, "seed \(seed)")
    }

    private mutating func accept(_ count: Int) {
        for _ in 0..<count {
            let sequence = UInt64(events.count) + 1
            let wanted = Self.webhooks.filter { _ in random.chance(60) }
            let event = EventFixture.event(sequence, for: wanted)
            events.append(event)
            log.append(.event(event))
            for webhook in wanted { owed.insert(Key(webhook: webhook, sequence: sequence)) }
            scheduler.accepted(event, now: now)
        }
    }

    private mutating func begin() {
        while let attempt = scheduler.nextAttempt(now: now, wall: 0) {
            let key = Key(webhook: attempt.webhook, sequence: attempt.sequence)
            #expect(!settledSaved.contains(key), "seed \(seed): \(key) is settled on disk and attempted again")
            #expect(
                !inFlight.contains { $0.webhook == attempt.webhook && $0.sequence == attempt.sequence },
                "seed \(seed): \(key) is in flight twice")
            #expect(attempt.event.map { $0.sequence == attempt.sequence } ?? true)
            inFlight.append(attempt)
        }
    }

    private mutating func finish(_ count: Int) {
        for _ in 0..<min(count, inFlight.count) {
            let attempt = inFlight.remove(at: random.below(inFlight.count))
            let result: AttemptOutcome.Result =
                switch random.below(100) {
                case 0..<72: .delivered
                case 72..<95: .failed(AttemptFailure(.status, "HTTP 500"))
                default: .abandoned
                }
            let decision = scheduler.finished(
                attempt, acceptedAt: 0, AttemptOutcome(result, duration: .zero), now: now, wall: 0,
                random: random.next())
            if case .settled = decision {
                let key = Key(webhook: attempt.webhook, sequence: attempt.sequence)
                owed.remove(key)
                settledUnsaved.insert(key)
            }
        }
    }

    private mutating func read() {
        while let read = scheduler.nextRead() { reads.append(read) }
        guard !reads.isEmpty else { return }
        let read = reads.remove(at: random.below(reads.count))
        let most = random.chance(50) ? read.maxEvents : 1 + random.below(read.maxEvents)
        var found: [EventRecord] = []
        var next = read.from
        while next <= read.through, found.count < most {
            let event = events[Int(next) - 1]
            if event.goes(to: read.webhook) { found.append(event) }
            next += 1
        }
        scheduler.loaded(found, for: read.webhook, next: next, now: now, wall: 0)
    }

    private mutating func togglePause() throws {
        let number = Self.webhooks[random.below(3)]
        if paused.remove(number) == nil { paused.insert(number) }
        try setLane(number, nil)
    }

    private mutating func save() {
        guard let record = scheduler.takeProgress() else { return }
        guard random.chance(85) else { return scheduler.restoreProgress(record) }
        keep(record)
    }

    private mutating func keep(_ record: ProgressRecord) {
        log.append(.progress(record))
        settledSaved.formUnion(settledUnsaved)
        settledUnsaved = []
    }

    private mutating func checkpoint() {
        if let record = scheduler.takeProgress() { keep(record) }
        checkpoints += 1
        let buffer = RecordBuffer()
        CheckpointRecord.append(
            number: checkpoints, asOf: scheduler.seen, revision: 0, madeAt: 0, floor: 0,
            lanes: scheduler.laneStates(now: now, wall: 0), to: buffer)
        let record = EventFixture.payload(buffer).withUnsafeBytes { CheckpointRecord($0) }
        log.append(.checkpoint([record].compactMap { $0 }))
    }

    /// The process is gone, and another one goes on from the log.
    private mutating func restart() throws {
        owed.formUnion(settledUnsaved)
        settledUnsaved = []
        inFlight = []
        reads = []
        var whole: (WholeCheckpoint, at: Int)?
        for (index, entry) in log.enumerated() {
            guard case .checkpoint(let parts) = entry else { continue }
            var collector = CheckpointCollector()
            for part in parts {
                if let checkpoint = collector.add(part) { whole = (checkpoint, index) }
            }
        }
        var state = RecoveryState(checkpoint: whole?.0)
        for (index, entry) in log.enumerated() {
            if let whole, index >= whole.at { state.passCheckpoint() }
            switch entry {
            case .event(let event): state.apply(event)
            case .progress(let record): state.apply(record)
            case .checkpoint: break
            }
        }
        #expect(state.lastSequence == UInt64(events.count), "seed \(seed)")
        scheduler = DeliveryScheduler(settings: settings, seen: state.lastSequence)
        for number in Self.webhooks { try setLane(number, state.lanes[number]) }
        #expect(scheduler.pending == owed.count, "seed \(seed): the count of what is pending is off")
    }
}
