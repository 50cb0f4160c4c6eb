/// What a list of webhooks may be sorted by: those that want looking at come first.
package enum WebhookOrder: String, Sendable, CaseIterable {
    /// The oldest first, as lists are without an order.
    case created
    /// Most deliveries not yet settled.
    case backlog
    /// Most deliveries a second of late.
    case rate
    /// Most failures in a row.
    case failures
    /// What it is called: its description, or its URL.
    case name
    /// Whose last failed attempt is the youngest; those that have never failed are left out.
    case lastFailure
}

/// The figures that webhooks are sorted by: few, so that ten thousand are gathered in a moment.
package struct WebhookStanding: Sendable, Equatable {
    package let number: WebhookNumber
    package var pending = 0
    package var consecutiveFailures = 0
    package var delivered = 0
    /// Unix milliseconds.
    package var lastFailureAt: Int64?

    package init(number: WebhookNumber) {
        self.number = number
    }
}

extension WebhookOrder {
    /// The webhooks' numbers in this order; equal ones in the order of their creation.
    ///
    /// - Parameter rates: deliveries a second, for ``rate``.
    package func ranked(_ standings: [WebhookStanding], rates: [WebhookNumber: Double] = [:]) -> [WebhookNumber] {
        switch self {
        case .name: return standings.map(\.number)
        case .created: return standings.map(\.number).sorted()
        case .backlog: return Self.ranked(standings) { (Int64($0.pending), Int64($0.consecutiveFailures)) }
        case .failures: return Self.ranked(standings) { (Int64($0.consecutiveFailures), Int64($0.pending)) }
        case .lastFailure:
            return Self.ranked(standings.filter { $0.lastFailureAt != nil }) { ($0.lastFailureAt ?? 0, 0) }
        case .rate:
            return Self.ranked(standings) { (Int64((rates[$0.number] ?? 0) * 1_000), Int64($0.delivered)) }
        }
    }

    private static func ranked(
        _ standings: [WebhookStanding], _ key: (WebhookStanding) -> (Int64, Int64)
    ) -> [WebhookNumber] {
        standings.map { (key: key($0), number: $0.number) }
            .sorted { $0.key != $1.key ? $0.key > $1.key : $0.number < $1.number }
            .map(\.number)
    }
}

/// How many deliveries each webhook makes a second, from counts taken now and then: nothing is counted while nobody asks.
package struct RateBook: Sendable {
    /// For how long counts are compared with at least.
    package static let span = Duration.seconds(10)

    private struct Page: Sendable {
        let at: MonotonicTime
        let counts: [WebhookNumber: Int]
    }

    private var base: Page?
    private var next: Page?

    package init() {}

    /// Takes counts, and compares them with those from ten to twenty seconds before, or as old as there are.
    ///
    /// - Returns: deliveries a second; none for webhooks that were not there then.
    package mutating func rates(_ standings: [WebhookStanding], at now: MonotonicTime) -> [WebhookNumber: Double] {
        if next.map({ now - $0.at >= Self.span }) ?? true {
            base = next
            next = Page(
                at: now, counts: Dictionary(standings.map { ($0.number, $0.delivered) }, uniquingKeysWith: { $1 }))
        }
        guard let page = base ?? next, now > page.at else { return [:] }
        let seconds = Double((now - page.at).nanoseconds) / 1e9
        return standings.reduce(into: [:]) { rates, standing in
            guard let before = page.counts[standing.number], standing.delivered > before else { return }
            rates[standing.number] = Double(standing.delivered - before) / seconds
        }
    }
}
