import RelayCore
import Testing

@Suite("Erasure")
struct ErasureTests {
    private func event(_ sequence: UInt64, tenant: String) throws -> EventRecord {
        let buffer = RecordBuffer()
        EventFixture.append(sequence, tenant: tenant, to: buffer)
        return try #require(EventRecord(buffer: buffer, offset: 0))
    }

    private let erasure = Erasure([
        JournalTask(number: 1, madeAt: 0, kind: .eraseEvent(.init(tenant: "a", id: "x", sequences: [40, 10]))),
        JournalTask(number: 2, madeAt: 0, kind: .eraseTenant(.init(tenant: "bolt", through: 20))),
        JournalTask(number: 3, madeAt: 0, kind: .replayEvent(.init(id: "x", sequence: 50, webhooks: [1]))),
    ])

    @Test(
        arguments: [
            (10, "a", 1), (40, "a", 1), (11, "a", nil), (20, "bolt", 2), (21, "bolt", nil), (1, "bolt", 2),
            (1, "bol", nil), (1, "boltt", nil), (50, "a", nil),
        ] as [(UInt64, String, UInt64?)])
    func whoTakesAnEvent(_ sequence: UInt64, _ tenant: String, _ task: UInt64?) throws {
        #expect(erasure.task(taking: try event(sequence, tenant: tenant)) == task)
    }

    @Test func ranges() {
        #expect(erasure.last == 40)
        #expect(erasure.mayTake(anyOf: 20..<21))
        #expect(!erasure.mayTake(anyOf: 21..<40))
        #expect(erasure.mayTake(anyOf: 21..<41))
        #expect(!erasure.mayTake(anyOf: 41..<99))
        #expect(Erasure([]).last == 0 && !Erasure([]).mayTake(anyOf: 0..<99))
    }
}
