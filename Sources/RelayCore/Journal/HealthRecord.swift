/// How a lane's receiver is doing, as the journal keeps it: breaker, waits, and the clock of `delivery.disable-after`.
///
/// ```
/// i64  at, Unix milliseconds
/// i64  milliseconds since the first failure after a success; -1: the last attempt succeeded, or there was none
/// i64  the next probe at, Unix milliseconds; 0: the breaker is not open
/// i64  no attempt before, Unix milliseconds, as the receiver wished; 0: none
/// u32  failures in a row
/// u16  probes that have failed since the breaker opened
/// u8   0 closed, 1 open, 2 half open
/// u8   bit 0: counts as failing; bit 1: others' events are concerned, not operational ones alone; bit 2: it was announced
/// ```
package struct HealthRecord: Equatable, Sendable {
    package var at: Int64 = 0
    package var failingMilliseconds: Int64?
    package var probeAt: Int64 = 0
    package var heldUntil: Int64 = 0
    package var consecutiveFailures: UInt32 = 0
    package var failedProbes: UInt16 = 0
    package var state = Breaker.State.closed
    package var isFailing = false
    package var concernsEvents = false
    package var isAnnounced = false

    package static let byteCount = 40

    package init() {}

    func append(to buffer: RecordBuffer) {
        buffer.append(at)
        buffer.append(failingMilliseconds ?? -1)
        buffer.append(probeAt)
        buffer.append(heldUntil)
        buffer.append(consecutiveFailures)
        buffer.append(failedProbes)
        buffer.append(state.rawValue)
        buffer.append((isFailing ? 1 : 0) | (concernsEvents ? 2 : 0) | (isAnnounced ? 4 : 0) as UInt8)
    }

    init?(_ reader: inout FieldReader) {
        guard let at = reader.next(Int64.self), let failing = reader.next(Int64.self),
            let probeAt = reader.next(Int64.self), let heldUntil = reader.next(Int64.self),
            let failures = reader.next(UInt32.self), let probes = reader.next(UInt16.self),
            let state = reader.next(UInt8.self).flatMap(Breaker.State.init), let flags = reader.next(UInt8.self)
        else { return nil }
        self.at = at
        failingMilliseconds = failing < 0 ? nil : failing
        (self.probeAt, self.heldUntil) = (probeAt, heldUntil)
        (consecutiveFailures, failedProbes, self.state) = (failures, probes, state)
        isFailing = flags & 1 != 0
        concernsEvents = flags & 2 != 0
        isAnnounced = flags & 4 != 0
    }
}

/// What stands behind the lanes of a progress record or a checkpoint; left out where there is nothing to say, and unknown to
/// earlier versions, which read no further than the lanes.
///
/// ```
/// u32  number of lanes whose health is told, each: u32 webhook, the health
/// u32  number of begun deliveries of operational events, each: u32 webhook, u64 sequence
/// ```
struct HealthSection {
    var healths: [(webhook: WebhookNumber, health: HealthRecord)] = []
    var operational: [(webhook: WebhookNumber, sequence: UInt64)] = []

    init() {}

    /// - Parameter isNeeded: whether it stands there even if it is empty, since something follows.
    func append(to buffer: RecordBuffer, isNeeded: Bool = false) {
        guard !healths.isEmpty || !operational.isEmpty || isNeeded else { return }
        buffer.append(UInt32(healths.count))
        for (webhook, health) in healths {
            buffer.append(webhook)
            health.append(to: buffer)
        }
        buffer.append(UInt32(operational.count))
        for (webhook, sequence) in operational {
            buffer.append(webhook)
            buffer.append(sequence)
        }
    }

    /// Nil if it is cut short.
    init?(_ reader: inout FieldReader) {
        guard !reader.isAtEnd else { return }
        guard let healthCount = reader.next(UInt32.self) else { return nil }
        for _ in 0..<healthCount {
            guard let webhook = reader.next(WebhookNumber.self), let health = HealthRecord(&reader) else { return nil }
            healths.append((webhook, health))
        }
        guard let count = reader.next(UInt32.self) else { return nil }
        for _ in 0..<count {
            guard let webhook = reader.next(WebhookNumber.self), let sequence = reader.next(UInt64.self) else {
                return nil
            }
            operational.append((webhook, sequence))
        }
    }
}
