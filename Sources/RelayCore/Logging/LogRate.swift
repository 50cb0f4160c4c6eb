/// Bounds how many log lines there are of what can happen thousands of times: in a minute so many of a kind, and so many of
/// all kinds together. What is left out is counted, and told when the minute is over.
///
/// A minute begins with the first line after the last one has ended. Far below journald's own bound, which would leave out
/// lines without looking at them: journald.conf(5), `RateLimitBurst=`.
package struct LogRate<Kind: Hashable & Sendable>: Sendable {
    /// Lines that were left out.
    package struct Summary: Equatable, Sendable {
        /// Nil: of several kinds, or of all that were too many to keep apart.
        package let kind: Kind?
        package let count: Int
    }

    package static var period: Duration { .seconds(60) }

    private let perKind: Int
    private let total: Int
    private let maxKinds: Int
    private let maxSummaries: Int
    private var counts: [Kind: Int] = [:]
    private var leftOut: [Kind: Int] = [:]
    private var leftOutOfOthers = 0
    private var logged = 0
    private var end: MonotonicTime?
    private var finished: [Summary] = []

    /// - Parameters:
    ///   - perKind: lines of one kind in a period.
    ///   - total: lines of all kinds in a period.
    ///   - maxKinds: kinds that are kept apart.
    ///   - maxSummaries: kinds that are told of one by one.
    package init(perKind: Int = 10, total: Int = 2_000, maxKinds: Int = 4_096, maxSummaries: Int = 100) {
        self.perKind = perKind
        self.total = total
        self.maxKinds = maxKinds
        self.maxSummaries = maxSummaries
    }

    /// - Returns: whether a line is to be logged; else it is counted.
    package mutating func allows(_ kind: Kind, at now: MonotonicTime) -> Bool {
        roll(to: now)
        if end == nil { end = now + Self.period }
        let count = counts[kind, default: 0]
        if count < perKind, logged < total {
            counts[kind] = count + 1
            logged += 1
            return true
        }
        if leftOut[kind] == nil, leftOut.count >= maxKinds {
            leftOutOfOthers += 1
        } else {
            leftOut[kind, default: 0] += 1
        }
        return false
    }

    /// When ``take(at:)`` has something to hand out; nil: nothing was left out.
    package var nextDue: MonotonicTime? {
        leftOut.isEmpty && leftOutOfOthers == 0 && finished.isEmpty ? nil : end
    }

    /// What was left out of periods that are over, most of it first.
    package mutating func take(at now: MonotonicTime) -> [Summary] {
        roll(to: now)
        defer { finished = [] }
        return finished
    }

    private mutating func roll(to now: MonotonicTime) {
        guard let end, end <= now else { return }
        self.end = nil
        let sorted = leftOut.sorted { $0.value > $1.value }
        finished += sorted.prefix(maxSummaries).map { Summary(kind: $0.key, count: $0.value) }
        let rest = sorted.dropFirst(maxSummaries).reduce(leftOutOfOthers) { $0 + $1.value }
        if rest > 0 { finished.append(Summary(kind: nil, count: rest)) }
        counts.removeAll(keepingCapacity: false)
        leftOut.removeAll(keepingCapacity: false)
        leftOutOfOthers = 0
        logged = 0
    }
}
