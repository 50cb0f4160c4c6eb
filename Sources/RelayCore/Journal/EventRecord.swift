/// An accepted event as the journal holds it: the payload of a record of kind ``RecordKind/event``.
///
/// ```
///  0  i64  accepted at, Unix milliseconds
///  8  u32  the producer's uid
/// 12  u32  its gid
/// 16  u32  its pid
/// 20  u8   bytes of the event type
/// 21  u8   bytes of the timestamp
/// 22  u8   bytes of the tenant id
/// 23  u8   bytes of the id; 0: the id is made from acceptance time and sequence, ``EventID``
/// 24  u32  bytes of the body
/// 28  u8   bit 0: the producer gave the timestamp; bit 1: an operational event, made by the relay itself
/// 29  u8   0
/// 30  u16  number of webhooks
/// 32  u32  for each webhook its number; the highest bit says that it was disabled and the delivery skipped
///          id
///          body, exactly as it is signed and sent
/// ```
///
/// Type, timestamp and tenant are found in the body by their lengths, since the body begins in one fixed way:
/// `{"event":"TYPE","timestamp":"TIME","tenantId":"TENANT","data":DATA}`.
package struct EventRecord: Sendable {
    static let fixedBytes = 32
    static let skippedBit: UInt32 = 1 << 31
    private static let beforeType = 10  // {"event":"
    private static let beforeTimestamp = 15  // ","timestamp":"
    private static let beforeTenant = 14  // ","tenantId":"
    private static let beforeData = 9  // ","data":

    package let buffer: RecordBuffer
    /// Where the record's header begins.
    private let offset: Int

    /// The event in a record whose checksum was right; nil if its lengths contradict each other all the same.
    package init?(buffer: RecordBuffer, offset: Int) {
        self.buffer = buffer
        self.offset = offset
        let header = RecordFormat.Header(at: buffer.bytes + offset)
        guard header.kind == RecordKind.event.rawValue, header.length >= Self.fixedBytes else { return nil }
        let lengths = Self.fixedBytes + webhookCount * 4 + idLength + bodyLength
        guard lengths == header.length, dataOffset + 1 < bodyLength else { return nil }
    }

    private var payload: UnsafeRawPointer { UnsafeRawPointer(buffer.bytes) + offset + RecordFormat.headerBytes }

    @inline(__always)
    private func number<T: FixedWidthInteger>(_ position: Int, as type: T.Type) -> T {
        T(littleEndian: payload.load(fromByteOffset: position, as: T.self))
    }

    package var sequence: UInt64 { RecordFormat.Header(at: buffer.bytes + offset).sequence }
    package var acceptedAt: Int64 { number(0, as: Int64.self) }
    package var producer: PeerIdentity {
        PeerIdentity(
            uid: number(8, as: UInt32.self), gid: number(12, as: UInt32.self),
            pid: Int32(bitPattern: number(16, as: UInt32.self)))
    }
    private var typeLength: Int { Int(number(20, as: UInt8.self)) }
    private var timestampLength: Int { Int(number(21, as: UInt8.self)) }
    private var tenantLength: Int { Int(number(22, as: UInt8.self)) }
    private var idLength: Int { Int(number(23, as: UInt8.self)) }
    private var bodyLength: Int { Int(number(24, as: UInt32.self)) }
    package var hasProducersTimestamp: Bool { number(28, as: UInt8.self) & 1 == 1 }
    package var isOperational: Bool { number(28, as: UInt8.self) & 2 != 0 }
    package var hasProducersID: Bool { idLength > 0 }
    package var webhookCount: Int { Int(number(30, as: UInt16.self)) }

    /// The webhook at an index, as it was when the event was accepted.
    @inline(__always)
    package func webhook(_ index: Int) -> MatchedWebhook {
        let value = number(Self.fixedBytes + index * 4, as: UInt32.self)
        return MatchedWebhook(number: value & ~Self.skippedBit, takesDeliveries: value & Self.skippedBit == 0)
    }

    /// How many webhooks take the event: what its producer is told.
    package var takingWebhooks: Int {
        (0..<webhookCount).reduce(0) { $0 + (webhook($1).takesDeliveries ? 1 : 0) }
    }

    package func goes(to number: WebhookNumber) -> Bool {
        for index in 0..<webhookCount where webhook(index) == MatchedWebhook(number: number, takesDeliveries: true) {
            return true
        }
        return false
    }

    private var idOffset: Int { Self.fixedBytes + webhookCount * 4 }
    private var bodyOffset: Int { idOffset + idLength }

    /// The body of the deliveries; valid while the buffer is held.
    package var body: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: payload + bodyOffset, count: bodyLength)
    }

    package var type: UnsafeRawBufferPointer { part(at: Self.beforeType, typeLength) }
    package var timestamp: UnsafeRawBufferPointer {
        part(at: Self.beforeType + typeLength + Self.beforeTimestamp, timestampLength)
    }
    package var tenant: UnsafeRawBufferPointer {
        part(
            at: Self.beforeType + typeLength + Self.beforeTimestamp + timestampLength + Self.beforeTenant, tenantLength)
    }
    private var dataOffset: Int {
        Self.beforeType + typeLength + Self.beforeTimestamp + timestampLength + Self.beforeTenant + tenantLength
            + Self.beforeData
    }
    package var data: UnsafeRawBufferPointer { part(at: dataOffset, bodyLength - dataOffset - 1) }

    private func part(at start: Int, _ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: body[start..<start + count])
    }

    /// The id that the producer gave; empty if it gave none.
    package var producersID: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: payload + idOffset, count: idLength)
    }

    /// Appends the event's id: the producer's, or the one that is made.
    @inline(__always)
    package func appendID(in journal: JournalID, to text: inout [UInt8]) {
        if hasProducersID {
            text.append(contentsOf: producersID)
        } else {
            EventID.append(sequence: sequence, acceptedAt: acceptedAt, journal: journal, to: &text)
        }
    }

    package func id(in journal: JournalID) -> String {
        var text: [UInt8] = []
        appendID(in: journal, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: Writing

    /// What a record is made of.
    package struct Parts {
        package var sequence: UInt64
        package var acceptedAt: Int64
        package var producer: PeerIdentity
        package var type: UnsafeRawBufferPointer
        package var timestamp: UnsafeRawBufferPointer
        package var isProducersTimestamp: Bool
        package var isOperational = false
        package var tenant: UnsafeRawBufferPointer
        /// Empty: the id is made.
        package var id: UnsafeRawBufferPointer
        package var data: UnsafeRawBufferPointer
        package var webhooks: [MatchedWebhook]

        package init(
            sequence: UInt64, acceptedAt: Int64, producer: PeerIdentity, type: UnsafeRawBufferPointer,
            timestamp: UnsafeRawBufferPointer, isProducersTimestamp: Bool, tenant: UnsafeRawBufferPointer,
            id: UnsafeRawBufferPointer, data: UnsafeRawBufferPointer, webhooks: [MatchedWebhook]
        ) {
            self.sequence = sequence
            self.acceptedAt = acceptedAt
            self.producer = producer
            self.type = type
            self.timestamp = timestamp
            self.isProducersTimestamp = isProducersTimestamp
            self.tenant = tenant
            self.id = id
            self.data = data
            self.webhooks = webhooks
        }
    }

    /// Appends a record to a buffer.
    package static func append(_ parts: Parts, to buffer: RecordBuffer) {
        let bodyLength =
            beforeType + parts.type.count + beforeTimestamp + parts.timestamp.count + beforeTenant + parts.tenant.count
            + beforeData + parts.data.count + 1
        // Room for all of it at once: the appends below then never grow the buffer.
        _ = buffer.reserve(
            RecordFormat.headerBytes + fixedBytes + parts.webhooks.count * 4 + parts.id.count + bodyLength + 8)
        let start = buffer.beginRecord(.event, sequence: parts.sequence)
        buffer.append(parts.acceptedAt)
        buffer.append(parts.producer.uid)
        buffer.append(parts.producer.gid)
        buffer.append(UInt32(bitPattern: parts.producer.pid))
        buffer.append(UInt8(parts.type.count))
        buffer.append(UInt8(parts.timestamp.count))
        buffer.append(UInt8(parts.tenant.count))
        buffer.append(UInt8(parts.id.count))
        buffer.append(UInt32(bodyLength))
        buffer.append((parts.isProducersTimestamp ? 1 : 0) | (parts.isOperational ? 2 : 0) as UInt8)
        buffer.append(UInt8(0))
        buffer.append(UInt16(parts.webhooks.count))
        for webhook in parts.webhooks {
            buffer.append(webhook.number | (webhook.takesDeliveries ? 0 : skippedBit))
        }
        buffer.append(parts.id)
        buffer.append("{\"event\":\"")
        buffer.append(parts.type)
        buffer.append("\",\"timestamp\":\"")
        buffer.append(parts.timestamp)
        buffer.append("\",\"tenantId\":\"")
        buffer.append(parts.tenant)
        buffer.append("\",\"data\":")
        buffer.append(parts.data)
        buffer.append(UInt8(ascii: "}"))
        buffer.endRecord(at: start)
    }
}

/// Who was at the other end of a connection when it was made.
package struct PeerIdentity: Equatable, Hashable, Sendable {
    package let uid: UInt32
    package let gid: UInt32
    package let pid: Int32

    package init(uid: UInt32, gid: UInt32, pid: Int32) {
        self.uid = uid
        self.gid = gid
        self.pid = pid
    }
}

extension RecordBuffer {
    /// Whether an event in it goes to a webhook.
    package var goesToAnyWebhook: Bool {
        var offset = 0
        while offset < count {
            if let event = EventRecord(buffer: self, offset: offset), event.webhookCount > 0 { return true }
            offset += RecordFormat.Header(at: bytes + offset).totalBytes
        }
        return false
    }
}
