import RelayCore
import Storage

/// Which events `journal export` prints.
struct EventSelection {
    private let filter: ExportFilter
    private let patterns: [EventPattern]
    private let needs: JournalNeeds
    private let waiting: WaitingDeliveries
    private let journal: JournalID
    /// The event whose made id was asked for; nil: a producer's id was.
    private let sequence: UInt64?

    init(_ filter: ExportFilter, _ look: JournalInspection.Look) {
        self.filter = filter
        patterns = filter.event.compactMap(EventPattern.init)
        needs = look.needs
        waiting = WaitingDeliveries(look.lanes)
        journal = look.id
        let id = look.id
        sequence = filter.id.flatMap { text in
            Array(text.utf8).withUnsafeBytes { EventID.sequence(of: $0, journal: id) }
        }
    }

    /// Whether some event of a segment can be one of them: told by what waits, and by its index if it has one.
    func mayBeIn(_ number: Int, _ look: JournalInspection.Look) -> Bool {
        let segment = look.segments[number]
        let next = number + 1 < look.segments.count ? look.segments[number + 1].header.firstSequence : .max
        let first = segment.header.firstSequence
        if filter.pending, first >= next || !needs.mayNeed(first..<next) { return false }
        guard let summary = segment.index?.summary, summary.coveredBytes == UInt64(segment.validBytes) else {
            return true
        }
        if let since = filter.since, summary.latest < since.milliseconds { return false }
        if let until = filter.until, summary.earliest >= until.milliseconds { return false }
        return true
    }

    func contains(_ event: EventRecord) -> Bool {
        if let tenant = filter.tenant, !event.tenant.elementsEqual(tenant.utf8) { return false }
        if let since = filter.since, event.acceptedAt < since.milliseconds { return false }
        if let until = filter.until, event.acceptedAt >= until.milliseconds { return false }
        if let id = filter.id {
            let isIt =
                event.hasProducersID
                ? event.producersID.elementsEqual(id.utf8) : event.sequence == sequence && event.id(in: journal) == id
            guard isIt else { return false }
        }
        if !patterns.isEmpty {
            let type = String(decoding: event.type, as: UTF8.self)
            guard patterns.contains(where: { $0.matches(type) }) else { return false }
        }
        return !filter.pending || waiting.contains(event)
    }
}

/// Deliveries that have not ended.
struct WaitingDeliveries {
    private let lanes: [WebhookNumber: LaneState]
    /// Webhooks that have begun an event, by its sequence: also such that it was not for when it came, by a replay.
    private let begun: [UInt64: [WebhookNumber]]

    init(_ lanes: [WebhookNumber: LaneState]) {
        self.lanes = lanes
        var begun: [UInt64: [WebhookNumber]] = [:]
        for (webhook, lane) in lanes {
            for sequence in lane.open.keys { begun[sequence, default: []].append(webhook) }
        }
        self.begun = begun.mapValues { $0.sorted() }
    }

    func contains(_ event: EventRecord) -> Bool {
        begun[event.sequence] != nil
            || (0..<event.webhookCount).contains { isWaiting(event.sequence, for: event.webhook($0)) }
    }

    func isWaiting(_ sequence: UInt64, for webhook: MatchedWebhook) -> Bool {
        guard let lane = lanes[webhook.number] else { return false }
        return lane.open[sequence] != nil || webhook.takesDeliveries && sequence >= lane.cursor
    }

    /// The webhooks that have begun an event.
    func begun(_ sequence: UInt64) -> [WebhookNumber] { begun[sequence] ?? [] }

    func open(_ sequence: UInt64, for webhook: WebhookNumber) -> LaneState.Open? { lanes[webhook]?.open[sequence] }
}
