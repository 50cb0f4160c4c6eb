package import RelayCore

/// Reading what a look has found.
extension JournalInspection {
    /// A segment as reading has shown it.
    package struct SegmentFacts: Equatable, Sendable {
        package let path: String
        package let header: SegmentHeader
        /// Those that count.
        package let bytes: Int
        /// When the next one was made, Unix milliseconds; nil: it is the last one.
        package let sealedAt: Int64?
        package let hasIndex: Bool
        package var records: [RecordKind: Int] = [:]
        package var findings: [JournalFinding] = []

        package var recordCount: Int { records.values.reduce(0, +) }
    }

    /// Reads a segment, a piece at a time.
    ///
    /// - Parameters:
    ///   - number: of it in ``Look/segments``.
    ///   - record: gets each record in order; false ends the reading.
    ///   - damage: gets each damaged stretch of the file, in order with the records.
    package func read(
        _ number: Int, of look: Look, record visit: (JournalRecord) -> Bool, damage: (Range<Int>) -> Void = { _ in }
    ) throws(DiskError) -> SegmentFacts {
        let segments = look.segments
        let segment = segments[number]
        let next = number + 1 < segments.count ? segments[number + 1].header : nil
        var facts = SegmentFacts(
            path: segment.path, header: segment.header, bytes: segment.validBytes, sealedAt: next?.createdAt,
            hasIndex: segment.index != nil)
        var last = max(1, segment.header.firstSequence) - 1
        // Stretches, with the last event before each; those behind `told` wait for the next event.
        var stretches: [(range: Range<Int>, last: UInt64)] = []
        var told = 0
        func tell(before sequence: UInt64?) {
            for stretch in stretches[told...] {
                let (first, end) = (stretch.last &+ 1, sequence.map { max(1, $0) - 1 } ?? .max)
                facts.findings.append(
                    .bytes(path: segment.path, stretch.range, events: first <= end ? first...end : nil))
            }
            told = stretches.count
        }
        let (_, end) = try segment.forEachRecord(
            onDamage: {
                stretches.append(($0, last))
                damage($0)
            },
            { place, header, offset in
                let record = JournalRecord(
                    buffer: place.buffer, position: place.offset, header: header, offset: offset)
                if let kind = record.kind { facts.records[kind, default: 0] += 1 }
                if !record.isUnderstood {
                    stretches.append((offset..<offset + header.totalBytes, last))
                    damage(offset..<offset + header.totalBytes)
                } else if record.kind == .event {
                    if told < stretches.count { tell(before: header.sequence) }
                    last = max(last, header.sequence)
                }
                return visit(record)
            })
        // Zeros to the end, or an end before its time, are damage where records are known to have been.
        if let sealed = segment.sealedBytes, end < sealed, stretches.last?.range.lowerBound != end {
            stretches.append((end..<sealed, last))
            damage(end..<sealed)
        }
        tell(before: next.map { max($0.firstSequence, last &+ 1) })
        return facts
    }

    /// Reads all segments, and what else there is to be checked.
    ///
    /// - Parameter record: gets each record in order, with the number of its segment.
    package func readAll(
        _ look: Look, record visit: (_ record: JournalRecord, _ segment: Int) -> Void = { _, _ in }
    ) throws(DiskError) -> (segments: [SegmentFacts], findings: [JournalFinding]) {
        var all: [SegmentFacts] = []
        for number in look.segments.indices {
            var facts = try read(
                number, of: look,
                record: {
                    visit($0, number)
                    return true
                })
            if let finding = try indexProblem(look.segments[number]) { facts.findings.append(finding) }
            all.append(facts)
        }
        return (all, look.findings + all.flatMap(\.findings) + unreadable)
    }

    /// What the device could not read so far.
    package var unreadable: [JournalFinding] { disk.unreadable.map { .unreadable($0) } }

    private func indexProblem(_ segment: Segment) throws(DiskError) -> JournalFinding? {
        do throws(IndexFault) {
            if let index = segment.index {
                try index.check()
                return nil
            }
        } catch {
            switch error {
            case .disk(let error): throw error
            case .damaged(let path, let block): return .index(path: path, block: block)
            }
        }
        do throws(DiskError) {
            _ = try disk.attributes(of: segment.indexPath)
            // It is there and was not taken.
            return .index(path: segment.indexPath, block: nil)
        } catch  where error.isMissing {
            return nil
        }
    }
}
