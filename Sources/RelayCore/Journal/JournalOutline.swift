/// Decides how a journal makes room: pure, from an outline of its segments.
///
/// 1. What is past its retention and not needed goes: whole segments from the oldest on, others by rewriting.
/// 2. Past the soft limit settled history goes before its time, in the same way, oldest first.
/// 3. Past that, the oldest pending deliveries of the largest failing webhook are given up (``Step/displace(bytes:)``).
/// 4. Past the limit itself events are refused.
package struct JournalOutline: Equatable, Sendable {
    package struct Part: Equatable, Sendable {
        package let ordinal: UInt64
        package let through: UInt64
        package let sequences: Range<UInt64>
        package let bytes: Int
        /// When the segment behind it was begun, Unix milliseconds; nil: it is the one that is written to.
        package let sealedAt: Int64?
        /// Whether some lane may need an event in it.
        package let isNeeded: Bool
        /// Which part of its bytes is needed, 0...1; nil: nobody has looked yet.
        package var neededShare: Double?

        package init(
            ordinal: UInt64, through: UInt64, sequences: Range<UInt64>, bytes: Int, sealedAt: Int64?, isNeeded: Bool,
            neededShare: Double?
        ) {
            self.ordinal = ordinal
            self.through = through
            self.sequences = sequences
            self.bytes = bytes
            self.sealedAt = sealedAt
            self.isNeeded = isNeeded
            self.neededShare = neededShare
        }
    }

    package enum Step: Equatable, Sendable {
        /// Remove the segments below this ordinal.
        case remove(below: UInt64)
        /// Find out what share of these segments is needed, and ask again.
        case measure([UInt64])
        /// Write the segments with these ordinals anew as one, without what is not needed.
        case rewrite(ClosedRange<UInt64>)
        /// Give up pending deliveries of this many bytes.
        case displace(bytes: Int64)
    }

    package var parts: [Part]
    /// The newest segment that begins with a checkpoint: from it on everything stays.
    package var checkpointOrdinal: UInt64
    /// Unix milliseconds: what was sealed before is past its retention.
    package var keptSince: Int64
    package var maxBytes: Int64
    package var segmentBytes: Int

    package init(parts: [Part], checkpointOrdinal: UInt64, keptSince: Int64, maxBytes: Int64, segmentBytes: Int) {
        self.parts = parts
        self.checkpointOrdinal = checkpointOrdinal
        self.keptSince = keptSince
        self.maxBytes = maxBytes
        self.segmentBytes = segmentBytes
    }

    package var bytes: Int64 { parts.reduce(0) { $0 + Int64($1.bytes) } }
    /// An eighth is left free, so that there is room for new events while old ones are removed.
    package var softLimit: Int64 { maxBytes - maxBytes / 8 }
    package var isFull: Bool { bytes > maxBytes }

    /// What to do next; nil: nothing. To be asked again with the outline as it is afterwards.
    package var nextStep: Step? {
        let isTight = bytes > softLimit
        let old = parts.prefix { $0.through < checkpointOrdinal }
        func mayGo(_ part: Part) -> Bool { isTight || (part.sealedAt ?? .max) < keptSince }

        // Whole segments from the oldest on; under pressure no more of them than are in the way.
        var excess = bytes - softLimit
        var below: UInt64?
        for part in old {
            let isPast = (part.sealedAt ?? .max) < keptSince
            guard !part.isNeeded || part.neededShare == 0, isPast || excess > 0 else { break }
            below = part.through + 1
            excess -= Int64(part.bytes)
        }
        if let below { return .remove(below: below) }

        let candidates = old.filter(mayGo)
        let unmeasured = candidates.filter { $0.isNeeded && $0.neededShare == nil && !isSmall($0) }
        if !unmeasured.isEmpty { return .measure(unmeasured.prefix(16).map(\.ordinal)) }
        if let group = rewritable(Array(old), mayGo: mayGo, least: isTight ? 0.125 : 0.5) { return .rewrite(group) }
        return isTight ? .displace(bytes: bytes - softLimit) : nil
    }

    /// So little that only merging it with its neighbours would gain anything.
    private func isSmall(_ part: Part) -> Bool { part.bytes < segmentBytes / 16 }

    /// Adjacent segments that are worth writing anew as one: from the oldest on, as many as fit into one.
    private func rewritable(_ old: [Part], mayGo: (Part) -> Bool, least: Double) -> ClosedRange<UInt64>? {
        var group: [Part] = []
        var kept = 0.0
        var gain = 0.0
        func worth() -> ClosedRange<UInt64>? {
            guard let first = group.first, let last = group.last else { return nil }
            let bytes = Double(group.reduce(0) { $0 + $1.bytes })
            // A gain in bytes, or in files: eight small ones make one.
            guard gain >= bytes * least && gain > 16 * 1024 || group.count >= 8 && kept < Double(segmentBytes) / 2
            else { return nil }
            return first.ordinal...last.through
        }
        for part in old {
            guard mayGo(part) else {
                if let range = worth() { return range }
                (group, kept, gain) = ([], 0, 0)
                continue
            }
            let share = part.isNeeded ? (part.neededShare ?? 1) : 0
            let remains = Double(part.bytes) * share
            if kept + remains > Double(segmentBytes) {
                if let range = worth() { return range }
                (group, kept, gain) = ([], 0, 0)
            }
            group.append(part)
            kept += remains
            gain += Double(part.bytes) - remains
        }
        return worth()
    }
}
