/// A histogram of Prometheus' text format: for each bound in seconds how many observations were not above it.
struct LatencyBuckets: Equatable, Sendable {
    private(set) var bounds: [Double] = []
    private(set) var counts: [Double] = []

    init() {}

    /// - Parameter page: `/metrics`; nil: it has no such family.
    init?(_ page: String, family: String = "hookline_delivery_latency_seconds") {
        let prefix = family + "_bucket{le=\""
        for line in page.split(separator: "\n") where line.hasPrefix(prefix) {
            let rest = line.dropFirst(prefix.count)
            guard let quote = rest.firstIndex(of: "\""),
                let count = rest.split(separator: " ").last.flatMap({ Double($0) })
            else { continue }
            let bound = rest[..<quote]
            guard let bound = bound == "+Inf" ? .infinity : Double(bound) else { continue }
            bounds.append(bound)
            counts.append(count)
        }
        if bounds.isEmpty { return nil }
    }

    /// What was observed since an earlier look; nil: that was another process, or nothing was.
    func since(_ earlier: LatencyBuckets) -> LatencyBuckets? {
        guard earlier.bounds == bounds, let total = counts.last, let before = earlier.counts.last, total > before
        else { return nil }
        var difference = self
        for index in counts.indices { difference.counts[index] = max(0, counts[index] - earlier.counts[index]) }
        return difference
    }

    /// The value that a share of all observations does not exceed, as far as the bounds tell: within a bucket observations
    /// are taken for evenly spread, and what is above the last bound for as large as that.
    ///
    /// - Parameter share: from 0 to 1.
    func quantile(_ share: Double) -> Double? {
        guard let total = counts.last, total > 0 else { return nil }
        let rank = share * total
        guard let index = counts.firstIndex(where: { $0 >= rank && $0 > 0 }) else { return nil }
        let low = index > 0 ? bounds[index - 1] : 0
        guard bounds[index].isFinite else { return low }
        let below = index > 0 ? counts[index - 1] : 0
        let inside = counts[index] - below
        return inside > 0 ? low + (bounds[index] - low) * max(0, rank - below) / inside : bounds[index]
    }
}
