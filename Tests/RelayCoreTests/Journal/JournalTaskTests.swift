import FoundationEssentials
import RelayCore
import Testing

/// The JSON that stands in journals.
@Suite("Journal task")
struct JournalTaskTests {
    private static let samples: [(kind: JournalTask.Kind, json: String)] = [
        (
            .eraseEvent(.init(tenant: "acme", id: "order-17", sequences: [41, 7])),
            "\"eraseEvent\":{\"id\":\"order-17\",\"sequences\":[41,7],\"tenant\":\"acme\"}"
        ),
        (
            .eraseTenant(.init(tenant: "acme", through: 99)),
            "\"eraseTenant\":{\"tenant\":\"acme\",\"through\":99}"
        ),
        (
            .replay(.init(webhook: 3, id: "wh_3", status: .givenUp, since: 5, until: .max, next: 1, through: 99)),
            "\"replay\":{\"id\":\"wh_3\",\"next\":1,\"since\":5,\"status\":\"given_up\",\"through\":99,"
                + "\"until\":9223372036854775807,\"webhook\":3}"
        ),
        (
            .replayEvent(.init(id: "order-17", sequence: 41, webhooks: [1, 2])),
            "\"replayEvent\":{\"id\":\"order-17\",\"sequence\":41,\"webhooks\":[1,2]}"
        ),
    ]

    @Test(arguments: samples.indices)
    func json(index: Int) throws {
        let (kind, text) = Self.samples[index]
        var task = JournalTask(number: 7, madeAt: 1_777_732_330_000, kind: kind)
        task.count = 2
        task.isDone = true
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let data = try encoder.encode(task)
        let json = String(decoding: data, as: UTF8.self)
        #expect(json.contains(text), "\(json)")
        #expect(try JSONDecoder().decode(JournalTask.self, from: data) == task)
    }

    @Test func aTaskOfNoKindIsNone() {
        let json = "{\"number\":1,\"madeAt\":0,\"isDone\":false,\"count\":0}"
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(JournalTask.self, from: Data(json.utf8))
        }
    }
}
