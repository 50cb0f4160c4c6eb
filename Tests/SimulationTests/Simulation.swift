import Logging
import RelayCore
import Storage

/// A host on which a relay runs, dies and comes back, with its disk, clocks, producers and receivers.
final class Simulation {
    let seed: UInt64
    var random: SimulatedRandom
    /// For what has to do with order alone: without it a seed does what it did before there was any.
    var orderRandom: SimulatedRandom?
    let terms: SimulationTerms
    let clock = SimulatedClock()
    let disk: SimulatedDisk
    let oracle = Oracle()
    var events: [SimulatedProducer.Event] = []
    var producers = (0..<3).map { SimulatedProducer(index: $0) }
    var receivers: [WebhookNumber: SimulatedReceiver] = [:]
    var relay: SimulatedRelay?
    /// Whether disk calls fail at present.
    var isTroubled = false
    var isDraining = false
    var restarts = 0
    let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
    /// The steps of the run, for whoever looks into a failure.
    var trace: ((String) -> Void)?

    /// - Parameter isOrdered: whether there are webhooks that are ordered or have a rate limit, and pauses of the host.
    init(seed: UInt64, isOrdered: Bool = true) {
        self.seed = seed
        random = SimulatedRandom(seed: seed)
        orderRandom = isOrdered ? SimulatedRandom(seed: seed ^ 0x0FDE) : nil
        terms = SimulationTerms(&random)
        disk = SimulatedDisk(seed: seed ^ 0x5EED)
    }

    /// - Returns: what went wrong; nil: nothing.
    func run(steps: Int) -> String? {
        disk.renamed = { [oracle] path in
            let kind =
                path.hasSuffix("/reserve")
                ? "reserve used" : path.hasSuffix(".seg.new") ? "rewritten" : "files replaced"
            oracle.tally[kind, default: 0] += 1
        }
        start()
        for step in 0..<steps where oracle.violation == nil {
            self.step()
            if disk.isDown { crash() }
            if step % 64 == 0 { relay?.checkBounds() }
        }
        if oracle.violation == nil { drain() }
        oracle.tally["restarts"] = restarts
        oracle.tally["events"] = events.count
        oracle.tally["acceptances"] = oracle.acceptances.count
        oracle.tally["disk calls"] = disk.calls
        return oracle.violation.map { "seed \(seed), after \(restarts) restarts: \($0)" }
    }

    var readBytes: Int { terms.segmentBytes / 2 }

    func answer(
        of webhook: WebhookNumber, timeout: Duration
    ) -> (result: AttemptOutcome.Result, status: UInt16?, after: Duration) {
        var receiver = receivers[webhook] ?? SimulatedReceiver(&random)
        if isDraining { receiver.recover() }
        defer { receivers[webhook] = receiver }
        return receiver.answer(at: clock.now, timeout: timeout, &random)
    }

    // MARK: Steps

    private func step() {
        guard let relay else { return start() }
        switch random.below(100) {
        case 0..<18: send(relay)
        case 18..<36: relay.commit()
        case 36..<46: relay.workIngest()
        case 46..<62: relay.workPump(atMost: random.chance(50) ? 1 : .max)
        case 62..<74: relay.lookUp(random.below(3) + 1)
        case 74..<80: relay.workRegistrar()
        case 80..<84: relay.workKeeper()
        case 84..<93: advance(by: .milliseconds(random.below(30)))
        case 93..<96: advance(by: .milliseconds(random.below(2_000)))
        case 96: advance(by: .seconds(random.below(60)))
        case 97, 98: changeRegistrations(relay)
        default: changeSurroundings()
        }
        if random.rarely(terms.crashes) { arrangeCrash() }
        if random.rarely(terms.faults) { changeTrouble() }
        if random.rarely(terms.jumps) { clock.jump(by: Int64(random.below(14_400_000)) - 7_200_000) }
    }

    private func send(_ relay: SimulatedRelay) {
        let index = random.below(producers.count)
        if producers[index].unsent.isEmpty { makeEvents(1 + random.below(6), for: index) }
        relay.take(1 + random.below(6), from: index)
    }

    func makeEvents(_ count: Int, for producer: Int) {
        for _ in 0..<count {
            producers[producer].unsent.append(events.count)
            events.append(
                SimulatedProducer.Event(
                    number: events.count, tenant: random.chance(80) ? "t" : "u",
                    type: random.pick(["job.closed", "job.created"]), hasID: random.chance(80),
                    padding: random.chance(terms.largestPadding > 3_000 ? 30 : 10)
                        ? random.below(terms.largestPadding) : random.below(40),
                    key: orderRandom?.pick(["a", "b", "c", "d", nil])))
        }
    }

    private func changeSurroundings() {
        switch random.below(3) {
        case 0:
            let index = random.below(producers.count)
            producers[index].reconnect()
        default:
            guard let webhook = receivers.keys.sorted().randomElement(using: &random) else { return }
            receivers[webhook]?.change(at: clock.now, &random)
        }
    }

    private func changeRegistrations(_ relay: SimulatedRelay) {
        let table = relay.registrations.table
        let webhooks = table.list(tenant: nil)
        if webhooks.count < 2 || webhooks.count < 6 && random.chance(30) {
            var webhook = SimulatedWebhook.make(table.nextNumber, &random)
            order(&webhook)
            return relay.change(.put(webhook))
        }
        if let isPaused = orderRandom?.chance(10), isPaused { return relay.change(.setPaused(!table.isPaused)) }
        var webhook = random.pick(webhooks)
        if let isOrder = orderRandom?.chance(25), isOrder {
            order(&webhook)
            return relay.change(.put(webhook))
        }
        if webhooks.count > 2, random.chance(20) { return relay.change(.remove(webhook.number)) }
        switch random.below(3) {
        case 0: webhook.state = webhook.state == .active ? .paused : .active
        case 1: webhook.settings.maxInFlight = random.pick([nil, 1, 2])
        default: webhook.patterns = random.chance(50) ? [.all] : [.type("job.closed")]
        }
        relay.change(.put(webhook))
    }

    private func order(_ webhook: inout Webhook) {
        guard var random = orderRandom else { return }
        SimulatedWebhook.order(&webhook.settings, &random)
        orderRandom = random
    }

    // MARK: Time

    /// Lets time pass; whatever falls due on the way is done in time.
    func advance(by duration: Duration) {
        let end = clock.now + duration
        while clock.now < end, oracle.violation == nil {
            guard let relay, !disk.isDown else { return }
            relay.settle()
            // When the machine stops, so does its time.
            if disk.isDown { return }
            let next = min(end, max(relay.nextDue ?? end, clock.now + .milliseconds(1)))
            clock.advance(by: next - clock.now)
            relay.fireTimers()
            relay.finishFlights()
        }
    }
}
