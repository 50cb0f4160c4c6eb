package import RelayCore

/// Erasing: what people ask for who want their data gone.
///
/// A segment that holds such an event is written anew without it, and its old file has no name any more. The blocks that
/// the old file had are the kernel's and the disk's from then on: that their contents can't be found there is a matter of
/// the file system and of encrypting the disk.
extension Housekeeping {
    /// What was done to one segment.
    package struct Erased: Equatable, Sendable {
        /// To go on behind.
        package let through: UInt64
        /// Events that were taken out of it, by the number of their task.
        package var counts: [UInt64: UInt64] = [:]
    }

    /// Takes events out of the next segment in which some may be.
    ///
    /// - Parameters:
    ///   - terms: only segments before its checkpoint are looked at.
    ///   - ordinal: of the last segment that is done; 0: none is.
    /// - Returns: nil if there is no further one.
    package func erase(
        _ erasure: Erasure, _ terms: Terms, after ordinal: UInt64
    ) throws(DiskError) -> Erased? {
        let segments = journal.allSegments
        for (index, segment) in segments.enumerated() where segment.header.throughOrdinal > ordinal {
            let header = segment.header
            guard header.throughOrdinal < terms.checkpointOrdinal else { return nil }
            // Behind its end is at most what was never acknowledged: somebody's data all the same.
            try segment.dropTail()
            let end = index + 1 < segments.count ? segments[index + 1].header.firstSequence : .max
            guard erasure.mayTake(anyOf: header.firstSequence..<max(end, header.firstSequence)) else { continue }
            guard try mustGo(erasure, from: segment) else {
                return Erased(through: header.throughOrdinal)
            }
            var erased = Erased(through: header.throughOrdinal)
            let survivors = Journal.Survivors(
                savedRevision: terms.savedRevision,
                event: { event in
                    guard let task = erasure.task(taking: event) else { return true }
                    erased.counts[task, default: 0] += 1
                    return false
                })
            try journal.rewrite(header.ordinal...header.throughOrdinal, keeping: survivors)
            return erased
        }
        return nil
    }

    /// Whether a segment holds such an event, or damage: nobody knows what is in that.
    private func mustGo(_ erasure: Erasure, from segment: Segment) throws(DiskError) -> Bool {
        var isFound = false
        let (damage, _) = try segment.forEachRecord { place, header, _ in
            guard header.kind == RecordKind.event.rawValue else { return true }
            guard let event = EventRecord(buffer: place.buffer, offset: place.offset) else { return true }
            isFound = erasure.task(taking: event) != nil
            return !isFound
        }
        return isFound || !damage.isEmpty
    }

    /// Removes what a rewriting left behind that could not be finished. To be called where no other one is under way.
    package func removeUnfinished() throws(DiskError) {
        let names = try journal.disk.list(journal.directory).filter { $0.hasSuffix(".seg.new") }
        for name in names { try journal.disk.remove("\(journal.directory)/\(name)") }
        if !names.isEmpty { try journal.disk.syncDirectory(journal.directory) }
    }
}

extension Segment {
    /// Cuts a sealed segment's file off where it ends.
    fileprivate func dropTail() throws(DiskError) {
        guard try file.size() > validBytes else { return }
        try file.truncate(to: validBytes)
        try file.sync()
    }
}
