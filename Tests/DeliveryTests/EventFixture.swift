import RelayCore
import Testing

/// Events as the journal holds them.
enum EventFixture {
    /// - Parameters:
    ///   - id: empty: the producer gave none.
    ///   - acceptedAt: Unix milliseconds.
    static func event(
        _ sequence: UInt64, type: String, tenant: String, id: String = "", acceptedAt: Int64 = 0, data: String
    ) throws -> EventRecord {
        let buffer = RecordBuffer()
        func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) { Array(text.utf8).withUnsafeBytes(body) }
        bytes(type) { type in
            bytes("2026-05-02T14:32:10.000Z") { timestamp in
                bytes(tenant) { tenant in
                    bytes(id) { id in
                        bytes(data) { data in
                            EventRecord.append(
                                EventRecord.Parts(
                                    sequence: sequence, acceptedAt: acceptedAt,
                                    producer: PeerIdentity(uid: 0, gid: 0, pid: 0), type: type, timestamp: timestamp,
                                    isProducersTimestamp: true, tenant: tenant, id: id, data: data, webhooks: []),
                                to: buffer)
                        }
                    }
                }
            }
        }
        return try #require(EventRecord(buffer: buffer, offset: 0))
    }
}
