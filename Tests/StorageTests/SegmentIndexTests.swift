import Storage
import Testing

@testable import RelayCore

/// Index files against what the segment itself says.
@Suite("Index of a segment")
struct SegmentIndexTests {
    private struct Made {
        let path: String
        let header: SegmentHeader
        let disk = SystemDisk()

        func open() throws -> SegmentIndex? { try SegmentIndex.open(path, disk: disk, header: header) }
    }

    private struct Entry {
        let sequence: UInt64
        let offset: Int
        let fingerprint: UInt64?
        let webhooks: [WebhookNumber]
    }

    private static func header(nonce: UInt64 = 77) -> SegmentHeader {
        SegmentHeader(
            journal: JournalID(high: 1, low: 2), nonce: nonce, ordinal: 4, firstSequence: 1_000, createdAt: 5,
            previousOrdinal: 3, previousBytes: 9_000)
    }

    /// A segment's events, some of them missing, for some of ten webhooks.
    private static func entries(_ count: Int, seed: UInt64) -> [Entry] {
        var random = SplitMix(state: seed)
        var sequence: UInt64 = 1_000
        var offset = SegmentHeader.dataOffset
        return (0..<count).map { index in
            defer {
                sequence += 1 + random.next() % 3
                offset += 120 + Int(random.next() % 40) * 8
            }
            let webhooks = (WebhookNumber(1)...10).filter { _ in random.next() % 4 == 0 }
            // A few ids have the same fingerprint.
            let fingerprint: UInt64? = random.next() % 5 == 0 ? nil : (index % 50 == 49 ? 4_711 : random.next())
            return Entry(sequence: sequence, offset: offset, fingerprint: fingerprint, webhooks: webhooks)
        }
    }

    private static func make(
        _ entries: [Entry], failures: [(WebhookNumber, UInt64)] = [], in directory: TemporaryJournal
    ) throws -> Made {
        let header = header()
        var builder = SegmentIndexBuilder(firstSequence: header.firstSequence, coveredBytes: 123_456)
        for entry in entries {
            let buffer = RecordBuffer()
            Fixture.append(entry.sequence, entry.webhooks, padding: 8, to: buffer)
            // The lengths are right by construction.
            builder.add(
                EventRecord(buffer: buffer, offset: 0)!, at: entry.offset, bytes: buffer.count,
                fingerprint: entry.fingerprint, name: entry.fingerprint.map { UInt32(truncatingIfNeeded: $0) })
        }
        var progress = ProgressRecord()
        for (webhook, sequence) in failures {
            var lane = LaneProgress()
            lane.settled = [SettlementResult.delivered, .displaced].map {
                LaneProgress.Settlement(
                    sequence: sequence, at: 17, result: $0, status: 503, attempts: 3, microseconds: 1, bytes: 2)
            }
            progress.lanes.append(ProgressRecord.LaneEntry(webhook: webhook, cursor: 0, progress: lane))
        }
        builder.add(progress, at: 80_000)
        let path = directory.file("made.idx")
        let file = try SystemDisk().create(path)
        try builder.finish(seed: RecordFormat.seed(nonce: header.nonce)) { bytes, offset throws(DiskError) in
            try file.write([bytes], at: offset)
        }
        return Made(path: path, header: header)
    }

    /// Both neighbours of a block's end for each section.
    @Test(
        "what is asked is answered as the segment would",
        arguments: [0, 1, 2, 339, 340, 341, 510, 511, 512, 1_021, 1_022, 1_023, 5_000])
    func answers(count: Int) throws {
        try TemporaryJournal.run { directory in
            let entries = Self.entries(count, seed: UInt64(count))
            let index = try #require(try Self.make(entries, in: directory).open())
            #expect(index.eventCount == count)
            #expect(index.idCount == entries.count { $0.fingerprint != nil })
            #expect(index.summary.firstSequence == entries.first?.sequence ?? 0)
            #expect(index.summary.lastSequence == entries.last?.sequence ?? 0)
            let last = entries.last?.sequence ?? 1_000
            let offsets = Dictionary(uniqueKeysWithValues: entries.map { ($0.sequence, $0.offset) })
            for sequence in 999...last + 1 {
                #expect(try index.offset(ofSequence: sequence) == offsets[sequence])
                let next = entries.first { $0.sequence >= sequence }
                if sequence % 7 == 0 || next == nil {
                    #expect(try index.firstOffset(atOrAfter: sequence) == next?.offset)
                }
            }
            let byFingerprint = Dictionary(grouping: entries.filter { $0.fingerprint != nil }) { $0.fingerprint ?? 0 }
            for (fingerprint, events) in byFingerprint {
                #expect(try index.sequences(withFingerprint: fingerprint) == events.map(\.sequence))
                #expect(try index.sequences(withFingerprint: fingerprint &+ 1).isEmpty)
            }
            for fingerprint in [0, 1, .max] as [UInt64] {
                #expect(try index.sequences(withFingerprint: fingerprint).isEmpty)
            }
            var all: [UInt64] = []
            try index.forEachFingerprint { all.append($0) }
            #expect(all == entries.compactMap(\.fingerprint).sorted())
            for webhook in WebhookNumber(0)...11 {
                let its = entries.filter { $0.webhooks.contains(webhook) }
                for from in [0, 1_000, last / 2 + 500, last, last + 1] {
                    let expected = its.filter { $0.sequence >= from }
                    #expect(try index.count(of: webhook, from: from) == expected.count)
                    let found = try index.postings(of: webhook, from: from, max: 100)
                    #expect(found.map(\.sequence) == expected.prefix(100).map(\.sequence))
                    #expect(found.map(\.offset) == expected.prefix(100).map(\.offset))
                }
            }
        }
    }

    @Test func whatWasNotDeliveredIsListed() throws {
        try TemporaryJournal.run { directory in
            let failures = (0..<300).map { (WebhookNumber($0 % 3 + 1), UInt64(2_000 - $0)) }
            let index = try #require(try Self.make([], failures: failures, in: directory).open())
            for webhook in WebhookNumber(0)...4 {
                let expected = failures.filter { $0.0 == webhook }.map(\.1).sorted()
                let found = try index.failures(of: webhook, from: 0, max: 1_000)
                #expect(found.map(\.sequence) == expected)
                #expect(
                    found.allSatisfy { $0.result == .displaced && $0.status == 503 && $0.attempts == 3 && $0.at == 17 })
                #expect(
                    try index.failures(of: webhook, from: 1_900, max: 5).map(\.sequence)
                        == Array(expected.filter { $0 >= 1_900 }.prefix(5)))
            }
        }
    }

    @Test func anotherSegmentsIndexIsNone() throws {
        try TemporaryJournal.run { directory in
            let made = try Self.make(Self.entries(10, seed: 1), in: directory)
            #expect(try made.open() != nil)
            #expect(try SegmentIndex.open(made.path, disk: made.disk, header: Self.header(nonce: 78)) == nil)
            #expect(try SegmentIndex.open(made.path + "x", disk: made.disk, header: made.header) == nil)
        }
    }

    /// A wrong answer would lose or repeat an event: each flipped byte is met by an error or by none of the questions.
    @Test func noFlippedByteGivesAWrongAnswer() throws {
        try TemporaryJournal.run { directory in
            let entries = Self.entries(20, seed: 3)
            let made = try Self.make(entries, failures: [(1, 1_000), (2, 1_001)], in: directory)
            let good = try directory.read("made.idx")
            #expect(good.count == 8 * 4096)
            var refused = 0
            for position in good.indices where position % 4096 < 700 || position % 4096 > 4080 {
                var bad = good
                bad[position] ^= 1 << UInt8(position % 8)
                try directory.write(bad, to: "made.idx")
                guard let index = try made.open() else {
                    refused += 1
                    continue
                }
                do throws(IndexFault) {
                    for entry in entries {
                        #expect(try index.offset(ofSequence: entry.sequence) == entry.offset)
                        if let fingerprint = entry.fingerprint {
                            #expect(try index.sequences(withFingerprint: fingerprint).contains(entry.sequence))
                            let name = UInt32(truncatingIfNeeded: fingerprint)
                            #expect(try index.sequences(withName: name).contains(entry.sequence))
                        }
                    }
                    for webhook in WebhookNumber(1)...10 {
                        let expected = entries.filter { $0.webhooks.contains(webhook) }.map(\.sequence)
                        #expect(try index.postings(of: webhook, from: 0, max: 100).map(\.sequence) == expected)
                    }
                    #expect(try index.failures(of: 1, from: 0, max: 9).count == 1)
                    #expect(try index.progressOffsets(of: 1_001) == [80_000])
                    // Only the last four bytes of a block mean nothing.
                    #expect(position % 4096 >= 4092, "byte \(position)")
                } catch {
                    guard case .damaged = error else {
                        Issue.record("byte \(position): \(error)")
                        return
                    }
                    refused += 1
                }
            }
            #expect(refused > 4_000)
        }
    }
}

private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
