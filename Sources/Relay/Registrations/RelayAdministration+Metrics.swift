import Ingest
import RelayCore
import Storage
import Synchronization

/// `/metrics`.
extension RelayAdministration {
    func metrics() async -> RelayMetrics {
        var metrics = RelayMetrics()
        metrics.version = HooklineVersion.text
        metrics.isReady = isReady()
        take(ingest.statistics, into: &metrics)
        let (pump, oldest) = await pump.ask { ($0.statistics, $0.scheduler.oldestPending) }
        take(pump, into: &metrics)
        (metrics.operationalEvents, metrics.droppedOperationalEvents) = operations.statistics
        let table = registrar.current
        metrics.isPaused = table.isPaused
        for webhook in table.list(tenant: nil) {
            switch webhook.state {
            case .active: metrics.active += 1
            case .paused: metrics.paused += 1
            case .disabled: metrics.disabled += 1
            }
        }
        metrics.syncs = syncs.value
        metrics.journalBytes = journal.bytes
        metrics.journalMaxBytes = journalMaxBytes
        metrics.journalSegments = journal.allSegments.count
        metrics.damage = damage
        metrics.writeFailures = journal.writeFailures
        metrics.rewrittenBytes = journal.rewrittenBytes
        let startedAt = startedAt
        let (process, acceptedAt) =
            await onScanThread { [self] in
                (ProcessReader.figures(startedAt: startedAt), oldest.flatMap { acceptance(from: $0) })
            } ?? (ProcessFigures(), nil)
        metrics.process = process
        metrics.oldestPending = acceptedAt.map { .milliseconds(max(0, Clock.wall() - $0)) }
        return metrics
    }

    private func take(_ counters: IngestCounters, into metrics: inout RelayMetrics) {
        metrics.accepted = zip(counters.types, counters.accepted).map { RelayMetrics.TypeCount(type: $0, count: $1) }
        metrics.refused = counters.refused
        metrics.duplicates = counters.duplicates
        metrics.blankLines = counters.blankLines
        metrics.unreadReplyPeers = counters.unreadReplyPeers
        metrics.connections = counters.connections
        metrics.idsRemembered = counters.idsRemembered
        metrics.idsForgotten = counters.idsForgotten
    }

    private func take(_ pump: PumpStatistics, into metrics: inout RelayMetrics) {
        metrics.pending = pump.pending
        metrics.inFlight = pump.inFlight
        metrics.deliveredAttempts = pump.counters.delivered
        metrics.failedAttempts = pump.counters.failures
        metrics.abandonedAttempts = pump.counters.abandoned
        metrics.settled = pump.counters.settled
        metrics.latency = pump.counters.latency
        metrics.healthChanges = pump.counters.changes
        metrics.breakers = pump.breakers
    }

    /// When the first event from a sequence on was accepted: one read of the journal, and none while the sequence is that
    /// of the last time.
    func acceptance(from sequence: UInt64) -> Int64? {
        if let known = oldestKnown.withLock({ $0 }), known.sequence == sequence { return known.acceptedAt }
        // Where the disk can't be read, the metric has no more to say; the deliveries themselves tell of it.
        guard let acceptedAt = try? journal.acceptance(from: sequence) else { return nil }
        oldestKnown.withLock { $0 = (sequence, acceptedAt) }
        return acceptedAt
    }
}
