import RelayCore
import Testing

@Suite("Filter of ids")
struct IDFilterTests {
    @Test("a generation says yes to all that it took, and seldom to others", arguments: [30, 1_000, 61_603])
    func generation(capacity: Int) {
        var random = SeededRandom(seed: UInt64(capacity))
        let generation = IDFilterGeneration(capacity: capacity)
        var taken: [UInt64] = []
        while !generation.isFull {
            let fingerprint = random.next()
            let sequence = UInt64(taken.count + 1)
            #expect(generation.insert(fingerprint, among: sequence...sequence))
            taken.append(fingerprint)
        }
        // Full before its time only where a tag finds no place: next to never.
        #expect(taken.count >= capacity - capacity / 50)
        #expect(taken.allSatisfy(generation.mayContain))
        #expect(generation.firstSequence == 1)
        #expect(generation.lastSequence == UInt64(taken.count))
        let others = 200_000
        let wrong = (0..<others).count { _ in generation.mayContain(random.next()) }
        // Eight tags of 16 bits are looked at: 8 / 65,535, and three times that at most.
        #expect(wrong < others * 24 / 65_535, "\(wrong)")
        #expect(!generation.insert(1, among: 1...1))
    }

    @Test("memory follows the number of ids, over all generations")
    func memory() {
        var random = SeededRandom(seed: 5)
        var filter = IDFilter(maxCount: 20_000_000)
        var sizes: [Int: Int] = [:]
        for count in 1...1_000_000 {
            filter.insert(random.next(), sequence: UInt64(count))
            if [10_000, 100_000, 1_000_000].contains(count) { sizes[count] = filter.bytes }
        }
        #expect(filter.count == 1_000_000)
        #expect((sizes[10_000] ?? .max) <= 128 * 1024)
        #expect((sizes[100_000] ?? .max) <= 100_000 * 4)
        #expect((sizes[1_000_000] ?? .max) <= 1_000_000 * 4)
        // Of full size: two bytes and a sixteenth an id.
        let capacity = IDFilter.largestGeneration(maxCount: 20_000_000)
        let largest = IDFilterGeneration(capacityAtMost: capacity)
        #expect(Double(largest.bytes) / Double(largest.capacity) < 2.2)
        // Twenty million ids, and the generation that is being filled while the oldest goes.
        #expect((20_000_000 / largest.capacity + 2) * largest.bytes <= 56 << 20)
    }

    @Test("past the limit the oldest go, and never are fewer remembered", arguments: [1, 100, 1_000, 20_000])
    func limit(maxCount: Int) {
        var random = SeededRandom(seed: 9)
        var filter = IDFilter(maxCount: maxCount)
        var taken: [UInt64] = []
        for sequence in 1...max(200, maxCount * 4) {
            taken.append(random.next())
            filter.insert(taken[sequence - 1], sequence: UInt64(sequence))
            #expect(filter.count >= min(sequence, maxCount))
        }
        #expect(taken.suffix(maxCount).allSatisfy(filter.mayContain))
        #expect(filter.forgottenByLimit > 0)
        #expect(filter.count + Int(filter.forgottenByLimit) == taken.count)
        #expect(filter.first == filter.forgottenByLimit + 1)
        // A generation more at most.
        #expect(filter.count <= maxCount + max(30, maxCount / 5))
    }

    @Test("generations of older events are put before the others, and go first")
    func adoption() {
        var random = SeededRandom(seed: 11)
        let prints = (0..<3).map { _ in random.next() }
        var filter = IDFilter(maxCount: 1_000_000)
        filter.insert(prints[0], sequence: 1_000)
        let old = IDFilterGeneration(capacity: 30)
        #expect(old.insert(prints[1], among: 101...500))
        let older = IDFilterGeneration(capacity: 30)
        #expect(older.insert(prints[2], among: 1...100))
        filter.adopt(old)
        filter.adopt(older)
        #expect(prints.allSatisfy { filter.mayContain($0) })
        filter.forget(before: 101)
        #expect(!filter.mayContain(prints[2]))
        #expect(filter.mayContain(prints[1]))
        filter.forget(before: 5_000)
        #expect(!filter.mayContain(prints[1]))
        // The one that is being filled stays.
        #expect(filter.mayContain(prints[0]))
        filter.adopt(IDFilterGeneration(capacity: 30))
        #expect(filter.count == 1)
    }

    @Test("of two generations of the same events, forgetting one keeps the other's ids")
    func sharedEvents() {
        var random = SeededRandom(seed: 12)
        var filter = IDFilter(maxCount: 60)
        let prints = (0..<90).map { _ in random.next() }
        for third in 0..<3 {
            let generation = IDFilterGeneration(capacity: 30)
            for print in prints[third * 30..<third * 30 + 30] { #expect(generation.insert(print, among: 1...100)) }
            filter.adopt(generation)
        }
        #expect(filter.count == 60 && filter.forgottenByLimit == 30)
        #expect(filter.first == 1)
        #expect(prints.filter { filter.mayContain($0) }.count >= 60)
    }

    @Test("an id that comes over and over takes one place, and begins no generation")
    func repetition() {
        var filter = IDFilter(maxCount: 20_000_000)
        for sequence in 1...10_000 as ClosedRange<UInt64> { filter.insert(0x1234_5678_9ABC_DEF0, sequence: sequence) }
        #expect(filter.generations.count == 1)
        #expect(filter.mayContain(0x1234_5678_9ABC_DEF0))
    }
}
