import AdminAPI
import RelayCore
import Storage

/// What `journal inspect` counts.
struct JournalSummary {
    struct Counted {
        let name: String
        let count: Int
    }

    let look: JournalInspection.Look
    let stateDirectory: String
    let segments: [JournalInspection.SegmentFacts]
    /// Events that are still needed, of each segment.
    let needed: [Int]
    let types: [Counted]
    let tenants: [Counted]
    /// How deliveries ended, by the records that are still there.
    let results: [WebhookNumber: [SettlementResult: Int]]
    /// Acceptances, Unix milliseconds.
    let period: ClosedRange<Int64>?
    let isDamaged: Bool

    init(_ inspection: JournalInspection) throws {
        let look = try inspection.look()
        var counter = Counter(needs: look.needs, segments: look.segments.count)
        let read = try inspection.readAll(look) { counter.add($0, segment: $1) }
        self.look = look
        stateDirectory = inspection.stateDirectory
        segments = read.segments
        needed = counter.needed
        types = Self.sorted(counter.types)
        tenants = Self.sorted(counter.tenants)
        results = counter.results
        period = counter.period
        isDamaged = read.findings.contains(where: \.isSerious)
    }

    private static func sorted(_ counts: [String: Int]) -> [Counted] {
        counts.map { Counted(name: $0, count: $1) }.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    }

    /// Records by kind, those of which there are any.
    var kinds: [(kind: RecordKind, count: Int)] {
        RecordKind.allCases.map { kind in (kind, segments.reduce(0) { $0 + ($1.records[kind] ?? 0) }) }
            .filter { $0.count > 0 }
    }

    /// Lanes as a start would find them, those with the most pending first.
    var lanes: [(number: WebhookNumber, state: LaneState)] {
        look.lanes.map { ($0.key, $0.value) }.sorted { ($1.1.pending, $0.0) < ($0.1.pending, $1.0) }
    }

    var tasks: [JournalTask] { look.recovered.tasks.filter { !$0.isDone } }

    func id(_ number: WebhookNumber) -> String? { look.table?[number]?.id }
}

/// Counts records.
private struct Counter {
    private let needs: JournalNeeds
    var needed: [Int]
    var types: [String: Int] = [:]
    var tenants: [String: Int] = [:]
    var results: [WebhookNumber: [SettlementResult: Int]] = [:]
    var period: ClosedRange<Int64>?

    init(needs: JournalNeeds, segments: Int) {
        self.needs = needs
        needed = [Int](repeating: 0, count: segments)
    }

    mutating func add(_ record: JournalRecord, segment: Int) {
        switch record.kind {
        case .event:
            guard let event = record.event else { return }
            types[String(decoding: event.type, as: UTF8.self), default: 0] += 1
            tenants[String(decoding: event.tenant, as: UTF8.self), default: 0] += 1
            if needs.needs(event) { needed[segment] += 1 }
            let at = event.acceptedAt
            period = min(period?.lowerBound ?? at, at)...max(period?.upperBound ?? at, at)
        case .progress:
            for lane in ProgressRecord(record.payload)?.lanes ?? [] {
                for settlement in lane.progress.settled {
                    results[lane.webhook, default: [:]][settlement.result, default: 0] += 1
                }
            }
        case .checkpoint, .registration, .floor, .task, nil:
            return
        }
    }
}
