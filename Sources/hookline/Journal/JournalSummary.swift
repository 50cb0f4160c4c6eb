import AdminAPI
import RelayCore
import Storage

/// What `journal inspect` counts.
struct JournalSummary {
    private struct Counted {
        let name: String
        let count: Int
    }

    private let facts: JournalInspection.Facts
    private var types: [Counted] = []
    private var tenants: [Counted] = []
    private var results: [WebhookNumber: [SettlementResult: Int]] = [:]
    private var earliest: Int64?
    private var latest: Int64?
    private let stateDirectory: String

    /// Rows of a list that is shown to a person.
    private static let rowsMax = 20

    init(_ inspection: JournalInspection) throws {
        var types: [String: Int] = [:]
        var tenants: [String: Int] = [:]
        var results: [WebhookNumber: [SettlementResult: Int]] = [:]
        var earliest: Int64?
        var latest: Int64?
        facts = try inspection.read { place, header, _, _ in
            switch RecordKind(rawValue: header.kind) {
            case .event:
                guard let event = EventRecord(buffer: place.buffer, offset: place.offset) else { return }
                types[String(decoding: event.type, as: UTF8.self), default: 0] += 1
                tenants[String(decoding: event.tenant, as: UTF8.self), default: 0] += 1
                earliest = min(earliest ?? .max, event.acceptedAt)
                latest = max(latest ?? .min, event.acceptedAt)
            case .progress:
                let payload = UnsafeRawBufferPointer(
                    start: place.buffer.bytes + place.offset + RecordFormat.headerBytes, count: header.length)
                for lane in ProgressRecord(payload)?.lanes ?? [] {
                    for settlement in lane.progress.settled {
                        results[lane.webhook, default: [:]][settlement.result, default: 0] += 1
                    }
                }
            default:
                return
            }
        }
        self.types = Self.sorted(types)
        self.tenants = Self.sorted(tenants)
        self.results = results
        (self.earliest, self.latest) = (earliest, latest)
        stateDirectory = inspection.stateDirectory
    }

    private static func sorted(_ counts: [String: Int]) -> [Counted] {
        counts.map { Counted(name: $0, count: $1) }.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    }

    private func name(_ number: WebhookNumber) -> String { facts.table?.webhooks[number]?.id ?? "removed (\(number))" }

    private static func name(_ result: SettlementResult) -> String {
        switch result {
        case .delivered: "delivered"
        case .triesUsedUp: "tries_used_up"
        case .tooOld: "too_old"
        case .webhookDisabled: "webhook_disabled"
        case .cancelled: "cancelled"
        case .unreadable: "unreadable"
        case .displaced: "displaced"
        }
    }

    // MARK: For a person

    func lines(width: Int?, style: TextStyle) -> [String] {
        var lines = [style.bold("Journal in \(PrintableText.of(stateDirectory))"), ""]
        var segments = TextTable("SEGMENT", "FIRST EVENT", "EVENTS", "RECORDS", "BYTES", "INDEX", "BEGUN")
        for segment in facts.segments {
            let header = segment.header
            let range = header.throughOrdinal == header.ordinal ? "" : "–\(header.throughOrdinal)"
            segments.add([
                "\(header.ordinal)\(range)", "\(header.firstSequence)", "\(segment.records[.event] ?? 0)",
                "\(segment.records.values.reduce(0, +))", "\(segment.bytes)", segment.hasIndex ? "yes" : "no",
                RFC3339.text(milliseconds: header.createdAt),
            ])
        }
        lines += segments.lines(width: width, style: style)
        lines += table(of: types, "EVENT TYPE", width, style) + table(of: tenants, "TENANT", width, style)
        if let earliest, let latest {
            lines += [
                "",
                "Accepted between \(RFC3339.text(milliseconds: earliest)) and \(RFC3339.text(milliseconds: latest)).",
            ]
        }
        if !facts.state.lanes.isEmpty {
            var lanes = TextTable("WEBHOOK", "PENDING", "BEGUN", "NEXT EVENT", "DELIVERED", "GIVEN UP")
            for (number, lane) in facts.state.lanes.sorted(by: { $0.key < $1.key }) {
                lanes.add([
                    name(number), "\(lane.pending)", "\(lane.open.count)", "\(lane.cursor)", "\(lane.delivered)",
                    "\(lane.givenUp)",
                ])
            }
            lines += [""] + lanes.lines(width: width, style: style)
        }
        for task in facts.tasks { lines += ["", "Task \(task.number) is not done yet."] }
        if !facts.damage.isEmpty || !facts.refusals.isEmpty {
            lines += ["", style.red("Something is damaged: hookline journal check tells what.")]
        }
        return lines
    }

    private func table(of rows: [Counted], _ heading: String, _ width: Int?, _ style: TextStyle) -> [String] {
        guard !rows.isEmpty else { return [] }
        var table = TextTable(heading, "EVENTS")
        for row in rows.prefix(Self.rowsMax) { table.add([row.name, "\(row.count)"]) }
        let more = rows.count - Self.rowsMax
        return [""] + table.lines(width: width, style: style) + (more > 0 ? ["… and \(more) more"] : [])
    }

    // MARK: For a program

    var json: JSONValue {
        [
            "stateDirectory": .string(stateDirectory),
            "floor": .count(facts.state.floor),
            "lastSequence": .count(facts.state.lastSequence),
            "earliestAcceptedAt": .time(earliest),
            "latestAcceptedAt": .time(latest),
            "damaged": .bool(!facts.damage.isEmpty || !facts.refusals.isEmpty),
            "segments": .array(facts.segments.map(Self.json)),
            "events": [
                "byType": .object(JSONObject(types.map { ($0.name, .count($0.count)) })),
                "byTenant": .object(JSONObject(tenants.map { ($0.name, .count($0.count)) })),
            ],
            "webhooks": .array(facts.state.lanes.sorted { $0.key < $1.key }.map { json($0.key, $0.value) }),
            "tasks": .array(facts.tasks.map { .count($0.number) }),
        ]
    }

    private static func json(_ segment: JournalInspection.SegmentFacts) -> JSONValue {
        [
            "ordinal": .count(segment.header.ordinal),
            "throughOrdinal": .count(segment.header.throughOrdinal),
            "path": .string(segment.path),
            "firstSequence": .count(segment.header.firstSequence),
            "createdAt": .time(segment.header.createdAt),
            "bytes": .count(segment.bytes),
            "hasIndex": .bool(segment.hasIndex),
            "records": .object(
                JSONObject(
                    RecordKind.allCases.compactMap { kind in
                        segment.records[kind].map { ("\(kind)", .count($0)) }
                    })),
        ]
    }

    private func json(_ number: WebhookNumber, _ lane: LaneState) -> JSONValue {
        [
            "id": .text(facts.table?.webhooks[number]?.id),
            "number": .count(number),
            "pending": .count(lane.pending),
            "pendingBytes": .count(lane.pendingBytes),
            "begun": .count(lane.open.count),
            "nextSequence": .count(lane.cursor),
            "delivered": .count(lane.delivered),
            "givenUp": .count(lane.givenUp),
            "inJournal": .object(
                JSONObject(
                    SettlementResult.allCases.compactMap { result in
                        results[number]?[result].map { (Self.name(result), .count($0)) }
                    })),
        ]
    }
}
