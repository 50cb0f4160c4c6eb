/// What the last minute's samples tell together.
struct TopHistory: Equatable, Sendable {
    /// Seconds that sparklines and percentiles are about.
    static let span = 60.0
    /// Webhooks that readings are kept of: far more than a screen has lines.
    static let webhooksMax = 2_000

    private(set) var accepted = Readings()
    private(set) var delivered = Readings()
    private(set) var failed = Readings()
    private var latencies: [(at: Double, buckets: LatencyBuckets)] = []
    private var webhooks: [String: Readings] = [:]

    static func == (one: Self, other: Self) -> Bool {
        one.accepted == other.accepted && one.delivered == other.delivered && one.failed == other.failed
            && one.webhooks == other.webhooks && one.latencies.map(\.buckets) == other.latencies.map(\.buckets)
    }

    mutating func add(_ sample: TopSample) {
        accepted.add(Double(sample.accepted), at: sample.at, span: Self.span)
        delivered.add(Double(sample.delivered), at: sample.at, span: Self.span)
        failed.add(Double(sample.failedAttempts), at: sample.at, span: Self.span)
        latencies.append((sample.at, sample.latency))
        latencies.removeAll { $0.at < sample.at - Self.span }
        for webhook in sample.webhooks {
            webhooks[webhook.id, default: Readings()].add(Double(webhook.delivered), at: sample.at, span: Self.span)
        }
        guard webhooks.count > Self.webhooksMax else { return }
        let seen = Set(sample.webhooks.map(\.id))
        webhooks = webhooks.filter { seen.contains($0.key) }
    }

    /// Deliveries a second of a webhook; nil: it was seen only once.
    func rate(of webhook: String) -> Double? { webhooks[webhook]?.rate }

    func rates(of webhook: String, _ count: Int) -> [Double?] {
        webhooks[webhook]?.rates(count, span: Self.span) ?? Array(repeating: nil, count: count)
    }

    /// The latency that a share of the last minute's deliveries did not exceed, in seconds; nil: there were none.
    func latency(_ share: Double) -> Double? {
        guard let first = latencies.first, let last = latencies.last else { return nil }
        return last.buckets.since(first.buckets)?.quantile(share)
    }
}
