import RelayCore

/// Knows what was promised, and complains if a promise is broken.
final class Oracle {
    enum Fate: Equatable {
        case owed
        /// Settled, and no disk has heard of it.
        case settled(at: MonotonicTime)
        case saved
    }

    /// One acceptance of an event: a line without an id that is sent twice is accepted twice.
    final class Acceptance {
        enum Status: Equatable {
            /// On its way to the disk: after a crash it is there or not.
            case limbo
            case durable
            /// Refused when so many commits had succeeded.
            case refused(after: Int)
            case gone
        }

        let sequence: UInt64
        let event: SimulatedProducer.Event
        let at: MonotonicTime
        let wall: Int64
        var status = Status.limbo
        /// The webhooks that it goes to.
        var fates: [WebhookNumber: Fate]

        init(
            _ sequence: UInt64, _ event: SimulatedProducer.Event, at: MonotonicTime, wall: Int64,
            for webhooks: [WebhookNumber]
        ) {
            self.sequence = sequence
            self.event = event
            self.at = at
            self.wall = wall
            fates = Dictionary(uniqueKeysWithValues: webhooks.map { ($0, .owed) })
        }

        var isOver: Bool { status == .gone || status == .durable && fates.values.allSatisfy { $0 == .saved } }
    }

    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    private(set) var acceptances: [UInt64: Acceptance] = [:]
    /// Those of which something is still due, in the order of their acceptance.
    private(set) var open: [UInt64: Acceptance] = [:]
    private var byEvent: [Int: [Acceptance]] = [:]
    /// Webhooks whose removal was asked for.
    var removed: Set<WebhookNumber> = []
    /// Those of them that are gone.
    private(set) var gone: Set<WebhookNumber> = []
    var registrations = Registrations()
    var order = Order()
    /// Batches that have become durable.
    var commits = 0
    private(set) var violation: Violation?
    private(set) var deliveries = 0
    /// What has happened how often.
    var tally: [String: Int] = [:]

    func complain(_ text: @autoclosure () -> String) {
        if violation == nil { violation = Violation(description: text()) }
    }

    // MARK: Acceptance

    func accepted(_ acceptance: Acceptance) {
        if let older = acceptances[acceptance.sequence], older.status == .durable || older.status == .limbo {
            complain("sequence \(acceptance.sequence) is given out again")
        }
        // The listener may not have heard of it yet.
        for webhook in acceptance.fates.keys where gone.contains(webhook) { acceptance.fates[webhook] = .saved }
        acceptances[acceptance.sequence] = acceptance
        open[acceptance.sequence] = acceptance
        byEvent[acceptance.event.number, default: []].append(acceptance)
    }

    /// Acceptances of an event, newest first.
    func acceptances(of event: Int) -> [Acceptance] { (byEvent[event] ?? []).reversed() }

    func durable(_ sequence: UInt64) {
        acceptances[sequence]?.status = .durable
        if acceptances[sequence]?.isOver == true { open[sequence] = nil }
    }

    func refused(_ sequence: UInt64) { acceptances[sequence]?.status = .refused(after: commits) }

    // MARK: Deliveries

    /// A receiver gets a request.
    func attempted(_ event: EventRecord, for webhook: WebhookNumber) {
        let sequence = event.sequence
        deliveries += 1
        tally["attempts", default: 0] += 1
        guard let acceptance = acceptances[sequence] else {
            return complain("event \(sequence) was never accepted, and goes to \(webhook)")
        }
        guard String(decoding: event.data, as: UTF8.self) == acceptance.event.data else {
            return complain("event \(sequence) is delivered with other data than it had")
        }
        guard acceptance.status == .durable else {
            return complain("event \(sequence) is delivered while it is \(acceptance.status)")
        }
        switch acceptance.fates[webhook] {
        case nil: complain("event \(sequence) goes to \(webhook), which did not match")
        case .owed: break
        case .settled, .saved:
            guard !gone.contains(webhook) else { return }
            complain("event \(sequence) is settled for \(webhook), and attempted again: \(acceptance.fates)")
        }
    }

    /// An attempt has settled a delivery.
    func ended(_ sequence: UInt64, for webhook: WebhookNumber, at now: MonotonicTime) {
        guard let acceptance = acceptances[sequence], acceptance.fates[webhook] == .owed else {
            return complain("event \(sequence) ends for \(webhook) without having been owed")
        }
        acceptance.fates[webhook] = .settled(at: now)
    }

    /// A settlement is on its way to the disk.
    func settled(_ settlement: LaneProgress.Settlement, for webhook: WebhookNumber, at now: MonotonicTime) {
        guard let acceptance = acceptances[settlement.sequence], let fate = acceptance.fates[webhook], fate != .saved
        else { return complain("event \(settlement.sequence) is settled for \(webhook) without having been owed") }
        if settlement.result == .unreadable {
            complain("event \(settlement.sequence) can't be read back for \(webhook)")
        }
        tally["settled \(settlement.result)", default: 0] += 1
        if fate == .owed { acceptance.fates[webhook] = .settled(at: now) }
    }

    func saved(_ record: ProgressRecord) {
        for lane in record.lanes {
            for settlement in lane.progress.settled {
                guard let acceptance = acceptances[settlement.sequence] else { continue }
                acceptance.fates[lane.webhook] = .saved
                if acceptance.isOver { open[settlement.sequence] = nil }
            }
        }
    }

    /// A webhook is gone: nothing is owed to it.
    func forget(_ webhook: WebhookNumber) {
        gone.insert(webhook)
        for acceptance in open.values where acceptance.fates[webhook] != nil {
            acceptance.fates[webhook] = .saved
        }
        sweep()
    }

    /// Whether something is owed or not saved.
    var hasDebts: Bool {
        open.values.contains { if case .refused = $0.status { false } else { !$0.isOver } }
    }

    func sweep() { open = open.filter { !$1.isOver } }

    /// What is still owed, for a message.
    var debts: String {
        open.values.sorted { $0.sequence < $1.sequence }.prefix(5).map {
            "\($0.sequence) (\($0.status)): \($0.fates.filter { $1 != .saved })"
        }.joined(separator: ", ")
    }
}
