import HeapModule
import Testing

@testable import RelayCore

/// Weeks of virtual time with thousands of lanes, whose receivers work, fail now and then, hang, are down for hours or for
/// good, and ask to be left alone: budgets are kept, no lane starves, tries come when they are to, and what is to be disabled
/// is.
@Suite("Delivery scheduler over weeks")
struct DeliverySchedulerWeeksTests {
    @Test(arguments: [1] as [UInt64]) func weeks(seed: UInt64) throws {
        var world = try World(seed: seed, lanes: 2_000, days: 21)
        while world.step() {}
        #expect(world.complaint == nil)
        world.checkTheEnd()
        #expect(world.complaint == nil)
        // What it is all about has happened, and not seldom.
        for what in ["opened", "recovered", "disabled", "held", "tries_used_up", "delivered"] {
            #expect(world.tally[what, default: 0] > 20, "\(what): \(world.tally)")
        }
    }
}

private struct World {
    private enum Receiver {
        case well
        /// Fails so many of a hundred.
        case flaky(Int)
        case hanging
        case dead
        /// Down for so many hours of a day.
        case nightly(hours: Int64)
        /// 429 with a wish in the first minutes of every hour.
        case throttling(minutes: Int64)
    }

    private enum Event {
        case accept
        case end(DeliveryScheduler.Attempt)
        case wake
    }

    private struct Entry: Comparable {
        let at: MonotonicTime
        let order: UInt64
        let event: Event

        static func < (one: Self, other: Self) -> Bool { (one.at, one.order) < (other.at, other.order) }
        static func == (one: Self, other: Self) -> Bool { one.order == other.order }
    }

    private static let hour: Int64 = 3_600_000_000_000
    private static let schedule: [Duration] = [
        .seconds(5), .seconds(300), .seconds(1800), .seconds(7_200), .seconds(18_000), .seconds(36_000),
    ]
    private static let disableAfter = Duration.seconds(5 * 86_400)
    private static let budget = 300

    private var random: SeededRandom
    private var scheduler: DeliveryScheduler
    private let receivers: [Receiver]
    private let end: MonotonicTime
    private var now = MonotonicTime(nanoseconds: 0)
    private var agenda = Heap<Entry>()
    private var order: UInt64 = 0
    private var events: [EventRecord] = []
    /// Each lane's, in order.
    private var sequences: [WebhookNumber: [UInt64]] = [:]
    private var plannedWake: MonotonicTime?

    private var inFlight: [WebhookNumber: Int] = [:]
    private var flying = 0
    private var triedBefore: [UInt64: (number: Int, notBefore: MonotonicTime)] = [:]
    private var heldUntil: [WebhookNumber: MonotonicTime] = [:]
    private var failingSince: [WebhookNumber: MonotonicTime] = [:]
    private var lastTry: [WebhookNumber: MonotonicTime] = [:]
    private var disabled: Set<WebhookNumber> = []
    private var acceptedAt: [UInt64: MonotonicTime] = [:]
    private var longestWait = Duration.zero
    var tally: [String: Int] = [:]
    private(set) var complaint: String?

    init(seed: UInt64, lanes: Int, days: Int64) throws {
        random = SeededRandom(seed: seed)
        end = MonotonicTime(nanoseconds: days * 24 * Self.hour)
        scheduler = DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: Self.budget, maxInFlightPerWebhook: 16, timeout: .seconds(15),
                retry: RetryPolicy(schedule: Self.schedule, maxAge: .seconds(30 * 86_400)),
                disableAfter: Self.disableAfter), seen: 0)
        var receivers: [Receiver] = []
        for index in 0..<lanes {
            switch index % 10 {
            case 0: receivers.append(.hanging)
            case 1: receivers.append(.dead)
            case 2: receivers.append(.nightly(hours: 1 + Int64(random.below(12))))
            case 3: receivers.append(.throttling(minutes: 1 + Int64(random.below(20))))
            case 4: receivers.append(.flaky(5 + random.below(55)))
            default: receivers.append(.well)
            }
            scheduler.setLane(of: try EventFixture.webhook(WebhookNumber(index + 1)), now: now, wall: 0)
        }
        self.receivers = receivers
        put(.accept, at: now)
    }

    private mutating func put(_ event: Event, at time: MonotonicTime) {
        order += 1
        agenda.insert(Entry(at: time, order: order, event: event))
    }

    private mutating func complain(_ text: String) {
        if complaint == nil { complaint = "\(text), after \(now.nanoseconds / Self.hour) h" }
    }

    private var wall: Int64 { now.nanoseconds / 1_000_000 }

    /// - Returns: whether there is more to come.
    mutating func step() -> Bool {
        guard complaint == nil, let entry = agenda.popMin(), entry.at <= end else { return false }
        now = entry.at
        switch entry.event {
        case .accept:
            accept()
            // A burst every minutes, and a long one now and then.
            put(.accept, at: now + .seconds(480 + random.below(4_800)))
        case .end(let attempt): finish(attempt)
        case .wake: plannedWake = nil
        }
        run()
        return true
    }

    private mutating func accept() {
        for _ in 0..<(random.chance(2) ? 40 : 1 + random.below(4)) {
            let sequence = UInt64(events.count) + 1
            let first = random.below(receivers.count)
            let wanted = (0..<1 + random.below(20)).map { WebhookNumber((first + $0 * 97) % receivers.count + 1) }
            // In order: a seed is to give the same weeks in every process.
            let webhooks = Set(wanted).sorted()
            let event = EventFixture.event(sequence, for: webhooks, acceptedAt: wall)
            events.append(event)
            for webhook in webhooks { sequences[webhook, default: []].append(sequence) }
            acceptedAt[sequence] = now
            scheduler.accepted(event, now: now)
        }
    }

    private mutating func run() {
        scheduler.advance(to: now)
        var isBusy = true
        while isBusy {
            isBusy = false
            while let attempt = scheduler.nextAttempt(now: now, wall: wall) {
                isBusy = true
                begin(attempt)
            }
            while let read = scheduler.nextRead() {
                isBusy = true
                load(read)
            }
        }
        for change in scheduler.takeHealthChanges() { note(change) }
        for notice in scheduler.takeNotices() { tally[notice.result.name, default: 0] += notice.count }
        _ = scheduler.takeProgress()
        if let due = scheduler.nextTimer, plannedWake.map({ due < $0 }) ?? true {
            plannedWake = due
            put(.wake, at: max(due, now))
        }
    }

    private mutating func load(_ read: DeliveryScheduler.Read) {
        let all = sequences[read.webhook] ?? []
        var index = all.count
        while index > 0, all[index - 1] >= read.from { index -= 1 }
        let found = all[index...].prefix(read.maxEvents)
        let next = found.count == read.maxEvents ? (found.last ?? read.through) + 1 : read.through + 1
        scheduler.loaded(
            found.map { events[Int($0) - 1] }, for: read.webhook, next: next, now: now, wall: wall)
    }

    // MARK: Attempts

    private static func key(_ attempt: DeliveryScheduler.Attempt) -> UInt64 {
        UInt64(attempt.webhook) << 40 | attempt.sequence
    }

    private mutating func begin(_ attempt: DeliveryScheduler.Attempt) {
        let webhook = attempt.webhook
        inFlight[webhook, default: 0] += 1
        flying += 1
        if flying > Self.budget { complain("\(flying) attempts are in flight") }
        if inFlight[webhook, default: 0] > 16 { complain("\(webhook) has \(inFlight[webhook] ?? 0) in flight") }
        if disabled.contains(webhook) { complain("\(webhook) is disabled, and is tried") }
        if let held = heldUntil[webhook], held > now { complain("\(webhook) is tried \(held - now) too early") }
        if let before = triedBefore[Self.key(attempt)] {
            if attempt.number != before.number + 1 {
                complain("try \(attempt.number) follows try \(before.number) of \(attempt.sequence)")
            }
            if now < before.notBefore { complain("a try comes \(before.notBefore - now) too early") }
        } else if attempt.number != 1 {
            complain("try \(attempt.number) is the first one")
        }
        if attempt.number > Self.schedule.count + 1 { complain("there are \(attempt.number) tries") }
        // A receiver that works has nothing to wait for but its turn.
        if case .well = receivers[Int(webhook) - 1], let accepted = acceptedAt[attempt.sequence] {
            longestWait = max(longestWait, now - accepted)
        }
        put(.end(attempt), at: now + duration(of: attempt))
    }

    private mutating func duration(of attempt: DeliveryScheduler.Attempt) -> Duration {
        if case .hanging = receivers[Int(attempt.webhook) - 1] { return attempt.timeout }
        return .milliseconds(1 + random.below(200))
    }

    private mutating func outcome(of webhook: WebhookNumber) -> (AttemptOutcome.Result, UInt16?) {
        let hour = now.nanoseconds / Self.hour
        let minute = now.nanoseconds % Self.hour / 60_000_000_000
        switch receivers[Int(webhook) - 1] {
        case .well: return (.delivered, 204)
        case .flaky(let percent):
            return random.chance(percent) ? (.failed(AttemptFailure(.status, "HTTP 500")), 500) : (.delivered, 204)
        case .hanging: return (.failed(AttemptFailure(.timeout, "no answer")), nil)
        case .dead: return (.failed(AttemptFailure(.connect, "refused")), nil)
        case .nightly(let hours):
            return hour % 24 < hours ? (.failed(AttemptFailure(.connect, "refused")), nil) : (.delivered, 204)
        case .throttling(let minutes):
            guard minute < minutes else { return (.delivered, 204) }
            let wish = Duration.seconds(random.chance(5) ? 1_000_000 : 60 + random.below(3_000))
            return (.failed(AttemptFailure(.status, "HTTP 429", retryAfter: wish)), 429)
        }
    }

    private mutating func finish(_ attempt: DeliveryScheduler.Attempt) {
        let webhook = attempt.webhook
        inFlight[webhook, default: 0] -= 1
        flying -= 1
        let (result, status) = outcome(of: webhook)
        lastTry[webhook] = now
        let decision = scheduler.finished(
            attempt, acceptedAt: 0, AttemptOutcome(result, status: status, duration: .milliseconds(100)), now: now,
            wall: wall, random: random.next())
        if case .failed(let failure) = result {
            if failingSince[webhook] == nil { failingSince[webhook] = now }
            if let wish = failure.retryAfter {
                tally["held", default: 0] += 1
                let until = now + min(wish, .seconds(86_400))
                heldUntil[webhook] = max(until, heldUntil[webhook] ?? until)
            }
        } else {
            failingSince[webhook] = nil
        }
        switch decision {
        case .none: complain("an attempt's end comes to nothing")
        case .settled(let result):
            triedBefore[Self.key(attempt)] = nil
            tally[result.name, default: 0] += 1
            let isOver = now - (failingSince[webhook] ?? now) >= Self.disableAfter
            if (result == .webhookDisabled) != (isOver || disabled.contains(webhook)) {
                complain("\(webhook) ends a delivery as \(result), failing for \(now - (failingSince[webhook] ?? now))")
            }
        case .retry(let wait):
            check(wait, after: attempt, result)
            triedBefore[Self.key(attempt)] = (attempt.number, now + wait)
        }
    }

    private mutating func check(
        _ wait: Duration, after attempt: DeliveryScheduler.Attempt, _ result: AttemptOutcome.Result
    ) {
        guard case .failed(let failure) = result else { return complain("a success is tried again") }
        let step = Self.schedule[attempt.number - 1]
        let wish = min(failure.retryAfter ?? .zero, .seconds(86_400))
        if wait < max(step * 4 / 5 - .milliseconds(1), wish) || wait > max(step * 6 / 5, wish * 6 / 5) {
            complain("try \(attempt.number) is followed by \(wait), with a wish of \(wish)")
        }
    }

    private mutating func note(_ change: DeliveryScheduler.HealthChange) {
        tally[change.kind.rawValue, default: 0] += 1
        if case .well = receivers[Int(change.webhook) - 1] {
            complain("\(change.webhook) works, and is \(change.kind)")
        }
        guard change.kind == .disabled else { return }
        disabled.insert(change.webhook)
        guard let since = failingSince[change.webhook], now - since >= Self.disableAfter else {
            return complain("\(change.webhook) is disabled too early")
        }
    }

    // MARK: The end

    /// A lane that gets few events may have had none when its time was up; one with something to do is tried as the
    /// schedule says.
    private mutating func checkDead(_ webhook: WebhookNumber, _ health: DeliveryScheduler.Health) {
        guard !disabled.contains(webhook) else { return }
        let last = lastTry[webhook] ?? now
        if last - (failingSince[webhook] ?? last) >= Self.disableAfter {
            complain("\(webhook) has failed for longer than it may, and is not disabled")
        }
        // The longest wait is ten hours and a fifth.
        let accepted = sequences[webhook]?.first.flatMap { acceptedAt[$0] } ?? now
        if health.pending > 0, now - max(last, accepted) > .seconds(13 * 3600) {
            complain("\(webhook) has something pending and has not been tried since \(last)")
        }
    }

    mutating func checkTheEnd() {
        if longestWait > .seconds(60) { complain("a receiver that works has waited \(longestWait)") }
        for (index, receiver) in receivers.enumerated() {
            let webhook = WebhookNumber(index + 1)
            guard let health = scheduler.health(of: webhook) else { continue }
            switch receiver {
            case .well:
                if health.pending > 40 { complain("\(webhook) works, and \(health.pending) are pending") }
            case .dead, .hanging:
                checkDead(webhook, health)
                if disabled.contains(webhook), health.pending > 0 {
                    complain("\(webhook) is disabled, and \(health.pending) are pending")
                }
            case .nightly, .throttling, .flaky:
                // One that fails by chance may do so with each of its few tries of five days; the others are well in
                // between.
                if case .flaky = receiver {
                } else if disabled.contains(webhook) {
                    complain("\(webhook) works every hour or day, and is disabled")
                }
                // It is tried often enough to get what it can take, and left alone for a day at most.
                let accepted = sequences[webhook]?.first.flatMap { acceptedAt[$0] } ?? now
                if health.delivered == 0, now - accepted > .seconds(3 * 86_400), !disabled.contains(webhook) {
                    complain("\(webhook) has got nothing")
                }
            }
        }
    }
}
