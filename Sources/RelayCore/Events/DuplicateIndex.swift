/// Which event had a tenant's id: from a fingerprint of both (``EventFingerprint``) to the event's sequence.
///
/// All ids are in a filter of two bytes each, which answers nearly every new id at once. Recent ones are kept exactly,
/// until their segment's index file has them; older ones are looked up there. A fingerprint may be another id's too, so
/// that whoever asks compares with the event itself.
package struct DuplicateIndex: Sendable {
    private var filter: IDFilter
    /// Full ones, oldest first.
    private var recent: [RecentIDs] = []
    /// Begins small, for hosts with few ids. It stands by itself, to be filled in its place.
    private var newest = RecentIDs(places: 1024)
    /// Events before this one are gone, or past what is remembered.
    private var first: UInt64 = 1
    /// Whether index files hold ids that the filter does not know yet, as after a start.
    package var hasUncovered = false

    /// - Parameter maxCount: ids to keep; past it the oldest are forgotten first.
    package init(maxCount: Int) {
        filter = IDFilter(maxCount: maxCount)
    }

    /// Ids that are remembered, about.
    package var count: Int { filter.count }
    package var forgottenByLimit: UInt64 { filter.forgottenByLimit }

    /// Events in one index file whose id may have a fingerprint.
    package struct SealedIDs: Equatable, Sendable {
        /// Newest first, not empty.
        package let sequences: [UInt64]
        /// Files for events before this one have not been looked at.
        package let before: UInt64

        package init(sequences: [UInt64], before: UInt64) {
            self.sequences = sequences
            self.before = before
        }
    }

    /// Looks into index files, newest first, for an id of an event among some sequences; nil if none may have it.
    package typealias SealedLookUp = (_ fingerprint: UInt64, _ among: ClosedRange<UInt64>) -> SealedIDs?

    /// Has the memory fetched that looking for a fingerprint and inserting it will touch, apart from what is in the cache anyway.
    @inline(__always)
    func prefetch(_ fingerprint: UInt64) {
        filter.prefetch(fingerprint)
    }

    /// Whether an event may have this id: no for nearly every new one.
    @inline(__always)
    package func mayContain(_ fingerprint: UInt64) -> Bool {
        filter.mayContain(fingerprint) || hasUncovered
    }

    /// Calls `body` with the sequence of each event that may have this id, newest first, until it returns true.
    ///
    /// - Returns: whether it did.
    package func find(_ fingerprint: UInt64, sealed: SealedLookUp, where body: (UInt64) -> Bool) -> Bool {
        guard mayContain(fingerprint) else { return false }
        for table in [newest] + recent.reversed() {
            if table.contains(fingerprint, where: { $0 >= first && body($0) }) { return true }
        }
        for range in hasUncovered ? [first...UInt64.max] : filter.ranges(of: fingerprint) {
            var rest = max(first, range.lowerBound)..<max(first, range.upperBound &+ (range.upperBound == .max ? 0 : 1))
            while !rest.isEmpty, let found = sealed(fingerprint, rest.lowerBound...rest.upperBound - 1) {
                if found.sequences.contains(where: { $0 >= first && body($0) }) { return true }
                rest = rest.lowerBound..<max(rest.lowerBound, min(found.before, rest.upperBound))
            }
        }
        return false
    }

    /// Adds an event, whose sequence is above all that are there.
    package mutating func insert(_ fingerprint: UInt64, sequence: UInt64) {
        filter.insert(fingerprint, sequence: sequence)
        first = max(first, filter.first)
        if newest.isFull { beginTable() }
        newest.insert(fingerprint, sequence: sequence)
    }

    @inline(never)
    private mutating func beginTable() {
        recent.append(newest)
        newest = RecentIDs(places: newest.placeCount)
    }

    /// Takes an event back that was never accepted after all. The filter may go on saying that there may have been one.
    package mutating func remove(_ fingerprint: UInt64, sequence: UInt64) {
        if newest.remove(fingerprint, sequence: sequence) { return }
        for index in recent.indices.reversed() where recent[index].remove(fingerprint, sequence: sequence) { return }
    }

    /// Takes note that the ids of all events up to one are in index files.
    package mutating func indexed(through sequence: UInt64) {
        recent.removeFirst(recent.prefix { $0.lastSequence <= sequence }.count)
    }

    /// Takes ids of older events into the filter that are in index files.
    package mutating func adopt(_ generation: IDFilterGeneration) {
        filter.adopt(generation)
        first = max(first, filter.first)
    }

    /// Forgets events before a sequence.
    package mutating func forget(before sequence: UInt64) {
        first = max(first, sequence)
        filter.forget(before: sequence)
        recent.removeFirst(recent.prefix { $0.lastSequence < sequence }.count)
    }
}
