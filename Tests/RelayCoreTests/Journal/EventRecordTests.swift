import RelayCore
import Testing

/// Events in and out of their records.
@Suite("Event record")
struct EventRecordTests {
    @Test("everything that goes in comes out")
    func roundTrip() throws {
        let longest = String(repeating: "i", count: 64)
        for id in ["", "a", longest] {
            for count in [0, 1, 2, 1000] {
                for data in ["{}", #"{"a":1}"#, "{\"long\":\"\(String(repeating: "é", count: 5000))\"}"] {
                    for isProducers in [false, true] {
                        let buffer = RecordBuffer(capacity: 64)
                        EventFixture.append(1, to: buffer)
                        let webhooks = (0..<count).map {
                            MatchedWebhook(number: WebhookNumber($0 * 7 + 1), takesDeliveries: $0 % 3 != 0)
                        }
                        let offset = EventFixture.append(
                            77, webhooks: webhooks, id: id, data: data, type: "application.created", tenant: longest,
                            timestamp: "2026-05-02T14:32:10+02:00", isProducersTimestamp: isProducers,
                            acceptedAt: 123_456,
                            to: buffer)
                        let event = try #require(EventRecord(buffer: buffer, offset: offset))
                        #expect(buffer.count.isMultiple(of: 8))
                        #expect(
                            event.sequence == 77 && event.acceptedAt == 123_456 && event.producer == EventFixture.peer)
                        #expect(event.hasProducersID == !id.isEmpty && event.hasProducersTimestamp == isProducers)
                        #expect(EventFixture.text(event.producersID) == id)
                        #expect(EventFixture.text(event.type) == "application.created")
                        #expect(EventFixture.text(event.timestamp) == "2026-05-02T14:32:10+02:00")
                        #expect(EventFixture.text(event.tenant) == longest)
                        #expect(EventFixture.text(event.data) == data)
                        #expect(
                            EventFixture.text(event.body)
                                == "{\"event\":\"application.created\",\"timestamp\":\"2026-05-02T14:32:10+02:00\","
                                + "\"tenantId\":\"\(longest)\",\"data\":\(data)}")
                        #expect((0..<event.webhookCount).map(event.webhook) == webhooks)
                        #expect(event.takingWebhooks == webhooks.count { $0.takesDeliveries })
                        for webhook in webhooks { #expect(event.goes(to: webhook.number) == webhook.takesDeliveries) }
                        #expect(!event.goes(to: 2))
                        if id.isEmpty {
                            #expect(event.id(in: EventFixture.journal).hasPrefix("evt_"))
                        } else {
                            #expect(event.id(in: EventFixture.journal) == id)
                        }
                    }
                }
            }
        }
    }

    @Test("lengths that contradict each other make no event")
    func contradictions() {
        let buffer = RecordBuffer()
        EventFixture.append(1, id: "abc", to: buffer)
        #expect(EventRecord(buffer: buffer, offset: 0) != nil)
        // Lengths of the id, the body and the list of webhooks, each off by one; the parts of the body, beyond it.
        for (position, value) in [(23, 2), (23, 4), (24, -1), (24, 1), (30, 1), (20, 255), (21, 255), (22, 255)] {
            let address = buffer.bytes + RecordFormat.headerBytes + position
            let before = address.load(as: UInt8.self)
            let changed = position == 24 ? UInt8(Int(before) + value) : UInt8(value)
            address.storeBytes(of: changed, as: UInt8.self)
            #expect(EventRecord(buffer: buffer, offset: 0) == nil, "position \(position)")
            address.storeBytes(of: before, as: UInt8.self)
        }
        (buffer.bytes + 16).storeBytes(of: RecordKind.progress.rawValue, as: UInt8.self)
        #expect(EventRecord(buffer: buffer, offset: 0) == nil)
    }
}

extension EventRecordTests {
    @Test("replies, byte for byte")
    func replies() throws {
        var text: [UInt8] = []
        let buffer = RecordBuffer()
        EventFixture.append(
            1,
            webhooks: [
                MatchedWebhook(number: 1, takesDeliveries: true), MatchedWebhook(number: 2, takesDeliveries: false),
            ], id: "order-17", to: buffer)
        let event = try #require(EventRecord(buffer: buffer, offset: 0))
        ReplyEncoder.appendAcceptance(of: event, isDuplicate: false, journal: EventFixture.journal, to: &text)
        ReplyEncoder.appendAcceptance(of: event, isDuplicate: true, journal: EventFixture.journal, to: &text)
        ReplyEncoder.append(Refusal(.invalidJSON, "unexpected '}' at byte 41"), line: 3, to: &text)
        ReplyEncoder.append(
            Refusal(.storageError, "\"\\\u{1}\u{7F}é", id: "a", retryAfterMilliseconds: 500), line: 10, to: &text)
        #expect(
            String(decoding: text, as: UTF8.self) == """
                {"ok":true,"id":"order-17","webhooks":1}
                {"ok":true,"id":"order-17","webhooks":1,"duplicate":true}
                {"ok":false,"line":3,"error":"invalid_json","message":"unexpected '}' at byte 41"}
                {"ok":false,"line":10,"id":"a","error":"storage_error","message":"\\"\\\\\\u0001\\u007fé","retryAfterMs":500}

                """)
    }

    @Test("numbers in replies", arguments: [0, 1, 9, 10, 11, 99, 100, 1_000_000, Int.max])
    func numbers(number: Int) {
        var text: [UInt8] = []
        ReplyEncoder.append(number, to: &text)
        #expect(String(decoding: text, as: UTF8.self) == "\(number)")
    }
}
