/// Which ids may have been seen: in about two bytes each, oldest first in generations, so that the oldest can go.
package struct IDFilter: Sendable {
    package private(set) var generations: [IDFilterGeneration] = [] {
        didSet { tables = Tables(generations) }
    }
    private var tables = Tables([])
    private let maxCount: Int
    /// Ids that went because there were more than `maxCount`.
    package private(set) var forgottenByLimit: UInt64 = 0
    /// Ids of events before this one went for that reason.
    package private(set) var first: UInt64 = 1

    private static let smallest = 64 * 1024
    private static let largest = 4 * 1024 * 1024

    /// - Parameter maxCount: at least so many are remembered, and at most a fifth more.
    package init(maxCount: Int) {
        self.maxCount = max(1, maxCount)
    }

    package private(set) var count = 0
    /// How many ids the oldest generation may be dropped at.
    private var countMax = Int.max
    package var bytes: Int { generations.reduce(0) { $0 + $1.bytes } }
    /// Capacity of the largest generation: past the limit whole ones go.
    package static func largestGeneration(maxCount: Int) -> Int { min(largest, max(30, maxCount / 5)) }

    /// The events of each generation that may have the fingerprint, newest first.
    func ranges(of fingerprint: UInt64) -> [ClosedRange<UInt64>] {
        generations.reversed().filter { $0.mayContain(fingerprint) }.map { $0.firstSequence...$0.lastSequence }
    }

    @inline(__always)
    func prefetch(_ fingerprint: UInt64) {
        for index in 0..<tables.count { tables.start[index].prefetch(fingerprint) }
    }

    @inline(__always)
    package func mayContain(_ fingerprint: UInt64) -> Bool {
        for index in 0..<tables.count where tables.start[index].mayContain(fingerprint) { return true }
        return false
    }

    package mutating func insert(_ fingerprint: UInt64, sequence: UInt64) {
        if tables.insertIntoNewest(fingerprint, sequence) {
            count += 1
            if count >= countMax { limit() }
            return
        }
        // As large as all before it: memory follows the number of ids, and the number of generations its logarithm.
        let capacity = min(Self.largestGeneration(maxCount: maxCount), max(Self.smallest, count))
        let generation = IDFilterGeneration(capacityAtMost: capacity)
        _ = generation.insert(fingerprint, among: sequence...sequence)
        generations.append(generation)
        count += 1
        limit()
    }

    /// Takes a generation of older events that was made elsewhere.
    package mutating func adopt(_ generation: IDFilterGeneration) {
        guard generation.count > 0, generation.lastSequence >= first else { return }
        let place = generations.firstIndex { $0.firstSequence > generation.firstSequence } ?? generations.count
        generations.insert(generation, at: place)
        count += generation.count
        limit()
    }

    /// Forgets generations whose events are all before a sequence.
    package mutating func forget(before sequence: UInt64) {
        // The newest one goes on being filled.
        while generations.count > 1, let oldest = generations.first, oldest.lastSequence < sequence {
            count -= oldest.count
            generations.removeFirst()
        }
        limit()
    }

    private mutating func limit() {
        while generations.count > 1, let oldest = generations.first, count - oldest.count >= maxCount {
            forgottenByLimit += UInt64(oldest.count)
            count -= oldest.count
            generations.removeFirst()
            // Another one may hold ids of the same events, where one was full before its time.
            let next = generations.reduce(oldest.lastSequence + 1) { min($0, $1.firstSequence) }
            first = max(first, next)
        }
        countMax = generations.count > 1 ? maxCount + (generations.first?.count ?? 0) : .max
    }
}

/// The generations as they are read and filled, by address: to retain and release anything at every id would cost as much
/// as the look-up, most of all because the processor ends all memory accesses that are under way before it counts.
private struct Tables: @unchecked Sendable {
    // Never written after init.
    let start: UnsafeMutablePointer<IDFilterGeneration.Table>
    let count: Int
    /// Kept alive by `generations`, with which this is made anew.
    private let newest: Unmanaged<IDFilterGeneration>?
    private let owner: Owner

    private final class Owner: @unchecked Sendable {
        private let start: UnsafeMutablePointer<IDFilterGeneration.Table>
        init(_ start: UnsafeMutablePointer<IDFilterGeneration.Table>) { self.start = start }
        deinit { start.deallocate() }
    }

    init(_ generations: [IDFilterGeneration]) {
        start = .allocate(capacity: max(1, generations.count))
        start.initialize(from: generations.map(\.table), count: generations.count)
        count = generations.count
        newest = generations.last.map(Unmanaged.passUnretained)
        owner = Owner(start)
    }

    /// - Returns: false if there is none, or it is full.
    @inline(__always)
    func insertIntoNewest(_ fingerprint: UInt64, _ sequence: UInt64) -> Bool {
        newest?._withUnsafeGuaranteedRef { $0.insert(fingerprint, among: sequence...sequence) } ?? false
    }
}
