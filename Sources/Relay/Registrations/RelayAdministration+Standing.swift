import Glibc
import Ingest
import RelayCore
import Storage
import Synchronization

/// What is remembered between two looks at the webhooks.
struct StandingState {
    var rates = RateBook()
    /// Since when all deliveries are held back; nil also where that was before the start.
    var pausedSince: Int64?
}

/// Webhooks sorted, and the whole at a look. Ten thousand webhooks cost the pump's loop one pass over a few numbers each;
/// sorting is done here, and all there is to know is gathered only of those that are shown.
extension RelayAdministration {
    func webhooks(
        tenant: String?, by order: WebhookOrder, after: WebhookNumber, from offset: Int, limit: Int
    ) async -> [WebhookView] {
        let table = registrar.current
        guard order != .name else {
            let named = table.list(tenant: tenant).filter { $0.number > after }
                .map { (name: $0.summary ?? $0.url.text, number: $0.number) }
                .sorted { ($0.name, $0.number) < ($1.name, $1.number) }
            return await views(named.dropFirst(offset).prefix(limit).compactMap { table[$0.number] })
        }
        let all = await standings()
        let rates = order == .rate ? standing.withLock { $0.rates.rates(all, at: Clock.monotonic()) } : [:]
        let meant = all.filter { standing in
            standing.number > after && (tenant == nil || table[standing.number]?.tenant == tenant)
        }
        let ranked = order.ranked(meant, rates: rates)
        return await views(ranked.dropFirst(offset).prefix(limit).compactMap { table[$0] })
    }

    private func standings() async -> [WebhookStanding] {
        await pump.ask { pump in
            var standings = pump.scheduler.standings
            for index in standings.indices {
                standings[index].lastFailureAt = pump.records[standings[index].number]?.lastFailureAt
            }
            return standings
        }
    }

    func status() async -> RelayStatus {
        var status = RelayStatus()
        status.version = HooklineVersion.text
        status.pid = getpid()
        status.now = Clock.wall()
        status.startedAt = startedAt
        (status.trouble, status.troubleSince) = board.troubleSince.map { ($0.trouble, $0.since) } ?? (nil, nil)
        status.isReady = isReady()
        let intake = ingest.statistics
        status.connections = intake.connections
        status.accepted = intake.acceptedTotal
        status.duplicates = intake.duplicates
        status.refused = intake.refusedTotal
        status.lastRefusal = intake.lastRefusal
        status.blankLines = intake.blankLines
        let (delivery, oldest) = await pump.ask { ($0.statistics, $0.scheduler.oldestPending) }
        status.pending = delivery.pending
        if let oldest { status.oldestPendingAt = await onScanThread { [self] in acceptance(from: oldest) } ?? nil }
        status.inFlight = delivery.inFlight
        status.delivered = delivery.counters.delivered
        status.givenUp = delivery.counters.givenUp
        status.failedAttempts = delivery.counters.failedAttempts
        status.journalBytes = journal.bytes
        status.journalMaxBytes = journalMaxBytes
        status.journalSegments = journal.allSegments.count
        status.damagedRecords = damage.values.reduce(0, +)
        // A tail that a crash has cut off is what the journal is made for.
        status.damagedByDisk = status.damagedRecords - (damage[.tail] ?? 0)
        await take(registrar.current, into: &status)
        return status
    }

    private func take(_ table: RegistrationTable, into status: inout RelayStatus) async {
        status.isPaused = table.isPaused
        if status.isPaused { status.pausedSince = standing.withLock { $0.pausedSince } }
        let standings = await standings()
        var failing: [WebhookStanding] = []
        var held: WebhookStanding?
        for standing in standings {
            guard let state = table[standing.number]?.state else { continue }
            switch state {
            case .active: status.active += 1
            case .paused:
                status.paused += 1
                guard standing.pending > 0 else { break }
                status.heldBackCount += 1
                if standing.pending > held?.pending ?? 0 { held = standing }
            case .disabled:
                status.disabled += 1
                let time = table[standing.number]?.updatedAt ?? 0
                let last = status.lastDisabled
                if last.map({ ($0.updatedAt, $0.number) < (time, standing.number) }) ?? true {
                    status.lastDisabled = table[standing.number]
                }
            }
            if standing.consecutiveFailures > 0 { failing.append(standing) }
        }
        status.failingCount = failing.count
        let worst = WebhookOrder.failures.ranked(failing).prefix(10).compactMap { table[$0] }
        status.failing = await views(worst)
        if let webhook = held.flatMap({ table[$0.number] }) { status.heldBack = await view(webhook) }
    }
}
