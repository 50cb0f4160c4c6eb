import RelayCore
import Testing

/// Makes records of events without the way through a line.
enum EventFixture {
    static let journal = JournalID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
    static let peer = PeerIdentity(uid: 1001, gid: 1002, pid: 4711)

    @discardableResult
    static func append(
        _ sequence: UInt64, webhooks: [MatchedWebhook] = [], id: String = "", data: String = "{}",
        type: String = "job.closed", tenant: String = "t", timestamp: String = "2026-05-02T14:32:10.000Z",
        isProducersTimestamp: Bool = false, isOperational: Bool = false, acceptedAt: Int64 = 1_777_732_330_000,
        to buffer: RecordBuffer
    ) -> Int {
        let offset = buffer.count
        func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) {
            Array(text.utf8).withUnsafeBytes(body)
        }
        bytes(type) { type in
            bytes(timestamp) { timestamp in
                bytes(tenant) { tenant in
                    bytes(id) { id in
                        bytes(data) { data in
                            var parts = EventRecord.Parts(
                                sequence: sequence, acceptedAt: acceptedAt, producer: peer, type: type,
                                timestamp: timestamp, isProducersTimestamp: isProducersTimestamp, tenant: tenant,
                                id: id, data: data, webhooks: webhooks)
                            parts.isOperational = isOperational
                            EventRecord.append(parts, to: buffer)
                        }
                    }
                }
            }
        }
        return offset
    }

    /// An event in a buffer of its own, for webhooks that take it.
    static func event(
        _ sequence: UInt64, for webhooks: [WebhookNumber] = [], isOperational: Bool = false,
        acceptedAt: Int64 = 1_777_732_330_000
    )
        -> EventRecord
    {
        let buffer = RecordBuffer(capacity: 256)
        append(
            sequence, webhooks: webhooks.map { MatchedWebhook(number: $0, takesDeliveries: true) },
            isOperational: isOperational, acceptedAt: acceptedAt, to: buffer)
        // The lengths are right by construction.
        return EventRecord(buffer: buffer, offset: 0)!
    }

    static func webhook(
        _ number: WebhookNumber, tenant: String = "t", patterns: [EventPattern] = [.all],
        state: Webhook.State = .active,
        settings: DeliverySettings = DeliverySettings()
    ) throws -> Webhook {
        Webhook(
            number: number, id: "wh_\(number)", tenant: tenant, url: try WebhookURL("https://hooks.example/\(number)"),
            patterns: patterns, secret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", state: state,
            settings: settings, createdAt: 1_777_000_000_000)
    }

    /// The payload of the only record of a buffer.
    static func payload(_ buffer: RecordBuffer, at offset: Int = 0) -> [UInt8] {
        let header = RecordFormat.Header(at: buffer.bytes + offset)
        let start = offset + RecordFormat.headerBytes
        return Array(buffer.contents[start..<start + header.length])
    }

    static func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
}
