/// What a start learns from the journal's records, fed to it in the order in which they stand there.
///
/// Begins at a checkpoint (or with nothing, at the first record of all): events up to the checkpoint's `asOf` and
/// progress from before the checkpoint are in it already.
///
/// Damage may have taken progress records: what they said was begun could be missing, while those behind them say that a
/// lane has gone on. From damage on a lane's settlements are remembered one by one, and ``doubts`` tells which stretch
/// of events has to be looked at: what is neither settled nor open there is pending.
package struct RecoveryState: Sendable {
    /// The last event, 0 if there is none.
    package private(set) var lastSequence: UInt64 = 0
    package private(set) var lanes: [WebhookNumber: LaneState] = [:]
    /// The registration table's revision as the checkpoint knew it: a table that is older has lost changes.
    package private(set) var revision: UInt64 = 0
    /// The lowest ordinal of a segment that is needed; 0: nobody has said.
    package private(set) var floor: UInt64 = 0
    private var asOf: UInt64 = 0
    /// Progress counts only from behind the checkpoint.
    private var isPastCheckpoint: Bool
    private var isDoubtful = false
    private var stretches: [WebhookNumber: Stretch] = [:]

    private struct Stretch {
        let from: UInt64
        var settled: Set<UInt64> = []
    }

    /// A stretch of a lane's events that a damaged record may have told of.
    package struct Doubt: Equatable, Sendable {
        package let webhook: WebhookNumber
        package let sequences: Range<UInt64>
    }

    package init(checkpoint: WholeCheckpoint?) {
        isPastCheckpoint = checkpoint == nil
        guard let checkpoint else { return }
        lanes = checkpoint.lanes
        asOf = checkpoint.asOf
        revision = checkpoint.revision
        floor = checkpoint.floor
        lastSequence = checkpoint.asOf
    }

    /// Takes note that what follows stands behind the checkpoint.
    package mutating func passCheckpoint() {
        isPastCheckpoint = true
    }

    /// Takes note that records may be missing here.
    package mutating func passDamage() {
        if isPastCheckpoint { isDoubtful = true }
    }

    package mutating func apply(floor ordinal: UInt64) {
        floor = max(floor, ordinal)
    }

    package mutating func apply(_ event: EventRecord) {
        let sequence = event.sequence
        lastSequence = max(lastSequence, sequence)
        guard sequence > asOf else { return }
        let bytes = event.body.count
        for index in 0..<event.webhookCount {
            let matched = event.webhook(index)
            guard matched.takesDeliveries else { continue }
            lanes[matched.number, default: LaneState(cursor: sequence)].pending += 1
            lanes[matched.number]?.pendingBytes += bytes
        }
    }

    package mutating func apply(_ record: ProgressRecord) {
        guard isPastCheckpoint else { return }
        for entry in record.lanes {
            var lane = lanes[entry.webhook] ?? LaneState(cursor: entry.cursor)
            if isDoubtful, stretches[entry.webhook] == nil { stretches[entry.webhook] = Stretch(from: lane.cursor) }
            lane.cursor = max(lane.cursor, entry.cursor)
            for opening in entry.progress.reopened {
                lane.open[opening.sequence] = LaneState.Open(
                    attempts: 0, nextAt: 0, bytes: opening.bytes, isRepeat: true)
                lane.pending += 1
                lane.pendingBytes += Int(opening.bytes)
                stretches[entry.webhook]?.settled.remove(opening.sequence)
            }
            for opening in entry.progress.opened {
                lane.open[opening.sequence] = LaneState.Open(attempts: 0, nextAt: 0, bytes: opening.bytes)
            }
            for retry in entry.progress.retried {
                lane.open[retry.sequence] = LaneState.Open(
                    attempts: retry.attempts, nextAt: retry.nextAt, bytes: retry.bytes,
                    waitMax: max(0, retry.nextAt - retry.at), isRepeat: lane.open[retry.sequence]?.isRepeat ?? false,
                    isOperational: lane.open[retry.sequence]?.isOperational ?? false)
            }
            for sequence in entry.progress.operational { lane.open[sequence]?.isOperational = true }
            if let health = entry.progress.health { lane.health = health }
            for settlement in entry.progress.settled {
                lane.open[settlement.sequence] = nil
                lane.pending = max(0, lane.pending - 1)
                lane.pendingBytes = max(0, lane.pendingBytes - Int(settlement.bytes))
                if settlement.result == .delivered { lane.delivered += 1 } else { lane.givenUp += 1 }
                stretches[entry.webhook]?.settled.insert(settlement.sequence)
            }
            lanes[entry.webhook] = lane
        }
    }

    // MARK: Doubts

    /// Stretches of events to be shown to ``resolve(_:for:)`` when all records have been applied.
    package var doubts: [Doubt] {
        stretches.compactMap { webhook, stretch in
            guard let lane = lanes[webhook], stretch.from < lane.cursor else { return nil }
            return Doubt(webhook: webhook, sequences: stretch.from..<lane.cursor)
        }
        .sorted { $0.webhook < $1.webhook }
    }

    /// Takes an event of a doubtful stretch: unless it is known to be settled or open, it is tried again.
    package mutating func resolve(_ event: EventRecord, for webhook: WebhookNumber) {
        guard let stretch = stretches[webhook], event.sequence >= stretch.from, event.goes(to: webhook),
            !stretch.settled.contains(event.sequence), lanes[webhook]?.open[event.sequence] == nil
        else { return }
        lanes[webhook]?.open[event.sequence] = LaneState.Open(
            attempts: 0, nextAt: 0, bytes: UInt32(clamping: event.body.count))
    }
}

/// All parts of a checkpoint put together.
package struct WholeCheckpoint: Equatable, Sendable {
    package let asOf: UInt64
    package let revision: UInt64
    package let floor: UInt64
    package let lanes: [WebhookNumber: LaneState]
}

/// Puts checkpoints together from their parts, which follow one another in the journal.
package struct CheckpointCollector: Sendable {
    private var parts: [CheckpointRecord] = []

    package init() {}

    /// - Returns: the whole checkpoint, if this was its last part.
    package mutating func add(_ record: CheckpointRecord) -> WholeCheckpoint? {
        if record.part == 0 || parts.last?.number != record.number { parts = [] }
        guard record.part == parts.count else {
            parts = []
            return nil
        }
        parts.append(record)
        guard parts.count == record.parts else { return nil }
        defer { parts = [] }
        let lanes = parts.reduce(into: [:]) { $0.merge($1.lanes) { $1 } }
        return WholeCheckpoint(asOf: record.asOf, revision: record.revision, floor: record.floor, lanes: lanes)
    }
}
