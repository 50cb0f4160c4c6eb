/// Makes the index of a segment: gets its records in order, and then puts out blocks.
package struct SegmentIndexBuilder {
    private struct Identified: Fingerprinted {
        let fingerprint: UInt64
        let event: UInt32
    }

    private struct Failure {
        let webhook: WebhookNumber
        let settlement: LaneProgress.Settlement
    }

    private struct Name: Fingerprinted {
        let fingerprint: UInt32
        let event: UInt32
    }

    /// Events that one record of progress tells of.
    private struct Stretch {
        let first: UInt64
        let more: UInt16
        let place: UInt32
    }

    private struct Postings {
        var events: [UInt32] = []
        var bytes: UInt64 = 0
    }

    private let firstSequence: UInt64
    private var events: [(delta: UInt32, place: UInt32)] = []
    private var ids: [Identified] = []
    private var postings: [WebhookNumber: Postings] = [:]
    private var failures: [Failure] = []
    private var names: [Name] = []
    private var stretches: [Stretch] = []
    private var summary = SegmentIndexFormat.Summary()

    /// - Parameters:
    ///   - firstSequence: of the segment's header.
    ///   - coveredBytes: of the segment.
    package init(firstSequence: UInt64, coveredBytes: Int) {
        self.firstSequence = firstSequence
        summary.coveredBytes = UInt64(coveredBytes)
    }

    /// - Parameters:
    ///   - offset: of its record in the segment.
    ///   - bytes: of the record.
    ///   - fingerprint: of its tenant and the id that its producer gave.
    ///   - name: of the id alone.
    package mutating func add(
        _ event: EventRecord, at offset: Int, bytes: Int, fingerprint: UInt64?, name: UInt32?
    ) {
        let number = UInt32(events.count)
        let sequence = event.sequence
        events.append((UInt32(truncatingIfNeeded: sequence - firstSequence), UInt32(offset / RecordFormat.alignment)))
        if let fingerprint { ids.append(Identified(fingerprint: fingerprint, event: number)) }
        if let name { names.append(Name(fingerprint: name, event: number)) }
        let bodyBytes = UInt64(event.body.count)
        for index in 0..<event.webhookCount {
            let matched = event.webhook(index)
            guard matched.takesDeliveries else { continue }
            postings[matched.number, default: Postings()].events.append(number)
            postings[matched.number]?.bytes += bodyBytes
        }
        let acceptedAt = event.acceptedAt
        summary.earliest = number == 0 ? acceptedAt : min(summary.earliest, acceptedAt)
        summary.latest = number == 0 ? acceptedAt : max(summary.latest, acceptedAt)
        if number == 0 { summary.firstSequence = sequence }
        summary.lastSequence = sequence
        summary.recordBytes += UInt64(bytes)
    }

    /// - Parameter offset: of the record in the segment.
    package mutating func add(_ record: ProgressRecord, at offset: Int) {
        var sequences: [UInt64] = []
        for lane in record.lanes {
            for settlement in lane.progress.settled {
                sequences.append(settlement.sequence)
                if settlement.result != .delivered {
                    failures.append(Failure(webhook: lane.webhook, settlement: settlement))
                }
            }
            sequences += lane.progress.retried.map(\.sequence)
            sequences += lane.progress.reopened.map(\.sequence)
        }
        sequences.sort()
        guard let lowest = sequences.first, let highest = sequences.last else { return }
        let known = summary.progress ?? lowest...highest
        summary.progress = min(known.lowerBound, lowest)...max(known.upperBound, highest)
        var start = 0
        for index in sequences.indices
        where index + 1 == sequences.count || sequences[index + 1] - sequences[start] >= SegmentIndexFormat.stretch {
            stretches.append(
                Stretch(
                    first: sequences[start], more: UInt16(sequences[index] - sequences[start]),
                    place: UInt32(offset / RecordFormat.alignment)))
            start = index + 1
        }
    }

    /// Puts out the whole file.
    ///
    /// - Parameters:
    ///   - seed: of the segment.
    ///   - write: gets blocks in the order of the file, but for block 0, which comes last, with the offset for each part.
    package mutating func finish<E: Error>(
        seed: UInt32, _ write: (_ bytes: UnsafeRawBufferPointer, _ offset: Int) throws(E) -> Void
    ) throws(E) {
        ids.sortByFingerprint()
        names.sortByFingerprint()
        failures.sort {
            $0.webhook != $1.webhook
                ? $0.webhook < $1.webhook : $0.settlement.sequence < $1.settlement.sequence
        }
        stretches.sort { ($0.first, $0.place) < ($1.first, $1.place) }
        let webhooks = postings.keys.sorted()
        var writer = BlockWriter(seed: seed)
        try writer.section(.events, events.count, &summary, write) { buffer, index in
            buffer.append(events[index].delta)
            buffer.append(events[index].place)
        }
        try writer.section(.ids, ids.count, &summary, write) { buffer, index in
            buffer.append(ids[index].fingerprint)
            buffer.append(ids[index].event)
        }
        var firstPosting: UInt32 = 0
        try writer.section(.webhooks, webhooks.count, &summary, write) { buffer, index in
            let entry = postings[webhooks[index]] ?? Postings()
            buffer.append(webhooks[index])
            buffer.append(UInt32(entry.events.count))
            buffer.append(firstPosting)
            buffer.append(UInt32(0))
            buffer.append(entry.bytes)
            firstPosting += UInt32(entry.events.count)
        }
        var (lane, position) = (0, 0)
        try writer.section(.postings, Int(firstPosting), &summary, write) { buffer, _ in
            while let entry = postings[webhooks[lane]], position == entry.events.count {
                (lane, position) = (lane + 1, 0)
            }
            buffer.append(postings[webhooks[lane]]?.events[position] ?? 0)
            position += 1
        }
        try writer.section(.failures, failures.count, &summary, write) { buffer, index in
            let failure = failures[index]
            buffer.append(failure.webhook)
            buffer.append(UInt32(failure.settlement.result.rawValue))
            buffer.append(failure.settlement.sequence)
            buffer.append(failure.settlement.at)
            buffer.append(failure.settlement.status)
            buffer.append(failure.settlement.attempts)
            buffer.append(UInt32(0))
        }
        try writer.section(.names, names.count, &summary, write) { buffer, index in
            buffer.append(names[index].fingerprint)
            buffer.append(names[index].event)
        }
        try writer.section(.progress, stretches.count, &summary, write) { buffer, index in
            buffer.append(stretches[index].first)
            buffer.append(stretches[index].more)
            buffer.append(UInt16(0))
            buffer.append(stretches[index].place)
        }
        try writer.head(summary, write)
    }
}

/// Fills blocks with entries and hands them over a megabyte at a time.
private struct BlockWriter {
    private let seed: UInt32
    private var number = 1
    private var buffer = RecordBuffer(capacity: 1 << 20)
    private var written = SegmentIndexFormat.blockBytes

    init(seed: UInt32) {
        self.seed = seed
    }

    mutating func section<E: Error>(
        _ section: SegmentIndexFormat.Section, _ count: Int, _ summary: inout SegmentIndexFormat.Summary,
        _ write: (UnsafeRawBufferPointer, Int) throws(E) -> Void, _ append: (RecordBuffer, Int) -> Void
    ) throws(E) {
        summary.counts[section.rawValue] = UInt32(count)
        summary.firstBlocks[section.rawValue] = UInt32(number)
        for index in 0..<count {
            append(buffer, index)
            if (index + 1) % section.entriesPerBlock == 0 || index + 1 == count { endBlock() }
            if buffer.count >= 1 << 20, buffer.count % SegmentIndexFormat.blockBytes == 0 { try flush(write) }
        }
        try flush(write)
    }

    private mutating func endBlock() {
        let start = buffer.count / SegmentIndexFormat.blockBytes * SegmentIndexFormat.blockBytes
        Self.end(buffer, from: start, number: number, seed: seed)
        number += 1
    }

    private mutating func flush<E: Error>(_ write: (UnsafeRawBufferPointer, Int) throws(E) -> Void) throws(E) {
        guard !buffer.isEmpty else { return }
        try write(buffer.contents, written)
        written += buffer.count
        buffer = RecordBuffer(capacity: 1 << 20)
    }

    mutating func head<E: Error>(
        _ summary: SegmentIndexFormat.Summary, _ write: (UnsafeRawBufferPointer, Int) throws(E) -> Void
    ) throws(E) {
        let block = RecordBuffer(capacity: SegmentIndexFormat.blockBytes)
        SegmentIndexFormat.append(summary, to: block)
        Self.end(block, from: 0, number: 0, seed: seed)
        try write(block.contents, 0)
    }

    private static func end(_ buffer: RecordBuffer, from start: Int, number: Int, seed: UInt32) {
        let padding = start + SegmentIndexFormat.payloadBytes - buffer.count
        buffer.reserve(padding).initializeMemory(as: UInt8.self, repeating: 0, count: padding)
        buffer.advance(by: padding)
        buffer.append(SegmentIndexFormat.checksum(buffer.bytes + start, number: number, seed: seed))
        buffer.append(UInt32(0))
    }
}
