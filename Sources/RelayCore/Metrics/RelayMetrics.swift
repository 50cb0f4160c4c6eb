/// What `/metrics` tells: counts since the process's start, and how things are at the moment.
package struct RelayMetrics: Sendable, Equatable {
    package struct TypeCount: Sendable, Equatable {
        package let type: String
        package let count: UInt64

        package init(type: String, count: UInt64) {
            self.type = type
            self.count = count
        }
    }

    /// Kinds of damage to the journal that a start tells apart.
    package enum Damage: String, Sendable, CaseIterable {
        case bytes, missing, header, tail
    }

    // MARK: Events in

    package var isReady = false
    package var accepted: [TypeCount] = []
    package var refused: [RefusalCode: UInt64] = [:]
    package var duplicates: UInt64 = 0
    package var blankLines: UInt64 = 0
    package var unreadReplyPeers: UInt64 = 0
    package var connections = 0
    package var idsRemembered = 0
    package var idsForgotten: UInt64 = 0

    // MARK: Journal

    package var syncs = Histogram.forSyncs
    package var journalBytes: Int64 = 0
    /// `journal.max-bytes`.
    package var journalMaxBytes: Int64 = 0
    package var journalSegments = 0
    package var damage: [Damage: Int] = [:]
    package var writeFailures: UInt64 = 0
    package var rewrittenBytes: UInt64 = 0

    // MARK: Deliveries

    /// Whether all deliveries of the host are held back.
    package var isPaused = false
    package var pending = 0
    /// How long ago the oldest event with a pending delivery was accepted; nil: nothing is pending.
    package var oldestPending: Duration?
    package var inFlight = 0
    package var deliveredAttempts: UInt64 = 0
    package var failedAttempts: [AttemptFailure.Kind: UInt64] = [:]
    package var abandonedAttempts: UInt64 = 0
    package var settled: [SettlementResult: UInt64] = [:]
    package var latency = Histogram.forDeliveries

    package var healthChanges: [DeliveryScheduler.HealthChange.Kind: UInt64] = [:]
    package var breakers: [Breaker.State: Int] = [:]
    package var operationalEvents: [OperationalEvent.Kind: UInt64] = [:]
    package var droppedOperationalEvents: UInt64 = 0

    package var active = 0
    package var paused = 0
    package var disabled = 0

    // MARK: The process

    package var version = ""
    package var process = ProcessFigures()

    package init() {}
}

/// What the kernel says about the process; what it doesn't say is nil.
package struct ProcessFigures: Sendable, Equatable {
    package var cpuSeconds: Double?
    package var residentBytes: Int?
    package var virtualBytes: Int?
    package var openDescriptors: Int?
    package var maxDescriptors: Int?
    package var threads: Int?
    /// Unix milliseconds.
    package var startedAt: Int64 = 0

    package init() {}
}
