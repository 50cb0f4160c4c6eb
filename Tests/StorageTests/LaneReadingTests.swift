import RelayCore
import Storage
import Testing

/// What lanes read of segments, with an index and without, alone and after one another.
@Suite("Reading for lanes")
struct LaneReadingTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state
        }
    }

    @Test("lanes that read the same events share their memory while it is in use")
    func shared() throws {
        try TemporaryJournal.run { directory in
            let run = try directory.open()
            #expect(run.append(events: Array(1...100), for: [1, 2]))
            func read(_ webhook: WebhookNumber, from: UInt64, max: Int = 1_000) throws -> [EventRecord] {
                let wanted = DeliveryScheduler.Read(webhook: webhook, from: from, through: 100, maxEvents: max)
                return try run.journal.events(wanted, maxBytes: 256 * 1024).events
            }
            let first = try read(1, from: 1)
            let second = try read(2, from: 40)
            #expect(first.map(\.sequence) == Array(1...100) && second.map(\.sequence) == Array(40...100))
            #expect(first[50].buffer === second[11].buffer)
            // A part of them is copied: it must not hold the rest.
            let few = try read(2, from: 40, max: 10)
            #expect(few.map(\.sequence) == Array(40..<50) && few[0].buffer !== first[0].buffer)
            #expect(few[0].buffer.count < first[0].buffer.count / 4)
            run.close()
        }
    }

    @Test("lanes to which most events go share them in segments that have an index, too; others get their own")
    func sharedWithIndex() throws {
        try TemporaryJournal.run { directory in
            let run = try directory.open(segmentBytes: 64 * 1024)
            for sequence in UInt64(1)...600 {
                #expect(run.append(events: [sequence], for: sequence % 10 == 0 ? [1, 2, 3] : [1, 2]))
            }
            while try run.journal.indexNext() {}
            func read(_ webhook: WebhookNumber, from: UInt64 = 1) throws -> [EventRecord] {
                let wanted = DeliveryScheduler.Read(webhook: webhook, from: from, through: 100, maxEvents: 1_000)
                return try run.journal.events(wanted, maxBytes: 256 * 1024).events
            }
            let first = try read(1)
            let second = try read(2, from: 31)
            let few = try read(3)
            #expect(first.map(\.sequence) == Array(1...100) && second.map(\.sequence) == Array(31...100))
            #expect(first[40].buffer === second[10].buffer)
            #expect(few.map(\.sequence) == Array(stride(from: 10, through: 100, by: 10)))
            #expect(few[0].buffer !== first[0].buffer && few[0].buffer === few[9].buffer)
            run.close()
        }
    }

    @Test("what others have read beyond the end of a read is left for the next one")
    func notBeyondItsEnd() throws {
        try TemporaryJournal.run { directory in
            let run = try directory.open()
            #expect(run.append(events: Array(1...100), for: [1, 2]))
            func read(_ webhook: WebhookNumber, through: UInt64, max: Int) throws -> Journal.LaneEvents {
                let wanted = DeliveryScheduler.Read(webhook: webhook, from: 1, through: through, maxEvents: max)
                return try run.journal.events(wanted, maxBytes: 256 * 1024)
            }
            let others = try read(1, through: 100, max: 1_000)
            for max in [49, 50, 51] {
                let own = try read(2, through: 50, max: max)
                let last = UInt64(min(max, 50))
                #expect(own.events.map(\.sequence) == Array(1...last) && own.next == last + 1)
            }
            withExtendedLifetime(others) {}
            run.close()
        }
    }

    @Test("nothing is kept of what nobody holds any more")
    func released() throws {
        try TemporaryJournal.run { directory in
            let run = try directory.open()
            #expect(run.append(events: Array(1...100), for: [1]))
            weak var held: RecordBuffer?
            do {
                let read = DeliveryScheduler.Read(webhook: 1, from: 1, through: 100, maxEvents: 1_000)
                let events = try run.journal.events(read, maxBytes: 256 * 1024).events
                held = events[0].buffer
                #expect(held != nil && events.count == 100)
            }
            #expect(held == nil)
            run.close()
        }
    }

    @Test("whatever others have read before, a lane gets its own events, each once and in order", arguments: 1...24)
    func anyOrder(seed: UInt64) throws {
        try TemporaryJournal.run { directory in
            var generator = Generator(state: seed)
            let run = try directory.open(segmentBytes: 64 * 1024)
            let count: UInt64 = 900
            var expected: [WebhookNumber: [UInt64]] = [:]
            for sequence in 1...count {
                // Webhook 1 gets all, 2 half of them, and 3 few.
                var webhooks: [WebhookNumber] = [1]
                if generator.next() >> 33 & 1 == 0 { webhooks.append(2) }
                if (generator.next() >> 33) % 50 == 0 { webhooks.append(3) }
                for webhook in webhooks { expected[webhook, default: []].append(sequence) }
                #expect(run.append(events: [sequence], for: webhooks))
                if (generator.next() >> 33) % 20 == 0 {
                    #expect(run.append(ProgressRecord(), seen: sequence))
                }
            }
            // Some read without indices, some with all of them, and for some they come while they read.
            if seed % 3 == 1 { while try run.journal.indexNext() {} }
            var next: [WebhookNumber: UInt64] = [1: 1, 2: 1, 3: 1]
            var found: [WebhookNumber: [UInt64]] = [:]
            // What is read is held for a while, and so are the stretches that it is in.
            var held: [[EventRecord]] = []
            while let webhook = next.filter({ $0.value <= count }).keys.sorted().randomElement(using: &generator) {
                let from = next[webhook] ?? 1
                let read = DeliveryScheduler.Read(
                    webhook: webhook, from: from, through: min(count, from + (generator.next() >> 33) % 100),
                    maxEvents: 1 + Int((generator.next() >> 33) % 60))
                let part = try run.journal.events(read, maxBytes: 512 << Int((generator.next() >> 33) % 8))
                #expect(part.next > from && part.next <= read.through + 1)
                #expect(part.events.allSatisfy { $0.sequence >= from && $0.sequence < part.next })
                found[webhook, default: []] += part.events.map(\.sequence)
                next[webhook] = part.next
                held.append(part.events)
                if held.count > 5 { held.removeFirst() }
                if seed % 3 == 2, (generator.next() >> 33) % 8 == 0 { _ = try run.journal.indexNext() }
            }
            #expect(found == expected)
            run.close()
        }
    }
}
