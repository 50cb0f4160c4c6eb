package import RelayCore

/// How deliveries ended that did not end as delivered, for a stretch of events: as long a stretch as a bounded memory
/// holds. Whoever goes through the events makes the next one where this one ends.
package struct SettlementWindow {
    /// How a delivery ended.
    package struct Ending: Equatable, Sendable {
        package let result: SettlementResult
        /// Unix milliseconds.
        package let at: Int64
        package let attempts: UInt16
        /// Of the last attempt; 0: it had none.
        package let status: UInt16
    }

    private struct Key: Hashable {
        let sequence: UInt64
        let webhook: WebhookNumber
    }

    /// Whether all records could be read: else there may be endings that nobody knows of.
    package var isWhole = true
    /// Of events from here on nothing is known.
    package private(set) var end: UInt64 = .max
    private let start: UInt64
    private let countMax: Int
    private var endings: [Key: Ending] = [:]

    /// - Parameters:
    ///   - start: the first event of the stretch.
    ///   - countMax: how many endings are remembered, some 100 bytes each.
    package init(from start: UInt64, countMax: Int = 500_000) {
        self.start = start
        self.countMax = countMax
    }

    package func ending(of sequence: UInt64, for webhook: WebhookNumber) -> Ending? {
        endings[Key(sequence: sequence, webhook: webhook)]
    }

    /// Takes a progress record; to be shown all of them, in order.
    package mutating func add(_ record: ProgressRecord) {
        for lane in record.lanes {
            for opening in lane.progress.reopened {
                endings[Key(sequence: opening.sequence, webhook: lane.webhook)] = nil
            }
            for settlement in lane.progress.settled where (start..<end).contains(settlement.sequence) {
                let key = Key(sequence: settlement.sequence, webhook: lane.webhook)
                guard settlement.result != .delivered else {
                    endings[key] = nil
                    continue
                }
                endings[key] = Ending(
                    result: settlement.result, at: settlement.at, attempts: settlement.attempts,
                    status: settlement.status)
            }
            if endings.count > countMax { shorten() }
        }
    }

    /// Leaves the younger half to the next window; all of one event stay together.
    private mutating func shorten() {
        let sequences = endings.keys.map(\.sequence).sorted()
        // One event for which there are more than are to be remembered stays all the same.
        end = max(sequences[sequences.count / 2], sequences[0] + 1)
        endings = endings.filter { $0.key.sequence < end }
    }
}

extension JournalInspection {
    /// Reads how deliveries of events from one on ended.
    package func settlements(
        from start: UInt64, of look: Look, countMax: Int = 500_000
    ) throws(DiskError) -> SettlementWindow {
        var window = SettlementWindow(from: start, countMax: countMax)
        for number in look.segments.indices {
            // What became of an event stands behind it.
            if number + 1 < look.segments.count, look.segments[number + 1].header.firstSequence <= start { continue }
            let facts = try read(
                number, of: look,
                record: { record in
                    if record.kind == .progress, let progress = ProgressRecord(record.payload) { window.add(progress) }
                    return true
                })
            if !facts.findings.isEmpty { window.isWhole = false }
        }
        return window
    }
}
