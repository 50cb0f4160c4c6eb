package import RelayCore
import Synchronization

/// Why an index could not answer.
package enum IndexFault: Error, Equatable, Sendable {
    case disk(DiskError)
    case damaged(path: String, block: Int)
}

/// An open index file, ``SegmentIndexFormat``: answers by reading a block or two.
package final class SegmentIndex: Sendable {
    package let path: String
    package let summary: SegmentIndexFormat.Summary
    private let file: any DiskFile
    private let seed: UInt32
    private let firstSequence: UInt64
    /// The last block read of each section.
    private let cache = Mutex<[Block?]>(Array(repeating: nil, count: SegmentIndexFormat.Section.allCases.count))

    private struct Block {
        let number: Int
        let bytes: [UInt8]
    }

    private init(
        path: String, file: any DiskFile, seed: UInt32, firstSequence: UInt64, summary: SegmentIndexFormat.Summary
    ) {
        self.path = path
        self.file = file
        self.seed = seed
        self.firstSequence = firstSequence
        self.summary = summary
    }

    /// - Returns: nil if there is none, or it is damaged, or that of another segment.
    package static func open(
        _ path: String, disk: any Disk, header: SegmentHeader
    ) throws(DiskError) -> SegmentIndex? {
        let file: any DiskFile
        do throws(DiskError) {
            file = try disk.open(path)
        } catch  where error.isMissing {
            return nil
        }
        let seed = RecordFormat.seed(nonce: header.nonce)
        let block = try file.read(SegmentIndexFormat.blockBytes, at: 0)
        let summary = block.withUnsafeBytes { bytes in
            SegmentIndexFormat.isWhole(bytes, number: 0, seed: seed) ? SegmentIndexFormat.summary(bytes) : nil
        }
        guard let summary else { return nil }
        return SegmentIndex(
            path: path, file: file, seed: seed, firstSequence: header.firstSequence, summary: summary)
    }

    /// Whether it has all sections that are written today.
    package var isCurrent: Bool { summary.version == SegmentIndexFormat.version }
    package var eventCount: Int { count(.events) }
    package var idCount: Int { count(.ids) }

    private func count(_ section: SegmentIndexFormat.Section) -> Int { Int(summary.counts[section.rawValue]) }

    // MARK: Events

    /// Where an event is.
    package struct Place: Equatable, Sendable {
        package let sequence: UInt64
        /// Of its record in the segment.
        package let offset: Int
    }

    private func place(_ index: Int) throws(IndexFault) -> Place {
        let (delta, offset) = try entry(.events, index) { entry in
            (
                UInt32(littleEndian: entry.loadUnaligned(as: UInt32.self)),
                UInt32(littleEndian: entry.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
            )
        }
        return Place(sequence: firstSequence + UInt64(delta), offset: Int(offset) * RecordFormat.alignment)
    }

    /// Nil if there is no such event.
    package func offset(ofSequence sequence: UInt64) throws(IndexFault) -> Int? {
        let index = try firstEvent(notBelow: sequence)
        guard index < eventCount else { return nil }
        let found = try place(index)
        return found.sequence == sequence ? found.offset : nil
    }

    /// Where the first event from a sequence on is; nil if there is none.
    package func firstOffset(atOrAfter sequence: UInt64) throws(IndexFault) -> Int? {
        let index = try firstEvent(notBelow: sequence)
        return index < eventCount ? try place(index).offset : nil
    }

    /// Sequences follow one another unless the segment was written anew: a guess is right nearly always.
    private func firstEvent(notBelow sequence: UInt64) throws(IndexFault) -> Int {
        let guess = sequence <= firstSequence ? 0 : Int(clamping: sequence - firstSequence)
        return try firstIndex(near: min(guess, eventCount), of: eventCount) { index throws(IndexFault) in
            try place(index).sequence >= sequence
        }
    }

    /// Events whose ids have a fingerprint, ascending.
    package func sequences(withFingerprint fingerprint: UInt64) throws(IndexFault) -> [UInt64] {
        guard idCount > 0 else { return [] }
        var found: [UInt64] = []
        var index = try firstID(notBelow: fingerprint)
        while index < idCount {
            let (candidate, event) = try id(index)
            guard candidate == fingerprint else { break }
            found.append(try place(Int(event)).sequence)
            index += 1
        }
        return found.sorted()
    }

    private func id(_ index: Int) throws(IndexFault) -> (fingerprint: UInt64, event: UInt32) {
        try entry(.ids, index) { entry in
            (
                UInt64(littleEndian: entry.loadUnaligned(as: UInt64.self)),
                UInt32(littleEndian: entry.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
            )
        }
    }

    /// Fingerprints are spread evenly: a guess is off by less than a block nearly always.
    private func firstID(notBelow fingerprint: UInt64) throws(IndexFault) -> Int {
        let guess = Int(fingerprint.multipliedFullWidth(by: UInt64(idCount)).high)
        return try firstIndex(near: guess, of: idCount) { index throws(IndexFault) in
            try id(index).fingerprint >= fingerprint
        }
    }

    private func firstIndex(
        near guess: Int, of count: Int, where isAtOrBehind: (Int) throws(IndexFault) -> Bool
    ) throws(IndexFault) -> Int {
        var step = 64
        var low = guess
        while low > 0, try isAtOrBehind(low - 1) {
            low = max(0, low - step)
            step *= 4
        }
        var high = max(low, guess)
        step = 64
        while high < count, !(try isAtOrBehind(high)) {
            low = high + 1
            high = min(count, high + step)
            step *= 4
        }
        return try bisect(low, high, isAtOrBehind)
    }

    /// All fingerprints, ascending.
    package func forEachFingerprint(_ body: (UInt64) -> Void) throws(IndexFault) {
        let section = SegmentIndexFormat.Section.ids
        for start in stride(from: 0, to: idCount, by: section.entriesPerBlock) {
            let bytes = try block(Int(summary.firstBlocks[section.rawValue]) + start / section.entriesPerBlock)
            bytes.withUnsafeBytes { entries in
                for index in 0..<min(section.entriesPerBlock, idCount - start) {
                    body(
                        UInt64(
                            littleEndian: entries.loadUnaligned(
                                fromByteOffset: index * section.entryBytes, as: UInt64.self)))
                }
            }
        }
    }

    /// Events whose producers' ids have a fingerprint, whoever their tenants are, ascending. Some may have other ids.
    package func sequences(withName fingerprint: UInt32) throws(IndexFault) -> [UInt64] {
        let total = count(.names)
        func name(_ index: Int) throws(IndexFault) -> (fingerprint: UInt32, event: UInt32) {
            try entry(.names, index) { entry in
                (
                    UInt32(littleEndian: entry.loadUnaligned(as: UInt32.self)),
                    UInt32(littleEndian: entry.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
                )
            }
        }
        let guess = Int(UInt64(fingerprint) * UInt64(total) >> 32)
        var index = try firstIndex(near: guess, of: total) { index throws(IndexFault) in
            try name(index).fingerprint >= fingerprint
        }
        var found: [UInt64] = []
        while index < total {
            let (candidate, event) = try name(index)
            guard candidate == fingerprint else { break }
            found.append(try place(Int(event)).sequence)
            index += 1
        }
        return found.sorted()
    }

    // MARK: Progress

    /// Where records of progress are that may tell of an event, ascending.
    package func progressOffsets(of sequence: UInt64) throws(IndexFault) -> [Int] {
        guard let known = summary.progress, known.contains(sequence) else { return [] }
        func first(_ index: Int) throws(IndexFault) -> UInt64 {
            try entry(.progress, index) { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        }
        let lowest = sequence - min(sequence, SegmentIndexFormat.stretch - 1)
        var index = try firstIndex(of: .progress) { index throws(IndexFault) in try first(index) >= lowest }
        var found: [Int] = []
        while index < count(.progress) {
            let (first, more, place) = try entry(.progress, index) { entry in
                (
                    UInt64(littleEndian: entry.loadUnaligned(as: UInt64.self)),
                    UInt16(littleEndian: entry.loadUnaligned(fromByteOffset: 8, as: UInt16.self)),
                    UInt32(littleEndian: entry.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
                )
            }
            guard first <= sequence else { break }
            if sequence - first <= UInt64(more) { found.append(Int(place) * RecordFormat.alignment) }
            index += 1
        }
        return found.sorted()
    }

    // MARK: Webhooks

    private struct Lane {
        let count: Int
        let firstPosting: Int
        let bytes: UInt64
    }

    private func lane(_ webhook: WebhookNumber) throws(IndexFault) -> Lane? {
        func number(_ index: Int) throws(IndexFault) -> WebhookNumber {
            try entry(.webhooks, index) { UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)) }
        }
        let index = try firstIndex(of: .webhooks) { index throws(IndexFault) in try number(index) >= webhook }
        guard index < count(.webhooks), try number(index) == webhook else { return nil }
        return try entry(.webhooks, index) { entry in
            Lane(
                count: Int(UInt32(littleEndian: entry.loadUnaligned(fromByteOffset: 4, as: UInt32.self))),
                firstPosting: Int(UInt32(littleEndian: entry.loadUnaligned(fromByteOffset: 8, as: UInt32.self))),
                bytes: UInt64(littleEndian: entry.loadUnaligned(fromByteOffset: 16, as: UInt64.self)))
        }
    }

    private func posting(_ index: Int) throws(IndexFault) -> Place {
        let event = try entry(.postings, index) { UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)) }
        return try place(Int(event))
    }

    /// A webhook's events from one on, in order.
    package func postings(
        of webhook: WebhookNumber, from sequence: UInt64, max: Int
    ) throws(IndexFault) -> [Place] {
        guard let lane = try lane(webhook) else { return [] }
        var places: [Place] = []
        var index = try firstPosting(of: lane, from: sequence)
        while index < lane.firstPosting + lane.count, places.count < max {
            places.append(try posting(index))
            index += 1
        }
        return places
    }

    /// Whether at least half of the events go to a webhook.
    package func isMostly(of webhook: WebhookNumber) throws(IndexFault) -> Bool {
        guard let lane = try lane(webhook) else { return false }
        return lane.count * 2 >= eventCount
    }

    /// How many events there are for a webhook from one on.
    package func count(of webhook: WebhookNumber, from sequence: UInt64) throws(IndexFault) -> Int {
        guard let lane = try lane(webhook) else { return 0 }
        return lane.firstPosting + lane.count - (try firstPosting(of: lane, from: sequence))
    }

    private func firstPosting(of lane: Lane, from sequence: UInt64) throws(IndexFault) -> Int {
        try bisect(lane.firstPosting, lane.firstPosting + lane.count) { index throws(IndexFault) in
            try posting(index).sequence >= sequence
        }
    }

    // MARK: What was not delivered

    package struct Failure: Equatable, Sendable {
        package let sequence: UInt64
        package let at: Int64
        package let result: SettlementResult
        package let status: UInt16
        package let attempts: UInt16
    }

    /// A webhook's deliveries that ended otherwise than delivered, from an event on, in the events' order.
    package func failures(
        of webhook: WebhookNumber, from sequence: UInt64, max: Int
    ) throws(IndexFault) -> [Failure] {
        func key(_ index: Int) throws(IndexFault) -> (WebhookNumber, UInt64) {
            try entry(.failures, index) { entry in
                (
                    UInt32(littleEndian: entry.loadUnaligned(as: UInt32.self)),
                    UInt64(littleEndian: entry.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
        }
        var found: [Failure] = []
        var index = try firstIndex(of: .failures) { index throws(IndexFault) in try key(index) >= (webhook, sequence) }
        while index < count(.failures), found.count < max, try key(index).0 == webhook {
            let failure = try entry(.failures, index) { entry in
                SettlementResult(rawValue: entry.load(fromByteOffset: 4, as: UInt8.self)).map {
                    Failure(
                        sequence: UInt64(littleEndian: entry.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                        at: Int64(littleEndian: entry.loadUnaligned(fromByteOffset: 16, as: Int64.self)), result: $0,
                        status: UInt16(littleEndian: entry.loadUnaligned(fromByteOffset: 24, as: UInt16.self)),
                        attempts: UInt16(littleEndian: entry.loadUnaligned(fromByteOffset: 26, as: UInt16.self)))
                }
            }
            if let failure { found.append(failure) }
            index += 1
        }
        return found
    }

    // MARK: Blocks

    /// Reads every block.
    package func check() throws(IndexFault) {
        var blocks = 1
        for section in SegmentIndexFormat.Section.allCases {
            let needed = (count(section) + section.entriesPerBlock - 1) / section.entriesPerBlock
            blocks = max(blocks, Int(summary.firstBlocks[section.rawValue]) + needed)
        }
        for number in 0..<blocks { _ = try block(number) }
    }

    private func firstIndex(
        of section: SegmentIndexFormat.Section, where isAtOrBehind: (Int) throws(IndexFault) -> Bool
    ) throws(IndexFault) -> Int {
        try bisect(0, count(section), isAtOrBehind)
    }

    private func bisect(
        _ low: Int, _ high: Int, _ isAtOrBehind: (Int) throws(IndexFault) -> Bool
    ) throws(IndexFault) -> Int {
        var (low, high) = (low, high)
        while low < high {
            let middle = (low + high) / 2
            if try isAtOrBehind(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func entry<Value>(
        _ section: SegmentIndexFormat.Section, _ index: Int, _ body: (UnsafeRawPointer) -> Value
    ) throws(IndexFault) -> Value {
        let perBlock = section.entriesPerBlock
        let number = Int(summary.firstBlocks[section.rawValue]) + index / perBlock
        guard index < count(section) else { throw .damaged(path: path, block: number) }
        let offset = index % perBlock * section.entryBytes
        var bytes: [UInt8] = []
        if let kept = cache.withLock({ $0[section.rawValue] }), kept.number == number {
            bytes = kept.bytes
        } else {
            bytes = try block(number)
            let read = Block(number: number, bytes: bytes)
            cache.withLock { $0[section.rawValue] = read }
        }
        guard let value = bytes.withUnsafeBytes({ $0.baseAddress.map { body($0 + offset) } }) else {
            throw .damaged(path: path, block: number)
        }
        return value
    }

    private func block(_ number: Int) throws(IndexFault) -> [UInt8] {
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try file.read(SegmentIndexFormat.blockBytes, at: number * SegmentIndexFormat.blockBytes)
        } catch {
            throw .disk(error)
        }
        guard bytes.withUnsafeBytes({ SegmentIndexFormat.isWhole($0, number: number, seed: seed) }) else {
            throw .damaged(path: path, block: number)
        }
        return bytes
    }
}
