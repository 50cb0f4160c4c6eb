import FoundationEssentials
import Testing

@testable import RelayCore

/// Records made by hand.
enum Fixture {
    static let acceptedAt: Int64 = 1_777_000_000_000

    static func append(
        _ sequence: UInt64, _ webhooks: [WebhookNumber], padding: Int = 64, id: String = "", to buffer: RecordBuffer
    ) {
        func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) { Array(text.utf8).withUnsafeBytes(body) }
        bytes("job.closed") { type in
            bytes("2026-05-02T14:32:10.000Z") { timestamp in
                bytes("t") { tenant in
                    bytes(id) { id in
                        bytes("{\"n\":\"\(String(repeating: "x", count: padding))\"}") { data in
                            EventRecord.append(
                                EventRecord.Parts(
                                    sequence: sequence, acceptedAt: acceptedAt,
                                    producer: PeerIdentity(uid: 1, gid: 2, pid: 3), type: type, timestamp: timestamp,
                                    isProducersTimestamp: false, tenant: tenant, id: id, data: data,
                                    webhooks: webhooks.map { MatchedWebhook(number: $0, takesDeliveries: true) }),
                                to: buffer)
                        }
                    }
                }
            }
        }
    }

    static func append(_ change: RegistrationChange, to buffer: RecordBuffer) {
        let start = buffer.beginRecord(.registration, sequence: 0)
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            buffer.append([UInt8](try encoder.encode(change)))
        } catch {
            Issue.record(error)
        }
        buffer.endRecord(at: start)
    }

    /// Bytes of the body of an event as it is made here.
    static func bodyBytes(padding: Int = 64) -> UInt32 {
        let buffer = RecordBuffer()
        append(1, [], padding: padding, to: buffer)
        return UInt32(EventRecord(buffer: buffer, offset: 0)?.body.count ?? 0)
    }

    static func progress(
        _ webhook: WebhookNumber, cursor: UInt64, settled: [UInt64] = [], opened: [UInt64] = [],
        retried: [UInt64] = [], reopened: [UInt64] = [], result: SettlementResult = .delivered
    ) -> ProgressRecord {
        let bytes = bodyBytes()
        return ProgressRecord(lanes: [
            .init(
                webhook: webhook, cursor: cursor,
                progress: LaneProgress(
                    settled: settled.map {
                        .init(
                            sequence: $0, at: acceptedAt, result: result, status: 200, attempts: 1, microseconds: 900,
                            bytes: bytes)
                    },
                    opened: opened.map { .init(sequence: $0, bytes: bytes) },
                    retried: retried.map {
                        .init(
                            sequence: $0, at: acceptedAt, nextAt: acceptedAt + 5000, status: 503, attempts: 1,
                            microseconds: 900, bytes: bytes, reason: "HTTP 503")
                    },
                    reopened: reopened.map { .init(sequence: $0, bytes: bytes) }))
        ])
    }

    static func webhook(_ number: WebhookNumber) throws -> Webhook {
        Webhook(
            number: number, id: "wh_\(number)", tenant: "t", url: try WebhookURL("https://hooks.example/\(number)"),
            patterns: [.all], secret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", createdAt: acceptedAt)
    }
}
