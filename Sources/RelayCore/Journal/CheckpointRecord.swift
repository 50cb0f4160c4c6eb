/// A lane as a restart finds it.
package struct LaneState: Equatable, Sendable {
    /// A delivery that was begun and is not settled.
    package struct Open: Equatable, Sendable {
        package var attempts: UInt16
        /// When it is to be tried again, Unix milliseconds; 0: at once.
        package var nextAt: Int64
        /// Of the event's body.
        package var bytes: UInt32
        /// How far off that was when it was written down, milliseconds: a wall clock that was set back since then must
        /// not make it any longer.
        package var waitMax: Int64
        /// Whether it is made once more.
        package var isRepeat: Bool
        /// Whether the event is an operational one.
        package var isOperational: Bool

        package init(
            attempts: UInt16, nextAt: Int64, bytes: UInt32, waitMax: Int64 = 0, isRepeat: Bool = false,
            isOperational: Bool = false
        ) {
            self.attempts = attempts
            self.nextAt = nextAt
            self.bytes = bytes
            self.waitMax = waitMax
            self.isRepeat = isRepeat
            self.isOperational = isOperational
        }
    }

    /// What was accepted for the webhook from this sequence on has not been begun.
    package var cursor: UInt64
    package var open: [UInt64: Open] = [:]
    /// Deliveries not settled, those beyond the cursor counted.
    package var pending = 0
    /// Bytes of their bodies.
    package var pendingBytes = 0
    package var delivered = 0
    package var givenUp = 0
    /// Nil: nothing has gone wrong.
    package var health: HealthRecord?

    package init(cursor: UInt64) {
        self.cursor = cursor
    }
}

/// The payload of a record of kind ``RecordKind/checkpoint``: a part of the state of all lanes.
///
/// With a whole checkpoint a start needs to read nothing before it but the events after `asOf`. It is in parts because a
/// record is bounded and the number of webhooks isn't.
///
/// ```
/// u64  the checkpoint's own number
/// u32  index of this part
/// u32  number of parts
/// u64  as of: the last event that the lanes had been told of
/// u64  revision of the registration table at that time
/// i64  made at, Unix milliseconds
/// u64  floor: segments with lower ordinals are not needed any more, see ``FloorRecord``
/// u32  number of lanes, then for each lane
///      u32  webhook
///      u64  cursor
///      u64  pending
///      u64  bytes of their bodies
///      u64  delivered
///      u64  given up
///      u32  number of open deliveries, each: u64 sequence, i64 next try at, u32 bytes of the body,
///           u16 attempts; the highest bit says that the delivery is made once more
/// and perhaps a section of health, see ``HealthRecord``
/// ```
package struct CheckpointRecord: Equatable, Sendable {
    package let number: UInt64
    package let part: UInt32
    package let parts: UInt32
    package let asOf: UInt64
    package let revision: UInt64
    /// Unix milliseconds.
    package let madeAt: Int64
    package let floor: UInt64
    package var lanes: [WebhookNumber: LaneState] = [:]

    /// Lanes in one part: with all their open deliveries they stay far below a record's bound.
    private static let lanesPerPart = 64
    private static let repeatBit: UInt16 = 1 << 15

    /// Appends a whole checkpoint.
    package static func append(
        number: UInt64, asOf: UInt64, revision: UInt64, madeAt: Int64, floor: UInt64,
        lanes: [WebhookNumber: LaneState], to buffer: RecordBuffer
    ) {
        let sorted = lanes.sorted { $0.key < $1.key }
        let parts = max(1, (sorted.count + lanesPerPart - 1) / lanesPerPart)
        for part in 0..<parts {
            let start = buffer.beginRecord(.checkpoint, sequence: asOf)
            buffer.append(number)
            buffer.append(UInt32(part))
            buffer.append(UInt32(parts))
            buffer.append(asOf)
            buffer.append(revision)
            buffer.append(madeAt)
            buffer.append(floor)
            let slice = sorted.dropFirst(part * lanesPerPart).prefix(lanesPerPart)
            var section = HealthSection()
            buffer.append(UInt32(slice.count))
            for (webhook, lane) in slice {
                buffer.append(webhook)
                buffer.append(lane.cursor)
                buffer.append(UInt64(lane.pending))
                buffer.append(UInt64(lane.pendingBytes))
                buffer.append(UInt64(lane.delivered))
                buffer.append(UInt64(lane.givenUp))
                buffer.append(UInt32(lane.open.count))
                for (sequence, open) in lane.open {
                    buffer.append(sequence)
                    buffer.append(open.nextAt)
                    buffer.append(open.bytes)
                    buffer.append(min(open.attempts, ~repeatBit) | (open.isRepeat ? repeatBit : 0))
                    if open.isOperational { section.operational.append((webhook, sequence)) }
                }
                if let health = lane.health { section.healths.append((webhook, health)) }
            }
            section.append(to: buffer)
            buffer.endRecord(at: start)
        }
    }

    /// Nil if the payload is not whole.
    package init?(_ payload: UnsafeRawBufferPointer) {
        var reader = FieldReader(payload)
        guard let number = reader.next(UInt64.self), let part = reader.next(UInt32.self),
            let parts = reader.next(UInt32.self), let asOf = reader.next(UInt64.self),
            let revision = reader.next(UInt64.self), let madeAt = reader.next(Int64.self),
            let floor = reader.next(UInt64.self), let count = reader.next(UInt32.self)
        else { return nil }
        (self.number, self.part, self.parts) = (number, part, parts)
        (self.asOf, self.revision, self.madeAt, self.floor) = (asOf, revision, madeAt, floor)
        for _ in 0..<count {
            guard let webhook = reader.next(WebhookNumber.self), let cursor = reader.next(UInt64.self),
                let pending = reader.next(UInt64.self).flatMap(Int.init(exactly:)),
                let pendingBytes = reader.next(UInt64.self).flatMap(Int.init(exactly:)),
                let delivered = reader.next(UInt64.self).flatMap(Int.init(exactly:)),
                let givenUp = reader.next(UInt64.self).flatMap(Int.init(exactly:)),
                let openCount = reader.next(UInt32.self)
            else { return nil }
            var lane = LaneState(cursor: cursor)
            (lane.pending, lane.pendingBytes) = (pending, pendingBytes)
            (lane.delivered, lane.givenUp) = (delivered, givenUp)
            for _ in 0..<openCount {
                guard let sequence = reader.next(UInt64.self), let nextAt = reader.next(Int64.self),
                    let bytes = reader.next(UInt32.self), let attempts = reader.next(UInt16.self)
                else { return nil }
                lane.open[sequence] = LaneState.Open(
                    attempts: attempts & ~Self.repeatBit, nextAt: nextAt, bytes: bytes,
                    waitMax: max(0, nextAt - madeAt), isRepeat: attempts & Self.repeatBit != 0)
            }
            lanes[webhook] = lane
        }
        guard let section = HealthSection(&reader) else { return nil }
        for (webhook, health) in section.healths { lanes[webhook]?.health = health }
        for (webhook, sequence) in section.operational { lanes[webhook]?.open[sequence]?.isOperational = true }
    }
}
