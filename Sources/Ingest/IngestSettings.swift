package import RelayCore

/// What the configuration says about the listener for producers.
package struct IngestSettings: Sendable {
    /// Bytes of a line, its LF not counted.
    package var maxLineBytes: Int
    package var maxConnections: Int
    package var rules: ProducerRules

    package init(maxLineBytes: Int, maxConnections: Int, rules: ProducerRules) {
        self.maxLineBytes = maxLineBytes
        self.maxConnections = maxConnections
        self.rules = rules
    }
}

/// What has gone through since the start.
package struct IngestCounters: Sendable, Equatable {
    package var connections = 0
    /// By index of the catalogue, whose names are in `types`.
    package var accepted: [UInt64] = []
    package var types: [String] = []
    package var acceptedTotal: UInt64 = 0
    package var duplicates: UInt64 = 0
    package private(set) var refused: [RefusalCode: UInt64] = [:]
    package private(set) var lastRefusal: RelayStatus.Refusal?
    package var blankLines: UInt64 = 0
    package var unreadReplyPeers: UInt64 = 0
    /// Ids that are remembered for deduplication, about, and those that went because of `ingest.dedupe-max-ids`.
    package var idsRemembered = 0
    package var idsForgotten: UInt64 = 0

    package init() {}

    /// Goes on counting with another catalogue: what was counted of a type stays with its name.
    mutating func use(_ catalogue: EventCatalogue) {
        guard catalogue.names != types else { return }
        let counted = Dictionary(zip(types, accepted), uniquingKeysWith: { $1 })
        types = catalogue.names
        accepted = types.map { counted[$0] ?? 0 }
    }

    mutating func refuse(_ code: RefusalCode, at wall: Int64) {
        refused[code, default: 0] += 1
        lastRefusal = RelayStatus.Refusal(code: code, at: wall)
    }

    package var refusedTotal: UInt64 { refused.values.reduce(0, +) }
}
