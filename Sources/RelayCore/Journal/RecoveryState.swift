/// What a start learns from the journal's records, fed to it in the order in which they stand there.
///
/// Begins at a checkpoint (or with nothing, at the first record of all): events up to the checkpoint's `asOf` and
/// progress from before the checkpoint are in it already.
package struct RecoveryState: Sendable {
    /// The last event, 0 if there is none.
    package private(set) var lastSequence: UInt64 = 0
    package private(set) var lanes: [WebhookNumber: LaneState] = [:]
    /// The registration table's revision as the checkpoint knew it: a table that is older has lost changes.
    package private(set) var revision: UInt64 = 0
    private var asOf: UInt64 = 0
    /// Progress counts only from behind the checkpoint.
    private var isPastCheckpoint: Bool

    package init(checkpoint: WholeCheckpoint?) {
        isPastCheckpoint = checkpoint == nil
        guard let checkpoint else { return }
        lanes = checkpoint.lanes
        asOf = checkpoint.asOf
        revision = checkpoint.revision
        lastSequence = checkpoint.asOf
    }

    /// Takes note that what follows stands behind the checkpoint.
    package mutating func passCheckpoint() {
        isPastCheckpoint = true
    }

    package mutating func apply(_ event: EventRecord) {
        let sequence = event.sequence
        lastSequence = max(lastSequence, sequence)
        guard sequence > asOf else { return }
        for index in 0..<event.webhookCount {
            let matched = event.webhook(index)
            guard matched.takesDeliveries else { continue }
            lanes[matched.number, default: LaneState(cursor: sequence)].pending += 1
        }
    }

    package mutating func apply(_ record: ProgressRecord) {
        guard isPastCheckpoint else { return }
        for entry in record.lanes {
            var lane = lanes[entry.webhook] ?? LaneState(cursor: entry.cursor)
            lane.cursor = max(lane.cursor, entry.cursor)
            for sequence in entry.progress.opened {
                lane.open[sequence] = LaneState.Open(attempts: 0, nextAt: 0)
            }
            for retry in entry.progress.retried {
                lane.open[retry.sequence] = LaneState.Open(attempts: retry.attempts, nextAt: retry.nextAt)
            }
            for settlement in entry.progress.settled {
                lane.open[settlement.sequence] = nil
                lane.pending = max(0, lane.pending - 1)
                if settlement.result == .delivered { lane.delivered += 1 } else { lane.givenUp += 1 }
            }
            lanes[entry.webhook] = lane
        }
    }
}

/// All parts of a checkpoint put together.
package struct WholeCheckpoint: Equatable, Sendable {
    package let asOf: UInt64
    package let revision: UInt64
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
        return WholeCheckpoint(asOf: record.asOf, revision: record.revision, lanes: lanes)
    }
}
