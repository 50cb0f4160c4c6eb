import Logging
package import RelayCore
import Synchronization

/// Making room: segments that are not needed any more.
extension Journal {
    /// What a plan for making room is made from; the last one is the segment that is written to.
    package func outline(needs: JournalNeeds) -> [JournalOutline.Part] {
        let segments = allSegments
        var parts: [JournalOutline.Part] = []
        for (index, segment) in segments.enumerated() {
            let next = index + 1 < segments.count ? segments[index + 1] : nil
            let range = segment.header.firstSequence..<(next?.header.firstSequence ?? .max)
            parts.append(
                JournalOutline.Part(
                    ordinal: segment.header.ordinal, through: segment.header.throughOrdinal, sequences: range,
                    bytes: segment.validBytes, sealedAt: next?.header.createdAt, isNeeded: needs.mayNeed(range),
                    neededShare: nil))
        }
        return parts
    }

    /// How much of a segment is needed, as a share of its events: 0...1, rather too much than too little.
    package func neededShare(of ordinal: UInt64, needs: JournalNeeds) throws(DiskError) -> Double {
        guard let segment = allSegments.first(where: { $0.header.ordinal == ordinal }) else { return 1 }
        if let index = segment.index {
            do throws(IndexFault) {
                return try neededShare(of: segment, by: index, needs)
            } catch {
                try segment.dropIndex(because: error, logger)
            }
        }
        var needed = 0
        var all = 0
        try segment.forEachRecord { place, header, _ in
            all += header.totalBytes
            if header.kind == RecordKind.event.rawValue,
                let event = EventRecord(buffer: place.buffer, offset: place.offset), needs.needs(event)
            {
                needed += header.totalBytes
            }
            return true
        }
        return all == 0 ? 0 : Double(needed) / Double(all)
    }

    private func neededShare(
        of segment: Segment, by index: SegmentIndex, _ needs: JournalNeeds
    ) throws(IndexFault) -> Double {
        guard index.eventCount > 0 else { return 0 }
        var needed = 0
        for (webhook, lane) in needs.lanes {
            if lane.cursor <= index.summary.lastSequence {
                needed += try index.count(of: webhook, from: lane.cursor)
            }
            // What is open behind the cursor is counted already.
            let first = lane.open.firstIndex(atOrAbove: index.summary.firstSequence)
            let end = lane.open.firstIndex(atOrAbove: min(lane.cursor, index.summary.lastSequence + 1))
            needed += max(0, end - first)
        }
        // An event that several lanes need is counted several times.
        let share = min(1, Double(needed) / Double(index.eventCount))
        return share * min(1, Double(index.summary.recordBytes) / Double(max(1, segment.validBytes)))
    }

    /// Makes it durable that the segments below an ordinal are not needed; then ``removeSegments()`` may remove them.
    ///
    /// - Parameter completion: called on the thread that writes.
    package func publishFloor(
        _ ordinal: UInt64, completion: @escaping @Sendable (Result<Void, JournalFailure>) -> Void
    ) {
        let buffer = RecordBuffer(capacity: 64)
        FloorRecord.append(ordinal, sequence: 0, to: buffer)
        let isTaken = submit(
            JournalBatch(buffer) { [self] result in
                if case .success = result { state.withLock { $0.floor = max($0.floor, ordinal) } }
                completion(result)
            })
        if !isTaken { completion(.failure(.closed)) }
    }

    /// Removes the segments below the floor.
    ///
    /// - Returns: the first event that can still be there.
    @discardableResult
    package func removeSegments() throws(DiskError) -> UInt64 {
        let floor = floor
        var isAnyRemoved = false
        while let oldest = segments.withLock({ $0.count > 1 ? $0[0] : nil }), oldest.header.throughOrdinal < floor {
            try disk.remove(oldest.path)
            removeIndex(of: oldest)
            segments.withLock { _ = $0.removeFirst() }
            isAnyRemoved = true
        }
        if isAnyRemoved { try disk.syncDirectory(directory) }
        return allSegments.first?.header.firstSequence ?? 1
    }

    func removeIndex(of segment: Segment) {
        // It may never have been made; if it stays, its nonce matches no segment.
        _ = try? disk.remove(segment.indexPath)
    }
}
