import RelayCore
import Synchronization

/// Events one after the other in a segment, as they were read for a lane. Lanes lag at the same place when many webhooks
/// get the same events: one reads and checks them, and all have them in the same memory.
struct JournalStretch: Sendable {
    struct Entry: Sendable {
        let sequence: UInt64
        let offset: Int32
        let bytes: Int32
    }

    /// Of the file that it was read from: one that is written anew has another.
    let nonce: UInt64
    /// The events from here on, up to `next`, are `entries` and no others.
    let first: UInt64
    let next: UInt64
    /// Where the record behind it begins in the file.
    let end: Int
    let buffer: RecordBuffer
    let entries: [Entry]
}

/// The stretches whose events are still in somebody's hands: nothing is kept in memory for its own sake.
final class JournalStretches: Sendable {
    private struct Known {
        let nonce: UInt64
        let first: UInt64
        let next: UInt64
        let end: Int
        weak var buffer: RecordBuffer?
        let entries: [JournalStretch.Entry]
    }

    private let known = Mutex<[Known]>([])

    /// How many are looked through for one.
    private static let most = 64

    func stretch(nonce: UInt64, from sequence: UInt64) -> JournalStretch? {
        known.withLock { known in
            for one in known.reversed() where one.nonce == nonce && one.first <= sequence && sequence < one.next {
                guard let buffer = one.buffer else { continue }
                return JournalStretch(
                    nonce: nonce, first: one.first, next: one.next, end: one.end, buffer: buffer, entries: one.entries)
            }
            return nil
        }
    }

    func keep(_ stretch: JournalStretch) {
        known.withLock { known in
            known.removeAll { $0.buffer == nil }
            if known.count == Self.most { known.removeFirst() }
            known.append(
                Known(
                    nonce: stretch.nonce, first: stretch.first, next: stretch.next, end: stretch.end,
                    buffer: stretch.buffer, entries: stretch.entries))
        }
    }
}

/// Collects a lane's events from one segment after the other.
struct LaneReader {
    private let read: DeliveryScheduler.Read
    private let maxBytes: Int
    private let stretches: JournalStretches
    /// Events that are few among others' are copied, so that they do not hold those in memory.
    private let copies = RecordBuffer(capacity: 4096)
    private var events: [EventRecord] = []
    private var bytes = 0
    private var next: UInt64
    private(set) var isFull = false

    init(_ read: DeliveryScheduler.Read, maxBytes: Int, _ stretches: JournalStretches) {
        self.read = read
        self.maxBytes = maxBytes
        self.stretches = stretches
        next = read.from
    }

    var result: Journal.LaneEvents {
        // What is missing up to the end was damaged, or never acknowledged.
        Journal.LaneEvents(events: events, next: isFull ? next : read.through + 1)
    }

    private func hasRoom(for more: Int) -> Bool {
        events.count < read.maxEvents && (events.isEmpty || bytes + more <= maxBytes)
    }

    private mutating func copy(_ buffer: RecordBuffer, _ offset: Int, _ count: Int) {
        let start = copies.count
        copies.append(UnsafeRawBufferPointer(start: buffer.bytes + offset, count: count))
        if let event = EventRecord(buffer: copies, offset: start) { events.append(event) }
        bytes += count
    }

    // MARK: Events that stand one after the other

    /// - Parameter recordBytes: what an event takes in the segment, about, if that is known: no more is read at a time than is
    ///   wanted.
    mutating func scan(_ segment: Segment, recordBytes: Int?) throws(DiskError) {
        var end: Int?
        while !isFull, next <= read.through {
            let wanted = min(read.maxEvents - events.count, Int(clamping: read.through - next &+ 1))
            let chunkBytes = recordBytes.map { min(maxBytes, max(Self.smallestChunk, wanted * $0)) } ?? maxBytes
            guard let stretch = try stretch(of: segment, from: end, chunkBytes) else { return }
            take(stretch)
            end = stretch.end
            if events.count >= read.maxEvents { isFull = true }
        }
    }

    private static let smallestChunk = 16 * 1024

    /// The events from `next` on, up to where a piece of the file ends, or where there are as many of the lane as it takes.
    ///
    /// - Parameter offset: where to read, if that is known.
    /// - Returns: nil if there are none.
    private func stretch(
        of segment: Segment, from offset: Int?, _ chunkBytes: Int
    ) throws(DiskError) -> JournalStretch? {
        let nonce = segment.header.nonce
        if let known = stretches.stretch(nonce: nonce, from: next) { return known }
        let start = if let offset { offset } else { try segment.offset(for: next) }
        var held: RecordBuffer?
        var entries: [JournalStretch.Entry] = []
        var (end, after) = (start, next)
        var left = read.maxEvents - events.count
        try segment.forEachRecord(from: start, chunkBytes: chunkBytes) { at, header, fileOffset in
            guard header.kind == RecordKind.event.rawValue, header.sequence >= next else { return true }
            guard header.sequence <= read.through, held == nil || held === at.buffer else { return false }
            held = at.buffer
            entries.append(
                JournalStretch.Entry(
                    sequence: header.sequence, offset: Int32(at.offset), bytes: Int32(header.totalBytes)))
            (end, after) = (fileOffset + header.totalBytes, header.sequence + 1)
            if EventRecord(buffer: at.buffer, offset: at.offset)?.goes(to: read.webhook) == true { left -= 1 }
            return left > 0 && isNextWhole(at.buffer, behind: at.offset + header.totalBytes)
        }
        guard let held else { return nil }
        let stretch = JournalStretch(
            nonce: nonce, first: next, next: after, end: end, buffer: held, entries: entries)
        stretches.keep(stretch)
        return stretch
    }

    /// Whether the record that begins somewhere in a piece of the file ends in it too.
    private func isNextWhole(_ buffer: RecordBuffer, behind offset: Int) -> Bool {
        guard offset + RecordFormat.headerBytes <= buffer.count else { return false }
        return offset + RecordFormat.Header(at: buffer.bytes + offset).totalBytes <= buffer.count
    }

    /// Takes the lane's events from `next` on.
    private mutating func take(_ stretch: JournalStretch) {
        var wanted: [JournalStretch.Entry] = []
        var size = 0
        for entry in stretch.entries where entry.sequence >= next {
            guard entry.sequence <= read.through,
                EventRecord(buffer: stretch.buffer, offset: Int(entry.offset))?.goes(to: read.webhook) == true
            else { continue }
            guard events.count + wanted.count < read.maxEvents,
                events.isEmpty && wanted.isEmpty || bytes + size + Int(entry.bytes) <= maxBytes
            else {
                isFull = true
                next = entry.sequence
                break
            }
            wanted.append(entry)
            size += Int(entry.bytes)
        }
        // Another lane may have read further: what is there was not asked for, and is still to come.
        if !isFull { next = min(stretch.next, read.through + 1) }
        guard size * 2 >= stretch.buffer.count else {
            for entry in wanted { copy(stretch.buffer, Int(entry.offset), Int(entry.bytes)) }
            return
        }
        for entry in wanted {
            if let event = EventRecord(buffer: stretch.buffer, offset: Int(entry.offset)) { events.append(event) }
        }
        bytes += size
    }

    // MARK: Events among others', by an index

    mutating func take(_ segment: Segment, by index: SegmentIndex) throws(IndexFault) {
        while !isFull {
            // One more than wanted tells whether there is more.
            let hits = try index.postings(
                of: read.webhook, from: next, max: min(256, read.maxEvents - events.count + 1)
            )
            .filter { $0.sequence <= read.through }
            guard let last = hits.last else { return }
            var position = 0
            while position < hits.count, !isFull {
                // Records that stand near each other are read at once.
                var end = position
                while end + 1 < hits.count, hits[end + 1].offset - hits[position].offset < maxBytes,
                    hits[end + 1].offset - hits[end].offset < 16 * 1024
                { end += 1 }
                let wanted = Set(hits[position...end].map(\.sequence))
                let bytes = hits[end].offset - hits[position].offset + 4096
                var isPast = false
                do throws(DiskError) {
                    try segment.forEachRecord(from: hits[position].offset, chunkBytes: bytes) { at, header, offset in
                        if header.kind == RecordKind.event.rawValue, wanted.contains(header.sequence),
                            !take(at.buffer, at.offset, header)
                        {
                            return false
                        }
                        isPast = offset >= hits[end].offset
                        return !isPast
                    }
                } catch {
                    throw .disk(error)
                }
                position = end + 1
            }
            if !isFull { next = max(next, last.sequence + 1) }
        }
    }

    /// - Returns: false if it is full: the record is not taken.
    private mutating func take(_ buffer: RecordBuffer, _ offset: Int, _ header: RecordFormat.Header) -> Bool {
        guard hasRoom(for: header.totalBytes) else {
            isFull = true
            return false
        }
        next = header.sequence + 1
        if EventRecord(buffer: buffer, offset: offset)?.goes(to: read.webhook) == true {
            copy(buffer, offset, header.totalBytes)
        }
        return true
    }
}
