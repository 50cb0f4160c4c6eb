import Testing

@testable import RelayCore

/// Lanes share the memory of events that came in together.
@Suite("Memory of events that wait")
struct EventMemoryTests {
    private static let entry = MemoryLayout<Lane.Waiting>.stride

    private static func batch(_ bytes: Int) -> RecordBuffer {
        let buffer = RecordBuffer()
        [UInt8](repeating: 7, count: bytes).withUnsafeBytes { buffer.append($0) }
        return buffer
    }

    @Test("a batch counts once however many lanes hold its events, and until the last one lets go")
    func shared() {
        var memory = EventMemory()
        let batch = Self.batch(1000)
        #expect(memory.price(of: batch) == 1000 + Self.entry)
        let shares = (0..<5).map { _ in memory.hold(batch) }
        #expect(memory.price(of: batch) == Self.entry)
        #expect(memory.bytes == 1000 + 5 * Self.entry)
        for share in shares.dropLast() { memory.release(share) }
        #expect(memory.bytes == 1000 + Self.entry)
        memory.release(shares[4])
        #expect(memory.bytes == 0)
        // Held anew after it was let go.
        #expect(memory.price(of: batch) == 1000 + Self.entry)
        memory.release(memory.hold(batch))
        #expect(memory.bytes == 0)
    }

    @Test("what was read from the journal counts once for lanes that come by in turn")
    func read() {
        var memory = EventMemory()
        let (one, other, live) = (Self.batch(1000), Self.batch(500), Self.batch(200))
        var shares: [EventMemory.Share] = []
        for _ in 0..<3 {
            shares += [memory.hold(read: one), memory.hold(live), memory.hold(read: other)]
        }
        #expect(memory.bytes == 1700 + 9 * Self.entry)
        for share in shares { memory.release(share) }
        #expect(memory.bytes == 0)
        memory.release(memory.hold(read: one))
        #expect(memory.bytes == 0)
    }

    @Test("batches are let go in any order, and their places are used again")
    func anyOrder() {
        var memory = EventMemory()
        let batches = (1...8).map { Self.batch($0 * 100) }
        for round in 0..<3 {
            let shares = batches.map { memory.hold($0) }
            #expect(memory.bytes == 3600 + 8 * Self.entry)
            let order = (0..<8).map { ($0 * 3 + round) % 8 }
            var left = 3600 + 8 * Self.entry
            for index in order {
                memory.release(shares[index])
                left -= (index + 1) * 100 + Self.entry
                #expect(memory.bytes == left)
            }
        }
    }
}
