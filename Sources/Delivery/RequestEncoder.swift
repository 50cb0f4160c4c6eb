import Cryptography
import NIOCore
import RelayCore

/// Writes whole requests (RFC 9112) as bytes: the body is the stored one, the same bytes that are signed.
struct RequestEncoder {
    private let allocator = ByteBufferAllocator()
    private let journal: JournalID
    private var id: [UInt8] = []
    private var timestamp: [UInt8] = []
    private var fields: [UInt8] = []

    init(journal: JournalID) {
        self.journal = journal
    }

    /// During a rotation the header with one value stays with the old secret, and the one with a list has both, the newest
    /// first (Standard Webhooks 1.0.0, "Signature scheme").
    ///
    /// - Parameter wall: of the attempt, Unix milliseconds.
    mutating func encode(_ event: EventRecord, for target: DeliveryTarget, at wall: Int64) -> ByteBuffer {
        let body = event.body
        let previous = target.previousKeys(at: wall)
        id.removeAll(keepingCapacity: true)
        event.appendID(in: journal, to: &id)
        timestamp.removeAll(keepingCapacity: true)
        ReplyEncoder.append(Int(wall / 1000), to: &timestamp)

        fields.removeAll(keepingCapacity: true)
        ReplyEncoder.append(body.count, to: &fields)
        fields.append(contentsOf: target.signatureHeader)
        (previous ?? target.keys).appendBodySignature(of: body, to: &fields)
        fields.append(contentsOf: "\r\nwebhook-id: ".utf8)
        fields.append(contentsOf: id)
        fields.append(contentsOf: "\r\nwebhook-timestamp: ".utf8)
        fields.append(contentsOf: timestamp)
        fields.append(contentsOf: "\r\nwebhook-signature: ".utf8)
        id.withUnsafeBytes { id in
            timestamp.withUnsafeBytes { timestamp in
                target.keys.appendStandardSignature(id: id, timestamp: timestamp, body: body, to: &fields)
                guard let previous else { return }
                fields.append(UInt8(ascii: " "))
                previous.appendStandardSignature(id: id, timestamp: timestamp, body: body, to: &fields)
            }
        }
        fields.append(contentsOf: "\r\n\r\n".utf8)

        var buffer = allocator.buffer(capacity: target.head.count + fields.count + body.count)
        buffer.writeBytes(target.head)
        buffer.writeBytes(fields)
        buffer.writeBytes(body)
        return buffer
    }
}
