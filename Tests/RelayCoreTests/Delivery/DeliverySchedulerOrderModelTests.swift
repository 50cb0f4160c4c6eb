import Testing

@testable import RelayCore

/// Ordered lanes against a model that knows what is owed: nothing is attempted while something of the same value that was
/// accepted earlier is owed or under way, whatever becomes of attempts, reads, saves and the process; and what is made once
/// more keeps its own order. Rate limits are never exceeded.
@Suite("Delivery scheduler's order against a model")
struct DeliverySchedulerOrderModelTests {
    @Test(arguments: 1...40) func orderIsKept(seed: Int) throws {
        var model = try OrderModel(seed: UInt64(seed))
        for _ in 0..<1_500 { try model.step() }
        try model.drain()
    }
}

private struct OrderModel {
    private enum Entry {
        case event(EventRecord)
        case progress(ProgressRecord)
        case checkpoint(CheckpointRecord)
    }

    /// What is known of one webhook.
    private struct Lane {
        var settings = DeliverySettings()
        var isPaused = false
        var owed: Set<UInt64> = []
        /// Owed because they are made once more, in the order in which they were handed over.
        var repeats: [UInt64] = []
        var settledUnsaved: Set<UInt64> = []
        var begun: [MonotonicTime] = []
    }

    private static let webhooks: [WebhookNumber] = [1, 2, 3, 4]
    private let schedulerSettings = DeliveryScheduler.Settings(
        maxInFlight: 30, maxInFlightPerWebhook: 8, timeout: .seconds(1),
        retry: RetryPolicy(schedule: Array(repeating: .seconds(5), count: 3), maxAge: .seconds(1_000_000)))
    private let seed: UInt64
    private var random: SeededRandom
    private var scheduler: DeliveryScheduler
    private var now = MonotonicTime(nanoseconds: 0)
    private var log: [Entry] = []
    private var events: [EventRecord] = []
    private var keys: [String?] = []
    private var lanes: [WebhookNumber: Lane] = [:]
    private var inFlight: [DeliveryScheduler.Attempt] = []
    private var reads: [DeliveryScheduler.Read] = []
    private var lookUps: [DeliveryScheduler.LookUp] = []
    private var checkpoints: UInt64 = 0

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededRandom(seed: seed)
        scheduler = DeliveryScheduler(settings: schedulerSettings, seen: 0)
        for number in Self.webhooks {
            let ordering = try anyOrdering()
            lanes[number] = Lane()
            lanes[number]?.settings.ordering = ordering
            if number == 4 { lanes[number]?.settings.rateLimit = RateLimit(perSecond: 3, burst: 4) }
            try setLane(number, nil)
        }
    }

    private mutating func anyOrdering() throws -> DeliveryOrdering {
        switch random.below(5) {
        case 0: .none
        case 1, 2: .webhook
        default: .key(try JSONPointer(random.chance(80) ? "/data/k" : "/data/l/1"))
        }
    }

    private mutating func setLane(_ number: WebhookNumber, _ state: LaneState?) throws {
        guard let lane = lanes[number] else { return }
        let webhook = try EventFixture.webhook(
            number, state: lane.isPaused ? .paused : .active, settings: lane.settings)
        scheduler.setLane(of: webhook, state: state, now: now, wall: 0)
    }

    mutating func step() throws {
        switch random.below(100) {
        case 0..<22: accept(random.below(12))
        case 22..<52: begin()
        case 52..<72: finish(random.below(8))
        case 72..<80: read()
        case 80..<84: lookUp()
        case 84..<88: pass(.milliseconds(random.below(4_000)))
        case 88..<92: save()
        case 92: checkpoint()
        case 93..<96: reopen()
        case 96: try change()
        case 97: try togglePause()
        case 98 where random.chance(50): try restart()
        default: break
        }
        #expect(scheduler.inFlight <= schedulerSettings.maxInFlight, "seed \(seed)")
    }

    mutating func drain() throws {
        for number in Self.webhooks {
            lanes[number]?.isPaused = false
            try setLane(number, nil)
        }
        for _ in 0..<100_000 where lanes.values.contains(where: { !$0.owed.isEmpty }) {
            begin()
            finish(inFlight.count)
            read()
            lookUp()
            pass(.milliseconds(500))
        }
        for (number, lane) in lanes {
            #expect(lane.owed.isEmpty, "seed \(seed): \(lane.owed.count) of \(number) are forgotten")
        }
        #expect(scheduler.pending == 0, "seed \(seed)")
        for lane in scheduler.lanes {
            #expect(lane.order.lines.isEmpty && lane.openRepeats == 0, "seed \(seed): lines are left over")
        }
    }

    private mutating func pass(_ time: Duration) {
        now = now + time
        scheduler.advance(to: now)
    }

    // MARK: What must hold

    /// The line of an event: nil where it has none.
    private func line(_ sequence: UInt64, _ ordering: DeliveryOrdering) -> String? {
        switch ordering {
        case .none: nil
        case .webhook: "all"
        case .key(let pointer):
            // Both pointers find the same value where there is one, the second one only in every second event.
            pointer.text == "/data/k" || sequence % 2 == 0 ? keys[Int(sequence) - 1] : nil
        }
    }

    private mutating func check(_ attempt: DeliveryScheduler.Attempt) {
        guard let lane = lanes[attempt.webhook] else { return }
        let sequence = attempt.sequence
        let name = "seed \(seed): \(sequence) of \(attempt.webhook), \(lane.settings.ordering),"
        #expect(lane.owed.contains(sequence), "\(name) is not owed")
        guard let line = line(sequence, lane.settings.ordering) else { return }
        for other in inFlight where other.webhook == attempt.webhook {
            #expect(self.line(other.sequence, lane.settings.ordering) != line, "\(name) while \(other.sequence) flies")
        }
        if let place = lane.repeats.firstIndex(of: sequence) {
            let earlier = lane.repeats[..<place].first { self.line($0, lane.settings.ordering) == line }
            #expect(earlier == nil, "\(name) before \(earlier ?? 0), which was to be repeated first")
        } else {
            let earlier = lane.owed.filter {
                $0 < sequence && !lane.repeats.contains($0) && self.line($0, lane.settings.ordering) == line
            }
            #expect(earlier.isEmpty, "\(name) before \(earlier.sorted())")
        }
    }

    private mutating func checkRate(_ number: WebhookNumber) {
        guard let limit = lanes[number]?.settings.rateLimit else { return }
        lanes[number]?.begun.append(now)
        let begun = lanes[number]?.begun.suffix(200) ?? []
        for (index, first) in begun.enumerated() {
            let seconds = Double((now - first).nanoseconds) / 1e9
            let allowed = Double(limit.burst) + seconds * limit.perSecond
            #expect(Double(begun.count - index) <= allowed + 1e-6, "seed \(seed): too many attempts in \(seconds) s")
        }
    }

    // MARK: What happens

    private mutating func accept(_ count: Int) {
        for _ in 0..<count {
            let sequence = UInt64(events.count) + 1
            let wanted = Self.webhooks.filter { _ in random.chance(60) }
            let key = random.chance(15) ? nil : ["a", "b", "c"][random.below(3)]
            let value = key.map { "\"\($0)\"" } ?? "null"
            let buffer = RecordBuffer(capacity: 256)
            EventFixture.append(
                sequence, webhooks: wanted.map { MatchedWebhook(number: $0, takesDeliveries: true) },
                data: "{\"k\":\(value),\"l\":[0\(sequence % 2 == 0 ? ",\(value)" : "")]}", acceptedAt: 0, to: buffer)
            let event = EventRecord(buffer: buffer, offset: 0)!
            events.append(event)
            keys.append(key)
            log.append(.event(event))
            for webhook in wanted { lanes[webhook]?.owed.insert(sequence) }
            scheduler.accepted(event, now: now)
        }
    }

    private mutating func begin() {
        while let attempt = scheduler.nextAttempt(now: now, wall: 0) {
            check(attempt)
            checkRate(attempt.webhook)
            inFlight.append(attempt)
        }
    }

    private mutating func finish(_ count: Int) {
        for _ in 0..<min(count, inFlight.count) {
            let attempt = inFlight.remove(at: random.below(inFlight.count))
            let result: AttemptOutcome.Result =
                switch random.below(100) {
                case 0..<72: .delivered
                case 72..<94: .failed(AttemptFailure(.status, "HTTP 500"))
                case 94..<97: .failed(AttemptFailure(.host, "no descriptors"))
                default: .abandoned
                }
            let decision = scheduler.finished(
                attempt, acceptedAt: 0, AttemptOutcome(result, duration: .zero), now: now, wall: 0,
                random: random.next())
            if case .settled = decision {
                lanes[attempt.webhook]?.owed.remove(attempt.sequence)
                lanes[attempt.webhook]?.repeats.removeAll { $0 == attempt.sequence }
                lanes[attempt.webhook]?.settledUnsaved.insert(attempt.sequence)
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

    private mutating func lookUp() {
        while let lookUp = scheduler.nextLookUp() { lookUps.append(lookUp) }
        guard !lookUps.isEmpty else { return }
        let lookUp = lookUps.remove(at: random.below(lookUps.count))
        guard random.chance(85) else { return scheduler.found(nil, for: lookUp) }
        var found: [UInt64: EventRecord] = [:]
        for sequence in lookUp.sequences { found[sequence] = events[Int(sequence) - 1] }
        scheduler.found(found, for: lookUp)
    }

    /// Some settled deliveries are to be made once more, in their order.
    private mutating func reopen() {
        let number = Self.webhooks[random.below(Self.webhooks.count)]
        guard let lane = lanes[number], !events.isEmpty else { return }
        let first = UInt64(1 + random.below(events.count))
        for sequence in first..<min(first + 12, UInt64(events.count) + 1) {
            let event = events[Int(sequence) - 1]
            guard !lane.owed.contains(sequence), scheduler.roomToReopen(for: number) > 0 else { continue }
            let reopening = scheduler.reopen(
                sequence, bytes: event.body.count, for: number, isMatched: event.goes(to: number), now: now, wall: 0)
            guard reopening == .reopened else { continue }
            lanes[number]?.owed.insert(sequence)
            lanes[number]?.repeats.append(sequence)
            lanes[number]?.settledUnsaved.remove(sequence)
        }
    }

    private mutating func change() throws {
        let number = Self.webhooks[random.below(Self.webhooks.count)]
        let ordering = try anyOrdering()
        guard ordering != lanes[number]?.settings.ordering else { return }
        lanes[number]?.settings.ordering = ordering
        // What is made once more stands in the order of the events from then on.
        lanes[number]?.repeats.sort()
        try setLane(number, nil)
    }

    private mutating func togglePause() throws {
        let number = Self.webhooks[random.below(Self.webhooks.count)]
        lanes[number]?.isPaused.toggle()
        try setLane(number, nil)
    }

    private mutating func save() {
        guard let record = scheduler.takeProgress() else { return }
        guard random.chance(85) else { return scheduler.restoreProgress(record) }
        keep(record)
    }

    private mutating func keep(_ record: ProgressRecord) {
        log.append(.progress(record))
        for number in Self.webhooks { lanes[number]?.settledUnsaved = [] }
    }

    private mutating func checkpoint() {
        if let record = scheduler.takeProgress() { keep(record) }
        checkpoints += 1
        let buffer = RecordBuffer()
        CheckpointRecord.append(
            number: checkpoints, asOf: scheduler.seen, revision: 0, madeAt: 0, floor: 0,
            lanes: scheduler.laneStates(now: now, wall: 0), to: buffer)
        let record = EventFixture.payload(buffer).withUnsafeBytes { CheckpointRecord($0) }
        if let record { log.append(.checkpoint(record)) }
    }

    /// The process is gone, and another one goes on from the log.
    private mutating func restart() throws {
        (inFlight, reads, lookUps) = ([], [], [])
        var whole: (WholeCheckpoint, at: Int)?
        for (index, entry) in log.enumerated() {
            guard case .checkpoint(let part) = entry else { continue }
            var collector = CheckpointCollector()
            if let checkpoint = collector.add(part) { whole = (checkpoint, index) }
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
        scheduler = DeliveryScheduler(settings: schedulerSettings, seen: state.lastSequence)
        for number in Self.webhooks {
            let lane = state.lanes[number]
            // What was handed over and never saved is forgotten, and what was settled and never saved is owed again.
            lanes[number]?.owed = Set(
                events.map(\.sequence).filter { sequence in
                    lane?.open[sequence] != nil
                        || sequence >= lane?.cursor ?? 0 && events[Int(sequence) - 1].goes(to: number)
                })
            lanes[number]?.repeats = (lane?.open.filter(\.value.isRepeat).keys.sorted()) ?? []
            lanes[number]?.settledUnsaved = []
            try setLane(number, lane)
        }
        #expect(
            scheduler.pending == lanes.values.reduce(0) { $0 + $1.owed.count },
            "seed \(seed): the count of what is pending is off")
    }
}
