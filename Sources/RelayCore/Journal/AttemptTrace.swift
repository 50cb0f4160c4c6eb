/// What is kept of an attempt that failed, beyond what ``LaneProgress/Retry`` and ``LaneProgress/Settlement`` say of all: an
/// attempt that succeeds leaves none.
package struct AttemptTrace: Equatable, Sendable {
    /// The event's.
    package let sequence: UInt64
    /// Unix milliseconds: those of the retry or the settlement that it belongs to.
    package let at: Int64
    package let kind: AttemptFailure.Kind
    package let phases: AttemptPhases
    /// Why it failed; empty where a retry says it.
    package let reason: String
    /// Where in the reason the beginning of the answer begins, in bytes; 0: it has none.
    package let answerOffset: UInt16

    package init(
        sequence: UInt64, at: Int64, kind: AttemptFailure.Kind, phases: AttemptPhases, reason: String,
        answerOffset: UInt16
    ) {
        self.sequence = sequence
        self.at = at
        self.kind = kind
        self.phases = phases
        self.reason = reason
        self.answerOffset = answerOffset
    }

    package static let byteCount = 44
}

/// What stands behind the health of a progress record; left out where there is nothing to say, and unknown to earlier
/// versions, which read no further than the health.
///
/// ```
/// u32  number of failed attempts, each: u32 webhook, u64 sequence, i64 at, u8 kind of failure, u8 0, u16 where in the
///      reason the answer begins, u32 microseconds of the look-up, u32 of connecting, u32 of TLS, u32 up to the first byte
///      (each 0xFFFFFFFF: there was none), u16 bytes of the reason, the reason
/// ```
struct TraceSection {
    var traces: [(webhook: WebhookNumber, trace: AttemptTrace)] = []

    init() {}

    func append(to buffer: RecordBuffer) {
        guard !traces.isEmpty else { return }
        buffer.append(UInt32(traces.count))
        for (webhook, trace) in traces {
            buffer.append(webhook)
            buffer.append(trace.sequence)
            buffer.append(trace.at)
            buffer.append(trace.kind.number)
            buffer.append(UInt8(0))
            buffer.append(trace.answerOffset)
            for time in [trace.phases.resolve, trace.phases.connect, trace.phases.tls, trace.phases.firstByte] {
                buffer.append(time.map { min(UInt32(clamping: $0.nanoseconds / 1000), .max - 1) } ?? .max)
            }
            let reason = Array(trace.reason.utf8.prefix(Limits.responseExcerptBytes))
            buffer.append(UInt16(reason.count))
            buffer.append(reason)
        }
    }

    /// Nil if it is cut short.
    init?(_ reader: inout FieldReader) {
        guard !reader.isAtEnd else { return }
        guard let count = reader.next(UInt32.self) else { return nil }
        for _ in 0..<count {
            guard let webhook = reader.next(WebhookNumber.self), let sequence = reader.next(UInt64.self),
                let at = reader.next(Int64.self), let number = reader.next(UInt8.self),
                reader.next(UInt8.self) != nil, let answerOffset = reader.next(UInt16.self),
                let resolve = reader.next(UInt32.self), let connect = reader.next(UInt32.self),
                let tls = reader.next(UInt32.self), let firstByte = reader.next(UInt32.self),
                let length = reader.next(UInt16.self), let reason = reader.next(bytes: Int(length))
            else { return nil }
            // A kind that a later version has added is passed over: the record's other parts count.
            guard let kind = AttemptFailure.Kind(number: number) else { continue }
            var phases = AttemptPhases()
            phases.resolve = Self.time(resolve)
            phases.connect = Self.time(connect)
            phases.tls = Self.time(tls)
            phases.firstByte = Self.time(firstByte)
            traces.append(
                (
                    webhook,
                    AttemptTrace(
                        sequence: sequence, at: at, kind: kind, phases: phases,
                        reason: String(decoding: reason, as: UTF8.self), answerOffset: answerOffset)
                ))
        }
    }

    private static func time(_ microseconds: UInt32) -> Duration? {
        microseconds == .max ? nil : .microseconds(Int64(microseconds))
    }
}

extension AttemptFailure.Kind {
    /// On disk.
    var number: UInt8 {
        switch self {
        case .resolve: 1
        case .forbidden: 2
        case .connect: 3
        case .tls: 4
        case .timeout: 5
        case .status: 6
        case .response: 7
        case .storage: 8
        case .host: 9
        }
    }

    init?(number: UInt8) {
        guard let kind = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = kind
    }
}
