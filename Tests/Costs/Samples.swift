import RelayCore

/// Events, lines and registrations like those that the benchmark sends: 430 bytes a line.
enum Samples {
    static let journal = JournalID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
    static let peer = PeerIdentity(uid: 1001, gid: 1002, pid: 4711)
    static let acceptedAt: Int64 = 1_777_732_330_000
    static let timestamp = "2026-05-02T14:32:10.000Z"
    static let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    static let lineBytes = 430
    /// How many are made beforehand where each is needed once: always as many, so that it costs the same whatever is
    /// done with them.
    static let prepared = 4096

    /// The data of an event, of such a length that its line has ``lineBytes``.
    static func data(_ number: Int, beside fields: Int) -> String {
        let head = "{\"number\":\(1_000_000_000 + number),\"text\":\""
        let padding = repeatElement(UInt8(ascii: "x"), count: lineBytes - fields - head.utf8.count - 2)
        return head + String(decoding: padding, as: UTF8.self) + "\"}"
    }

    /// A line of NDJSON with its LF.
    static func line(_ number: Int, tenant: String, id: String? = nil) -> String {
        let ownID = id.map { "\"id\":\"\($0)\"," } ?? ""
        let head = "{\"event\":\"job.closed\",\"tenantId\":\"\(tenant)\",\(ownID)\"data\":"
        return head + data(number, beside: head.utf8.count + 2) + "}\n"
    }

    /// Makes an event's record by itself.
    static func append(_ sequence: UInt64, data: String, to buffer: RecordBuffer) {
        func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) {
            var text = text
            text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
        }
        bytes("job.closed") { type in
            bytes(timestamp) { timestamp in
                bytes("acme") { tenant in
                    bytes(data) { data in
                        EventRecord.append(
                            EventRecord.Parts(
                                sequence: sequence, acceptedAt: acceptedAt, producer: peer, type: type,
                                timestamp: timestamp, isProducersTimestamp: false, tenant: tenant,
                                id: UnsafeRawBufferPointer(start: nil, count: 0), data: data,
                                webhooks: [MatchedWebhook(number: 1, takesDeliveries: true)]), to: buffer)
                    }
                }
            }
        }
    }

    static func event(_ sequence: UInt64) -> EventRecord {
        let buffer = RecordBuffer(capacity: 1024)
        append(sequence, data: data(Int(sequence), beside: 48), to: buffer)
        guard let event = EventRecord(buffer: buffer, offset: 0) else { preconditionFailure("a record of no event") }
        return event
    }

    static func webhook(_ number: WebhookNumber, tenant: String = "acme") -> Webhook {
        guard let url = try? WebhookURL("https://hooks.example/\(number)") else {
            // It is a constant but for its number.
            preconditionFailure("a URL that is none")
        }
        return Webhook(
            number: number, id: "wh_\(number)", tenant: tenant, url: url, patterns: [.all], secret: secret,
            state: .active, settings: DeliverySettings(), createdAt: 1_777_000_000_000)
    }
}
