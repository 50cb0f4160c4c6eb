/// What has become of one lane's deliveries between two records.
package struct LaneProgress: Equatable, Sendable {
    package struct Settlement: Equatable, Sendable {
        package let sequence: UInt64
        /// Unix milliseconds.
        package let at: Int64
        package let result: SettlementResult
        /// The status of the last attempt, 0 if there was none.
        package let status: UInt16
        package let attempts: UInt16
        /// How long the last attempt took, in microseconds.
        package let microseconds: UInt32
        /// Of the event's body.
        package let bytes: UInt32

        package init(
            sequence: UInt64, at: Int64, result: SettlementResult, status: UInt16, attempts: UInt16,
            microseconds: UInt32, bytes: UInt32
        ) {
            self.sequence = sequence
            self.at = at
            self.result = result
            self.status = status
            self.attempts = attempts
            self.microseconds = microseconds
            self.bytes = bytes
        }
    }

    package struct Opening: Equatable, Sendable {
        package let sequence: UInt64
        /// Of the event's body.
        package let bytes: UInt32

        package init(sequence: UInt64, bytes: UInt32) {
            self.sequence = sequence
            self.bytes = bytes
        }
    }

    package struct Retry: Equatable, Sendable {
        package let sequence: UInt64
        package let at: Int64
        package let nextAt: Int64
        package let status: UInt16
        package let attempts: UInt16
        package let microseconds: UInt32
        /// Of the event's body.
        package let bytes: UInt32
        package let reason: String
    }

    package var settled: [Settlement] = []
    /// Begun and not ended, and not known to the journal as such.
    package var opened: [Opening] = []
    package var retried: [Retry] = []
    /// Settled before, and to be delivered once more.
    package var reopened: [Opening] = []
    /// How the receiver is doing; nil: as before.
    package var health: HealthRecord?
    /// Those of `opened` and `retried` whose events are operational ones.
    package var operational: [UInt64] = []
    /// More about those of `settled` and `retried` that failed.
    package var traces: [AttemptTrace] = []

    /// Whether nothing has become of any delivery.
    package var isEmpty: Bool { settled.isEmpty && opened.isEmpty && retried.isEmpty && reopened.isEmpty }

    /// About how many bytes it takes up on disk.
    package var encodedBytes: Int {
        settled.count * Self.settlementBytes + (opened.count + reopened.count) * 12
            + retried.reduce(0) { $0 + Self.retryBytes + $1.reason.utf8.count }
            + (health == nil ? 0 : HealthRecord.byteCount + 4) + operational.count * 12
            + traces.reduce(0) { $0 + AttemptTrace.byteCount + $1.reason.utf8.count }
    }

    package static let settlementBytes = 33
    package static let retryBytes = 42
}

/// The payload of a record of kind ``RecordKind/progress``.
///
/// ```
/// u32  number of lanes, then for each lane
///      u32  webhook
///      u64  cursor: what was accepted from here on for this webhook has not been begun
///      u32  number of settlements, each: u64 sequence, i64 at, u32 microseconds, u32 bytes of the body, u16 status,
///           u16 attempts, u8 result
///      u32  number of deliveries begun, each: u64 sequence, u32 bytes of the body
///      u32  number of failed tries, each: u64 sequence, i64 at, i64 next at, u32 microseconds, u32 bytes of the body,
///           u16 status, u16 attempts, u16 bytes of the reason, the reason
///      u32  number of deliveries to be made once more, each: u64 sequence, u32 bytes of the body
/// and perhaps a section of health, see ``HealthRecord``, and one of failed attempts behind it, see ``AttemptTrace``
/// ```
package struct ProgressRecord: Equatable, Sendable {
    package struct LaneEntry: Equatable, Sendable {
        package let webhook: WebhookNumber
        package let cursor: UInt64
        package internal(set) var progress: LaneProgress
    }

    package var lanes: [LaneEntry] = []

    package init(lanes: [LaneEntry] = []) {
        self.lanes = lanes
    }

    package func append(to buffer: RecordBuffer, sequence: UInt64) {
        let start = buffer.beginRecord(.progress, sequence: sequence)
        var section = HealthSection()
        var traces = TraceSection()
        buffer.append(UInt32(lanes.count))
        for lane in lanes {
            buffer.append(lane.webhook)
            buffer.append(lane.cursor)
            buffer.append(UInt32(lane.progress.settled.count))
            for settlement in lane.progress.settled {
                buffer.append(settlement.sequence)
                buffer.append(settlement.at)
                buffer.append(settlement.microseconds)
                buffer.append(settlement.bytes)
                buffer.append(settlement.status)
                buffer.append(settlement.attempts)
                buffer.append(settlement.result.rawValue)
            }
            Self.append(lane.progress.opened, to: buffer)
            buffer.append(UInt32(lane.progress.retried.count))
            for retry in lane.progress.retried {
                buffer.append(retry.sequence)
                buffer.append(retry.at)
                buffer.append(retry.nextAt)
                buffer.append(retry.microseconds)
                buffer.append(retry.bytes)
                buffer.append(retry.status)
                buffer.append(retry.attempts)
                let reason = Array(retry.reason.utf8.prefix(Limits.responseExcerptBytes))
                buffer.append(UInt16(reason.count))
                buffer.append(reason)
            }
            Self.append(lane.progress.reopened, to: buffer)
            if let health = lane.progress.health { section.healths.append((lane.webhook, health)) }
            section.operational += lane.progress.operational.map { (lane.webhook, $0) }
            traces.traces += lane.progress.traces.map { (lane.webhook, $0) }
        }
        section.append(to: buffer, isNeeded: !traces.traces.isEmpty)
        traces.append(to: buffer)
        buffer.endRecord(at: start)
    }

    private static func append(_ openings: [LaneProgress.Opening], to buffer: RecordBuffer) {
        buffer.append(UInt32(openings.count))
        for opening in openings {
            buffer.append(opening.sequence)
            buffer.append(opening.bytes)
        }
    }

    /// The same without what has become of some events; lanes of which nothing remains are left out.
    package func filtered(_ keeps: (UInt64) -> Bool) -> ProgressRecord {
        ProgressRecord(
            lanes: lanes.compactMap { entry in
                var progress = entry.progress
                progress.settled.removeAll { !keeps($0.sequence) }
                progress.opened.removeAll { !keeps($0.sequence) }
                progress.retried.removeAll { !keeps($0.sequence) }
                progress.reopened.removeAll { !keeps($0.sequence) }
                progress.operational.removeAll { !keeps($0) }
                progress.traces.removeAll { !keeps($0.sequence) }
                guard !progress.isEmpty else { return nil }
                return LaneEntry(webhook: entry.webhook, cursor: entry.cursor, progress: progress)
            })
    }

    /// Nil if the payload is not whole.
    package init?(_ payload: UnsafeRawBufferPointer) {
        var reader = FieldReader(payload)
        guard let count = reader.next(UInt32.self) else { return nil }
        for _ in 0..<count {
            guard let webhook = reader.next(WebhookNumber.self), let cursor = reader.next(UInt64.self),
                let progress = LaneProgress(&reader)
            else { return nil }
            lanes.append(LaneEntry(webhook: webhook, cursor: cursor, progress: progress))
        }
        guard let section = HealthSection(&reader), let traces = TraceSection(&reader) else { return nil }
        let indices = Dictionary(lanes.indices.map { (lanes[$0].webhook, $0) }, uniquingKeysWith: { $1 })
        for (webhook, health) in section.healths {
            if let index = indices[webhook] { lanes[index].progress.health = health }
        }
        for (webhook, sequence) in section.operational {
            if let index = indices[webhook] { lanes[index].progress.operational.append(sequence) }
        }
        for (webhook, trace) in traces.traces {
            if let index = indices[webhook] { lanes[index].progress.traces.append(trace) }
        }
    }
}

extension LaneProgress {
    fileprivate init?(_ reader: inout FieldReader) {
        self.init()
        guard let settlements = reader.next(UInt32.self) else { return nil }
        for _ in 0..<settlements {
            guard let sequence = reader.next(UInt64.self), let at = reader.next(Int64.self),
                let microseconds = reader.next(UInt32.self), let bytes = reader.next(UInt32.self),
                let status = reader.next(UInt16.self), let attempts = reader.next(UInt16.self),
                let result = reader.next(UInt8.self).flatMap(SettlementResult.init)
            else { return nil }
            settled.append(
                Settlement(
                    sequence: sequence, at: at, result: result, status: status, attempts: attempts,
                    microseconds: microseconds, bytes: bytes))
        }
        guard let opened = Self.openings(&reader) else { return nil }
        self.opened = opened
        guard let retries = reader.next(UInt32.self) else { return nil }
        for _ in 0..<retries {
            guard let sequence = reader.next(UInt64.self), let at = reader.next(Int64.self),
                let nextAt = reader.next(Int64.self), let microseconds = reader.next(UInt32.self),
                let bytes = reader.next(UInt32.self), let status = reader.next(UInt16.self),
                let attempts = reader.next(UInt16.self), let length = reader.next(UInt16.self),
                let reason = reader.next(bytes: Int(length))
            else { return nil }
            retried.append(
                Retry(
                    sequence: sequence, at: at, nextAt: nextAt, status: status, attempts: attempts,
                    microseconds: microseconds, bytes: bytes, reason: String(decoding: reason, as: UTF8.self)))
        }
        guard let reopened = Self.openings(&reader) else { return nil }
        self.reopened = reopened
    }

    private static func openings(_ reader: inout FieldReader) -> [Opening]? {
        guard let count = reader.next(UInt32.self) else { return nil }
        var openings: [Opening] = []
        for _ in 0..<count {
            guard let sequence = reader.next(UInt64.self), let bytes = reader.next(UInt32.self) else { return nil }
            openings.append(Opening(sequence: sequence, bytes: bytes))
        }
        return openings
    }
}

/// Takes little-endian fields off the front of a payload; nil where it has too few bytes left.
struct FieldReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { offset >= bytes.count }

    mutating func next<T: FixedWidthInteger>(_ type: T.Type) -> T? {
        let size = MemoryLayout<T>.size
        guard bytes.count - offset >= size else { return nil }
        defer { offset += size }
        return T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    mutating func next(bytes count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, bytes.count - offset >= count else { return nil }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}
