import RelayCore
import Testing

/// The table of ids against a plain dictionary.
@Suite("Duplicate index")
struct DuplicateIndexTests {
    private static func noFiles(
        _ fingerprint: UInt64, _ among: ClosedRange<UInt64>
    ) -> DuplicateIndex.SealedIDs? { nil }

    private func found(_ index: DuplicateIndex, _ fingerprint: UInt64) -> Set<UInt64> {
        var sequences: Set<UInt64> = []
        let stopped = index.find(fingerprint, sealed: Self.noFiles) {
            sequences.insert($0)
            return false
        }
        #expect(!stopped)
        return sequences
    }

    @Test("random insertions, removals and forgetting do what a dictionary does", arguments: [1, 2, 3, 4] as [UInt64])
    func model(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var index = DuplicateIndex(maxCount: 1_000_000)
        var model: [UInt64: Set<UInt64>] = [:]
        var entries: [(fingerprint: UInt64, sequence: UInt64)] = []
        var sequence: UInt64 = 0
        var first: UInt64 = 0
        // Few low bits, so that places collide and runs wrap around the table's end.
        let prints = (0..<3000).map { _ in random.next() | (random.chance(50) ? 0x3FF : 0) }
        for turn in 0..<12_000 {
            let fingerprint = prints[random.below(prints.count)]
            switch random.below(10) {
            case 0..<6:
                sequence += 1 + UInt64(random.below(3))
                index.insert(fingerprint, sequence: sequence)
                model[fingerprint, default: []].insert(sequence)
                entries.append((fingerprint, sequence))
            case 6..<8 where !entries.isEmpty:
                let entry = entries.remove(at: random.below(entries.count))
                index.remove(entry.fingerprint, sequence: entry.sequence)
                model[entry.fingerprint]?.remove(entry.sequence)
            case 8 where turn % 50 == 0 && !entries.isEmpty:
                first = max(first, entries[entries.count / 4].sequence)
                index.forget(before: first)
            default: index.remove(fingerprint, sequence: .max)
            }
            let expected = (model[fingerprint] ?? []).filter { $0 >= first }
            guard found(index, fingerprint) == expected else {
                Issue.record("seed \(seed), turn \(turn)")
                return
            }
        }
        for fingerprint in prints {
            #expect(found(index, fingerprint) == (model[fingerprint] ?? []).filter { $0 >= first })
        }
    }

    @Test("it ends at the entry that the caller takes")
    func stops() {
        var index = DuplicateIndex(maxCount: 10)
        for sequence in 1...3 as ClosedRange<UInt64> { index.insert(7, sequence: sequence) }
        var asked = 0
        #expect(
            index.find(7, sealed: Self.noFiles) { _ in
                asked += 1
                return asked == 2
            })
        #expect(asked == 2)
    }

    @Test("more recent ids than one table holds are all found, and can all be taken back")
    func severalTables() {
        let count: UInt64 = 60_000
        var index = DuplicateIndex(maxCount: 1_000_000)
        func fingerprint(_ sequence: UInt64) -> UInt64 { sequence &* 0x9E37_79B9_7F4A_7C15 }
        for sequence in 1...count { index.insert(fingerprint(sequence), sequence: sequence) }
        #expect((1...count).allSatisfy { found(index, fingerprint($0)) == [$0] })
        for sequence in 1...count { index.remove(fingerprint(sequence), sequence: sequence) }
        #expect((1...count).allSatisfy { found(index, fingerprint($0)).isEmpty })
        for sequence in 1...count { index.insert(fingerprint(sequence), sequence: count + sequence) }
        #expect((1...count).allSatisfy { found(index, fingerprint($0)) == [count + $0] })
    }

    @Test("past its bound the oldest are forgotten first, and the newest never")
    func bounded() {
        let maxCount = 2000
        var index = DuplicateIndex(maxCount: maxCount)
        for sequence in 1...20_000 as ClosedRange<UInt64> {
            index.insert(sequence &* 0x9E37_79B9_7F4A_7C15, sequence: sequence)
        }
        func isThere(_ sequence: UInt64) -> Bool {
            !found(index, sequence &* 0x9E37_79B9_7F4A_7C15).isEmpty
        }
        let kept = (1...20_000 as ClosedRange<UInt64>).filter(isThere)
        // What is kept is the newest, without a gap.
        #expect(kept.last == 20_000 && kept.count == Int(20_000 - (kept.first ?? 0)) + 1)
        #expect(kept.count >= maxCount)
        #expect(index.count <= maxCount + maxCount / 5)
    }

    @Test(
        "a full table whose entries are nearly all forgotten makes room",
        arguments: [0, 1, 100, 1700, 1749, 1750, 2000])
    func roomAfterForgetting(kept: Int) {
        var index = DuplicateIndex(maxCount: 2000)
        var sequence: UInt64 = 0
        func fingerprint(_ sequence: UInt64) -> UInt64 { sequence &* 0x9E37_79B9_7F4A_7C15 }
        // One short of the next growth: 3/4 of 4096 places.
        while sequence < 3071 {
            sequence += 1
            index.insert(fingerprint(sequence), sequence: sequence)
        }
        index.forget(before: sequence + 1 - UInt64(kept))
        for _ in 0..<10 {
            sequence += 1
            index.insert(fingerprint(sequence), sequence: sequence)
        }
        for newest in sequence - 9...sequence { #expect(found(index, fingerprint(newest)) == [newest]) }
    }

    @Test("fingerprints tell tenant and id apart")
    func fingerprints() {
        func fingerprint(_ tenant: String, _ id: String) -> UInt64 {
            Array(tenant.utf8).withUnsafeBytes { tenant in
                Array(id.utf8).withUnsafeBytes {
                    EventFingerprint.make(tenant: tenant, id: $0, journal: EventFixture.journal)
                }
            }
        }
        #expect(fingerprint("a", "b") == fingerprint("a", "b"))
        #expect(Set([fingerprint("a", "bc"), fingerprint("ab", "c"), fingerprint("bc", "a")]).count == 3)
    }
}
