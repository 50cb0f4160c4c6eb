/// Fingerprints of some recent ids with the sequences of their events, exactly: an open-addressed table of 16 bytes a
/// place.
struct RecentIDs: Sendable {
    private struct Place {
        var fingerprint: UInt64
        /// 0: empty.
        var sequence: UInt64
    }

    private var places = Array(repeating: Place(fingerprint: 0, sequence: 0), count: 1024)
    private(set) var count = 0
    private(set) var lastSequence: UInt64 = 0

    private var mask: Int { places.count - 1 }

    /// Calls `body` with the sequence of each event that may have this id, until it returns true.
    @inline(__always)
    func contains(_ fingerprint: UInt64, where body: (UInt64) -> Bool) -> Bool {
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while places[index].sequence != 0 {
            if places[index].fingerprint == fingerprint, body(places[index].sequence) { return true }
            index = (index + 1) & mask
        }
        return false
    }

    mutating func insert(_ fingerprint: UInt64, sequence: UInt64) {
        if (count + 1) * 4 > places.count * 3 { grow() }
        place(fingerprint, sequence)
        lastSequence = max(lastSequence, sequence)
    }

    private mutating func place(_ fingerprint: UInt64, _ sequence: UInt64) {
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while places[index].sequence != 0 { index = (index + 1) & mask }
        places[index] = Place(fingerprint: fingerprint, sequence: sequence)
        count += 1
    }

    private mutating func grow() {
        let old = places
        places = Array(repeating: Place(fingerprint: 0, sequence: 0), count: old.count * 2)
        count = 0
        for entry in old where entry.sequence != 0 { place(entry.fingerprint, entry.sequence) }
    }

    /// - Returns: whether it was there.
    mutating func remove(_ fingerprint: UInt64, sequence: UInt64) -> Bool {
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while places[index].sequence != 0 {
            if places[index].fingerprint == fingerprint, places[index].sequence == sequence {
                close(index)
                return true
            }
            index = (index + 1) & mask
        }
        return false
    }

    /// Closes the gap that a removal leaves, so that every search still ends at an empty place (Knuth, The Art of
    /// Computer Programming, volume 3, section 6.4, algorithm R).
    private mutating func close(_ removed: Int) {
        var gap = removed
        var index = (removed + 1) & mask
        while places[index].sequence != 0 {
            let home = Int(truncatingIfNeeded: places[index].fingerprint) & mask
            if (index - home) & mask >= (index - gap) & mask {
                places[gap] = places[index]
                gap = index
            }
            index = (index + 1) & mask
        }
        places[gap] = Place(fingerprint: 0, sequence: 0)
        count -= 1
    }
}
