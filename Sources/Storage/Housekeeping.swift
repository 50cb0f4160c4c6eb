package import RelayCore

/// Makes room in a journal: asks ``JournalOutline`` what to do and does it, until nothing is left to do.
///
/// For one thread at a time; it blocks on the disk.
package struct Housekeeping {
    let journal: Journal
    private let segmentBytes: Int

    package init(journal: Journal) {
        self.journal = journal
        segmentBytes = journal.segmentBytes
    }

    /// What it goes by.
    package struct Terms {
        /// As it was when everything before ``Journal/checkpointOrdinal`` had been heard of.
        package var needs: JournalNeeds
        package var checkpointOrdinal: UInt64
        /// Unix milliseconds: what was sealed before is past its retention.
        package var keptSince: Int64
        package var maxBytes: Int64
        /// Changes of registrations up to this revision are in the snapshot.
        package var savedRevision: UInt64

        package init(
            needs: JournalNeeds, checkpointOrdinal: UInt64, keptSince: Int64, maxBytes: Int64, savedRevision: UInt64
        ) {
            self.needs = needs
            self.checkpointOrdinal = checkpointOrdinal
            self.keptSince = keptSince
            self.maxBytes = maxBytes
            self.savedRevision = savedRevision
        }
    }

    package struct Outcome: Equatable, Sendable {
        /// The first event that can still be there.
        package var firstSequence: UInt64 = 1
        package var isFull = false
        /// Bytes of pending deliveries that stand in the way; 0: none.
        package var displaceBytes: Int64 = 0
        /// Bytes that were won back.
        package var removedBytes: Int64 = 0
    }

    /// - Parameter commitFloor: makes ``Journal/publishFloor(_:completion:)`` durable and waits for it; false if it can't.
    package func makeRoom(_ terms: Terms, commitFloor: (UInt64) -> Bool) throws(DiskError) -> Outcome {
        let before = journal.bytes
        var shares: [UInt64: Double] = [:]
        var outcome = Outcome()
        rounds: while true {
            let outline = outline(terms, shares)
            outcome.isFull = outline.isFull
            switch outline.nextStep {
            case nil:
                break rounds
            case .remove(let below):
                guard commitFloor(below) else { break rounds }
                try journal.removeSegments()
            case .measure(let ordinals):
                for ordinal in ordinals {
                    shares[ordinal] = try journal.neededShare(of: ordinal, needs: terms.needs)
                }
            case .rewrite(let ordinals):
                try journal.rewrite(
                    ordinals,
                    keeping: Journal.Survivors(
                        savedRevision: terms.savedRevision, event: { terms.needs.needs($0) }))
                for ordinal in ordinals { shares[ordinal] = nil }
                shares[ordinals.lowerBound] = 1
            case .displace(let bytes):
                outcome.displaceBytes = bytes
                break rounds
            }
        }
        outcome.firstSequence = journal.allSegments.first?.header.firstSequence ?? 1
        outcome.removedBytes = max(0, before - journal.bytes)
        return outcome
    }

    private func outline(_ terms: Terms, _ shares: [UInt64: Double]) -> JournalOutline {
        var parts = journal.outline(needs: terms.needs)
        for index in parts.indices { parts[index].neededShare = shares[parts[index].ordinal] }
        return JournalOutline(
            parts: parts, checkpointOrdinal: terms.checkpointOrdinal, keptSince: terms.keptSince,
            maxBytes: terms.maxBytes, segmentBytes: segmentBytes)
    }
}
