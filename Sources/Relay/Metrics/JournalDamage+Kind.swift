import RelayCore
import Storage

extension [JournalDamage] {
    /// How many stretches, header copies and segments, by kind.
    var counts: [RelayMetrics.Damage: Int] {
        reduce(into: [:]) { counts, damage in
            switch damage {
            case .bytes: counts[.bytes, default: 0] += 1
            case .tail: counts[.tail, default: 0] += 1
            case .headerCopy: counts[.header, default: 0] += 1
            case .missing(let ordinals, _): counts[.missing, default: 0] += ordinals.count
            }
        }
    }
}
