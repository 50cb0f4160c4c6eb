import RelayCore
import Testing

@Suite("Sequence set")
struct SequenceSetTests {
    @Test func atTheEdgesOfWordsAndChunks() {
        var set = SequenceSet()
        let edges: [UInt64] = [0, 1, 63, 64, 65, 4_095, 4_096, 4_159, 8_191, 1 << 40, .max - 1, .max]
        for sequence in edges.reversed() { set.insert(sequence) }
        #expect(set.count == edges.count)
        for sequence in edges { #expect(set.contains(sequence)) }
        for sequence in [2, 62, 66, 4_094, 4_097, 8_192, 1 << 40 - 1] as [UInt64] { #expect(!set.contains(sequence)) }
        var found: [UInt64] = []
        var next = set.first(atOrAbove: 0)
        while let sequence = next {
            found.append(sequence)
            next = sequence == .max ? nil : set.first(atOrAbove: sequence + 1)
        }
        #expect(found == edges)
        for sequence in edges { set.remove(sequence) }
        #expect(set.isEmpty && set.first(atOrAbove: 0) == nil)
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func likeASet(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var set = SequenceSet()
        var model: Set<UInt64> = []
        for _ in 0..<3_000 {
            let sequence = UInt64.random(in: 0..<20_000, using: &random)
            if Bool.random(using: &random) {
                set.insert(sequence)
                model.insert(sequence)
            } else {
                set.remove(sequence)
                model.remove(sequence)
            }
            let bound = UInt64.random(in: 0..<20_000, using: &random)
            #expect(set.first(atOrAbove: bound) == model.filter { $0 >= bound }.min())
        }
        #expect(set.count == model.count)
    }
}
