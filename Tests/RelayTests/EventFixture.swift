@testable import RelayCore

/// Events as they stand in the journal.
enum EventFixture {
    static func append(
        _ sequence: UInt64, type: String = "job.closed", tenant: String = "acme", data: String = "{}",
        webhooks: [MatchedWebhook] = [MatchedWebhook(number: 4, takesDeliveries: true)], to buffer: RecordBuffer
    ) {
        func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) { Array(text.utf8).withUnsafeBytes(body) }
        bytes(type) { type in
            bytes("2026-05-02T14:32:10.000Z") { time in
                bytes(tenant) { tenant in
                    bytes("id-\(sequence)") { id in
                        bytes(data) { data in
                            EventRecord.append(
                                EventRecord.Parts(
                                    sequence: sequence, acceptedAt: 17, producer: PeerIdentity(uid: 1, gid: 2, pid: 3),
                                    type: type, timestamp: time, isProducersTimestamp: false, tenant: tenant, id: id,
                                    data: data, webhooks: webhooks),
                                to: buffer)
                        }
                    }
                }
            }
        }
    }
}
