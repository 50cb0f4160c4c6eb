/// Counts durations in buckets that are fixed from the beginning: observing one costs no memory and a few comparisons.
package struct Histogram: Equatable, Sendable {
    /// Upper bounds in seconds, each inclusive, ascending.
    package let bounds: [Double]
    /// How many were above the bound before and not above this one; the last count is of those above all bounds.
    package private(set) var counts: [UInt64]
    /// Of all that were observed, in seconds.
    package private(set) var sum: Double = 0
    private let nanoseconds: [Int64]

    /// - Parameter bounds: in seconds, ascending.
    package init(bounds: [Double]) {
        self.bounds = bounds
        nanoseconds = bounds.map { Int64(($0 * 1e9).rounded()) }
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// For disk syncs: from what a battery-backed cache takes to what a failing disk does.
    package static let forSyncs = Histogram(bounds: [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ])

    /// For the time to a delivery: from a receiver on this host to the end of a retry schedule.
    package static let forDeliveries = Histogram(bounds: [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 21_600, 86_400,
        259_200, 604_800,
    ])

    package mutating func observe(_ duration: Duration) {
        let value = max(0, duration.nanoseconds)
        // Most are small: the search from the front ends soon.
        var index = 0
        while index < nanoseconds.count, nanoseconds[index] < value { index += 1 }
        counts[index] += 1
        sum += Double(value) / 1e9
    }

    package var count: UInt64 { counts.reduce(0, +) }
}
