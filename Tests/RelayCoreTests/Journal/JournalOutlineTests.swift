import RelayCore
import Testing

/// What is done to make room, with both neighbours of each boundary.
@Suite("Journal outline")
struct JournalOutlineTests {
    private static let segmentBytes = 64 * 1024
    private static let now: Int64 = 1_000_000

    /// A segment with ten events.
    private static func part(
        _ ordinal: UInt64, through: UInt64? = nil, bytes: Int = segmentBytes, sealedAt: Int64? = 0,
        isNeeded: Bool = false, share: Double? = nil
    ) -> JournalOutline.Part {
        JournalOutline.Part(
            ordinal: ordinal, through: through ?? ordinal, sequences: ordinal * 10..<ordinal * 10 + 10, bytes: bytes,
            sealedAt: sealedAt, isNeeded: isNeeded, neededShare: share)
    }

    private static func step(
        _ parts: [JournalOutline.Part], checkpoint: UInt64? = nil, keptSince: Int64 = 0, maxBytes: Int64 = 1 << 40
    ) -> JournalOutline.Step? {
        JournalOutline(
            parts: parts, checkpointOrdinal: checkpoint ?? parts.last?.ordinal ?? 0, keptSince: keptSince,
            maxBytes: maxBytes,
            segmentBytes: segmentBytes
        ).nextStep
    }

    @Test(
        "what is not needed goes once it is past its retention",
        arguments: [(now - 1, true), (now, false), (now + 1, false)])
    func retention(sealedAt: Int64, goes: Bool) {
        let parts = [Self.part(1, sealedAt: sealedAt), Self.part(2, sealedAt: nil, isNeeded: true)]
        #expect(Self.step(parts, keptSince: Self.now) == (goes ? .remove(below: 2) : nil))
    }

    @Test(
        "only what lies whole before the checkpoint's segment goes",
        arguments: [(1, nil), (2, nil), (3, .remove(below: 3)), (4, .remove(below: 4))]
            as [(UInt64, JournalOutline.Step?)])
    func checkpoint(ordinal: UInt64, expected: JournalOutline.Step?) {
        // The first one stands for two.
        let parts = [Self.part(1, through: 2), Self.part(3), Self.part(4, sealedAt: nil)]
        #expect(Self.step(parts, checkpoint: ordinal, keptSince: Self.now) == expected)
    }

    @Test("the segment that is written to never goes")
    func current() {
        #expect(Self.step([Self.part(1, sealedAt: nil)], keptSince: .max) == nil)
    }

    @Test("whole segments go from the oldest on, up to the first that is needed")
    func oldestFirst() {
        let parts = [
            Self.part(1), Self.part(2, isNeeded: true, share: 0), Self.part(3, isNeeded: true, share: 0.9),
            Self.part(4),
        ]
        #expect(Self.step(parts, keptSince: Self.now) == .remove(below: 3))
        // What is left in front is needed: the one behind it is no whole segment from the oldest on, but worth merging.
        let rest = parts[2...] + [Self.part(5, sealedAt: nil)]
        #expect(Self.step(Array(rest), keptSince: Self.now) == .rewrite(3...4))
    }

    /// 8 segments of 64 KiB; the soft limit is seven eighths of the hard one.
    @Test(
        "settled history goes before its time past the soft limit, and no more of it than is in the way",
        arguments: [
            (8 * 65_536 * 8 / 7 + 8, nil), (8 * 65_536 * 8 / 7 - 8, .remove(below: 2)),
            (7 * 65_536 * 8 / 7 + 8, .remove(below: 2)), (7 * 65_536 * 8 / 7 - 8, .remove(below: 3)),
            (0, .remove(below: 8)),
        ] as [(Int64, JournalOutline.Step?)])
    func pressure(maxBytes: Int64, expected: JournalOutline.Step?) {
        let parts = (1...8).map { Self.part($0, sealedAt: $0 == 8 ? nil : Self.now) }
        #expect(Self.step(parts, keptSince: 0, maxBytes: maxBytes) == expected)
    }

    @Test("what is needed is measured before it is written anew, sixteen at a time, small ones not at all")
    func measure() {
        let parts = (1...20).map { Self.part($0, isNeeded: true) } + [Self.part(21, sealedAt: nil)]
        #expect(Self.step(parts, keptSince: Self.now) == .measure(Array(1...16)))
        let small = [
            Self.part(1, bytes: Self.segmentBytes / 16, isNeeded: true),
            Self.part(2, bytes: Self.segmentBytes / 16 - 1, isNeeded: true), Self.part(3, sealedAt: nil),
        ]
        #expect(Self.step(small, keptSince: Self.now) == .measure([1]))
    }

    @Test(
        "a segment is written anew for half of it, under pressure for an eighth",
        arguments: [
            (0.5, false, .rewrite(1...1)), (0.51, false, nil), (0.6, true, .rewrite(1...1)),
            (0.74, true, .rewrite(1...1)), (0.76, true, .displace(bytes: 2 * 65_536)),
        ] as [(Double, Bool, JournalOutline.Step?)])
    func rewrite(share: Double, isTight: Bool, expected: JournalOutline.Step?) {
        let parts = [Self.part(1, isNeeded: true, share: share), Self.part(2, sealedAt: nil)]
        #expect(Self.step(parts, keptSince: Self.now, maxBytes: isTight ? 0 : 1 << 40) == expected)
    }

    @Test("as many neighbours as fit into one segment are merged, and none over a gap")
    func groups() {
        let parts = [
            Self.part(1, isNeeded: true, share: 0.4), Self.part(2, isNeeded: true, share: 0.4),
            Self.part(3, isNeeded: true, share: 0.4), Self.part(4, sealedAt: nil),
        ]
        #expect(Self.step(parts, keptSince: Self.now) == .rewrite(1...2))
        let gap = [
            Self.part(1, isNeeded: true, share: 0.4), Self.part(2, sealedAt: Self.now, isNeeded: true, share: 0.4),
            Self.part(3, isNeeded: true, share: 0.4), Self.part(4, sealedAt: nil),
        ]
        #expect(Self.step(gap, keptSince: Self.now) == .rewrite(1...1))
    }

    @Test("small ones are merged by eights", arguments: [7, 8, 9])
    func small(count: UInt64) {
        let parts =
            (1...count).map { Self.part($0, bytes: 3_000, isNeeded: true) } + [Self.part(count + 1, sealedAt: nil)]
        #expect(Self.step(parts, keptSince: Self.now) == (count < 8 ? nil : .rewrite(1...count)))
    }

    @Test("where nothing else helps, pending deliveries stand in the way", arguments: [-1, 0, 1])
    func displace(excess: Int64) {
        let parts = [Self.part(1, isNeeded: true, share: 1), Self.part(2, sealedAt: nil, isNeeded: true)]
        let bytes = Int64(2 * Self.segmentBytes)
        // The soft limit of 8 n is 7 n.
        let soft = bytes - excess
        let outline = JournalOutline(
            parts: parts, checkpointOrdinal: 2, keptSince: 0, maxBytes: soft / 7 * 8 + soft % 7,
            segmentBytes: Self.segmentBytes)
        let expected = bytes - outline.softLimit
        #expect(outline.nextStep == (expected > 0 ? .displace(bytes: expected) : nil))
        #expect(!outline.isFull)
    }

    @Test("full is what exceeds the limit", arguments: [(-1, true), (0, false), (1, false)] as [(Int64, Bool)])
    func full(room: Int64, isFull: Bool) {
        let outline = JournalOutline(
            parts: [Self.part(1, sealedAt: nil)], checkpointOrdinal: 1, keptSince: 0,
            maxBytes: Int64(Self.segmentBytes) + room, segmentBytes: Self.segmentBytes)
        #expect(outline.isFull == isFull)
    }

    /// Whatever the outline, doing what it says leads to an end.
    @Test(arguments: 1...200 as ClosedRange<UInt64>) func itComesToAnEnd(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var outline = JournalOutline(
            parts: (1...UInt64(2 + random.below(20))).map {
                Self.part(
                    $0, bytes: 8_192 + random.below(Self.segmentBytes), sealedAt: Int64(random.below(2)) * Self.now,
                    isNeeded: random.chance(60))
            }, checkpointOrdinal: UInt64(random.below(24)), keptSince: Self.now / 2,
            maxBytes: Int64(random.below(1 << 20)), segmentBytes: Self.segmentBytes)
        outline.parts[outline.parts.count - 1] = Self.part(
            outline.parts[outline.parts.count - 1].ordinal, sealedAt: nil, isNeeded: true)
        for _ in 0..<200 {
            switch outline.nextStep {
            case nil, .displace: return
            case .remove(let below):
                let before = outline.parts.count
                outline.parts.removeAll { $0.through < below }
                #expect(outline.parts.count < before)
            case .measure(let ordinals):
                for index in outline.parts.indices where ordinals.contains(outline.parts[index].ordinal) {
                    outline.parts[index].neededShare = Double(random.below(101)) / 100
                }
            case .rewrite(let ordinals):
                let group = outline.parts.filter { ordinals.contains($0.ordinal) }
                let bytes = group.reduce(0.0) { $0 + Double($1.bytes) * ($1.isNeeded ? $1.neededShare ?? 1 : 0) }
                let merged = Self.part(
                    ordinals.lowerBound, through: ordinals.upperBound, bytes: 8_192 + Int(bytes),
                    sealedAt: group[0].sealedAt, isNeeded: true, share: 1)
                outline.parts.removeAll { ordinals.contains($0.ordinal) }
                outline.parts.insert(
                    merged, at: outline.parts.firstIndex { $0.ordinal > merged.ordinal } ?? outline.parts.count)
            }
        }
        Issue.record("seed \(seed): it goes on and on")
    }
}
