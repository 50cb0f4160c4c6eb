/// Fingerprints of some recent ids with the sequences of their events, exactly.
///
/// They stand in the order in which they came; an open-addressed table of two bytes a place, small enough for a core's
/// own cache, finds them.
struct RecentIDs: Sendable {
    private struct Entry {
        let fingerprint: UInt64
        /// 0: taken back.
        var sequence: UInt64
    }

    private var entries: [Entry] = []
    /// A position in `entries` and one; 0: empty.
    private var places: [UInt16]
    private(set) var lastSequence: UInt64 = 0
    private var takenBack = 0

    /// How many it takes at most.
    static let capacity = 24_576

    /// - Parameter places: to begin with, a power of two; they grow, and a quarter of them stays empty.
    init(places: Int) {
        self.places = Array(repeating: 0, count: places)
        entries.reserveCapacity(places / 4 * 3)
    }

    var isFull: Bool { entries.count >= Self.capacity }
    var placeCount: Int { places.count }

    /// Calls `body` with the sequence of each event that may have this id, until it returns true.
    func contains(_ fingerprint: UInt64, where body: (UInt64) -> Bool) -> Bool {
        var index = home(of: fingerprint)
        while places[index] != 0 {
            let entry = entries[Int(places[index]) - 1]
            if entry.fingerprint == fingerprint, entry.sequence != 0, body(entry.sequence) { return true }
            index = (index + 1) & (places.count - 1)
        }
        return false
    }

    @inline(__always)
    mutating func insert(_ fingerprint: UInt64, sequence: UInt64) {
        precondition(!isFull)
        if (entries.count + 1) * 4 > places.count * 3 { grow() }
        entries.append(Entry(fingerprint: fingerprint, sequence: sequence))
        place(fingerprint, UInt16(entries.count))
        lastSequence = max(lastSequence, sequence)
    }

    @inline(__always)
    private func home(of fingerprint: UInt64) -> Int { Int(truncatingIfNeeded: fingerprint) & (places.count - 1) }

    @inline(__always)
    private mutating func place(_ fingerprint: UInt64, _ number: UInt16) {
        var index = home(of: fingerprint)
        while places[index] != 0 { index = (index + 1) & (places.count - 1) }
        places[index] = number
    }

    @inline(never)
    private mutating func grow() {
        places = Array(repeating: 0, count: places.count * 2)
        for (position, entry) in entries.enumerated() { place(entry.fingerprint, UInt16(position + 1)) }
    }

    /// Nothing is left: a disk that refuses everything must not let tables pile up.
    private mutating func clear() {
        entries.removeAll(keepingCapacity: true)
        places = Array(repeating: 0, count: places.count)
        takenBack = 0
    }

    /// - Returns: whether it was there.
    mutating func remove(_ fingerprint: UInt64, sequence: UInt64) -> Bool {
        var index = home(of: fingerprint)
        while places[index] != 0 {
            let position = Int(places[index]) - 1
            if entries[position].fingerprint == fingerprint, entries[position].sequence == sequence {
                entries[position].sequence = 0
                takenBack += 1
                if takenBack == entries.count { clear() }
                return true
            }
            index = (index + 1) & (places.count - 1)
        }
        return false
    }
}
