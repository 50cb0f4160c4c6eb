/// Which event had a tenant's id: from a fingerprint of both to the event's sequence.
///
/// An open-addressed table of 16 bytes a place. A fingerprint may be another id's too, so that whoever asks compares with
/// the event itself. Sequences only grow, and so old entries are known by theirs: they go when the table is full.
package struct DuplicateIndex: Sendable {
    private struct Place {
        var fingerprint: UInt64
        /// 0: empty.
        var sequence: UInt64
    }

    private var places: [Place]
    private var mask: Int
    package private(set) var count = 0
    /// Entries of events before this one are forgotten.
    private var first: UInt64 = 1
    private var last: UInt64 = 0
    private let maxCount: Int

    private static let initialPlaces = 1024

    /// - Parameter maxCount: entries to keep; past it the oldest are forgotten first.
    package init(maxCount: Int) {
        self.maxCount = max(1, maxCount)
        places = Array(repeating: Place(fingerprint: 0, sequence: 0), count: Self.initialPlaces)
        mask = Self.initialPlaces - 1
    }

    /// A tenant's id in 64 bits, different in each process: nobody can aim at another's.
    @inline(__always)
    package static func fingerprint(tenant: UnsafeRawBufferPointer, id: UnsafeRawBufferPointer) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(tenant.count)
        hasher.combine(bytes: tenant)
        hasher.combine(bytes: id)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// Calls `body` with the sequence of each event that may have this id, newest or oldest first, until it returns true.
    ///
    /// - Returns: whether it did.
    @inline(__always)
    package func contains(_ fingerprint: UInt64, where body: (UInt64) -> Bool) -> Bool {
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while places[index].sequence != 0 {
            if places[index].fingerprint == fingerprint, places[index].sequence >= first, body(places[index].sequence) {
                return true
            }
            index = (index + 1) & mask
        }
        return false
    }

    /// Adds an event, whose sequence is above all that are there.
    package mutating func insert(_ fingerprint: UInt64, sequence: UInt64) {
        if (count + 1) * 4 > places.count * 3 { makeRoom() }
        last = max(last, sequence)
        place(fingerprint, sequence)
    }

    /// Takes an event back that was never accepted after all.
    package mutating func remove(_ fingerprint: UInt64, sequence: UInt64) {
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while places[index].sequence != 0 {
            if places[index].fingerprint == fingerprint, places[index].sequence == sequence {
                close(index)
                return
            }
            index = (index + 1) & mask
        }
    }

    /// Forgets events before a sequence.
    package mutating func forget(before sequence: UInt64) {
        first = max(first, sequence)
    }

    private mutating func place(_ fingerprint: UInt64, _ sequence: UInt64) {
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while places[index].sequence != 0 { index = (index + 1) & mask }
        places[index] = Place(fingerprint: fingerprint, sequence: sequence)
        count += 1
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

    /// Drops what is forgotten; grows if that did not help, and forgets the oldest where there are too many.
    private mutating func makeRoom() {
        if count >= maxCount {
            // An eighth at once: the sweep is paid for by that many insertions.
            let first = first
            let sequences = places.map(\.sequence).filter { $0 >= first && $0 > 0 }.sorted()
            // Less than nothing where most of the places hold what is forgotten already.
            let surplus = max(0, sequences.count - maxCount + max(1, maxCount / 8))
            forget(before: sequences.dropFirst(surplus).first ?? last + 1)
        }
        let kept = places.filter { $0.sequence >= first && $0.sequence > 0 }
        var size = Self.initialPlaces
        while size < kept.count * 2 { size *= 2 }
        places = Array(repeating: Place(fingerprint: 0, sequence: 0), count: size)
        mask = size - 1
        count = 0
        for entry in kept { place(entry.fingerprint, entry.sequence) }
    }
}
