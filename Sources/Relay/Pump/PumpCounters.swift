import RelayCore

/// What has gone out since the start.
struct PumpCounters: Equatable, Sendable {
    /// Attempts that ended with a 2xx.
    private(set) var delivered: UInt64 = 0
    private(set) var failures: [AttemptFailure.Kind: UInt64] = [:]
    private(set) var abandoned: UInt64 = 0
    private(set) var settled: [SettlementResult: UInt64] = [:]
    /// Changes in how receivers are doing.
    private(set) var changes: [DeliveryScheduler.HealthChange.Kind: UInt64] = [:]
    private(set) var latency = Histogram.forDeliveries

    var failedAttempts: UInt64 { failures.values.reduce(0, +) }
    /// Deliveries that ended without success, and were not called off.
    var givenUp: UInt64 {
        settled.reduce(0) { $1.key == .delivered || $1.key == .cancelled ? $0 : $0 + $1.value }
    }

    /// Takes an attempt's outcome.
    ///
    /// - Parameters:
    ///   - acceptedAt: when the event was accepted, Unix milliseconds; nil: that says nothing about the relay.
    ///   - wall: Unix milliseconds.
    mutating func count(_ result: AttemptOutcome.Result, acceptedAt: Int64?, wall: Int64) {
        switch result {
        case .delivered:
            delivered += 1
            if let acceptedAt { latency.observe(.milliseconds(wall - acceptedAt)) }
        case .failed(let failure): failures[failure.kind, default: 0] += 1
        case .abandoned: abandoned += 1
        }
    }

    mutating func count(_ change: DeliveryScheduler.HealthChange.Kind) {
        changes[change, default: 0] += 1
    }

    mutating func count(_ result: SettlementResult, times: Int = 1) {
        settled[result, default: 0] += UInt64(times)
    }
}
