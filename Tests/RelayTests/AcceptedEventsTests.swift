import RelayCore
import Testing

@testable import Relay

@Suite("Events on their way to the pump")
struct AcceptedEventsTests {
    /// A batch of one event for each entry, for so many webhooks.
    private static func batch(from first: UInt64, webhooks: [Int]) -> RecordBuffer {
        let buffer = RecordBuffer()
        for (sequence, count) in zip(first..., webhooks) {
            EventFixture.append(
                sequence, webhooks: (0..<count).map { MatchedWebhook(number: UInt32($0), takesDeliveries: true) },
                to: buffer)
        }
        return buffer
    }

    private static func sequences(_ batches: [RecordBuffer]) -> [UInt64?] {
        batches.map { EventRecord(buffer: $0, offset: 0)?.sequence }
    }

    @Test("the first batch that goes to a webhook wakes the pump, and so does the first after it has looked")
    func wakesOnce() {
        let accepted = AcceptedEvents()
        #expect(!accepted.isUrgent)
        #expect(accepted.put(Self.batch(from: 1, webhooks: [0, 2]), through: 2))
        #expect(accepted.isUrgent)
        #expect(!accepted.put(Self.batch(from: 3, webhooks: [1]), through: 3))
        let arrived = accepted.take()
        #expect(Self.sequences(arrived.batches) == [1, 3] && arrived.through == 3)
        #expect(!accepted.isUrgent && accepted.take().batches.isEmpty)
        #expect(accepted.put(Self.batch(from: 4, webhooks: [1]), through: 4))
    }

    @Test("what goes to nobody wakes nobody and takes no memory, but is known to have come")
    func nothingToDeliver() {
        let accepted = AcceptedEvents()
        #expect(!accepted.put(Self.batch(from: 1, webhooks: [0, 0, 0]), through: 3))
        #expect(!accepted.isUrgent)
        #expect(accepted.put(Self.batch(from: 4, webhooks: [1]), through: 4))
        #expect(!accepted.put(Self.batch(from: 5, webhooks: [0]), through: 5))
        let arrived = accepted.take()
        #expect(Self.sequences(arrived.batches) == [4] && arrived.through == 5)
    }
}
