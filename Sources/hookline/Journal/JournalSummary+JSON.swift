import AdminAPI
import RelayCore
import Storage

/// `journal inspect` for a program.
extension JournalSummary {
    /// Tenants that are listed: those with the most events.
    private static let tenantsMax = 1000

    var json: JSONValue {
        let recovered = look.recovered
        return [
            "stateDirectory": .string(stateDirectory),
            "floor": .count(recovered.state.floor),
            "checkpointOrdinal": recovered.checkpointOrdinal.map { .count($0) } ?? .null,
            "registrationRevision": (look.table?.revision).map { .count($0) } ?? .null,
            "sealedUnder": .text(look.sealedUnder),
            "lastSequence": .count(recovered.state.lastSequence),
            "earliestAcceptedAt": .time(period?.lowerBound),
            "latestAcceptedAt": .time(period?.upperBound),
            "damaged": .bool(isDamaged),
            "records": Self.object(kinds.map { ("\($0.kind)", $0.count) }),
            "segments": .array(zip(segments, needed).map(Self.json)),
            "events": [
                "tenants": .count(tenants.count),
                "byType": Self.object(types.map { ($0.name, $0.count) }),
                "byTenant": Self.object(tenants.prefix(Self.tenantsMax).map { ($0.name, $0.count) }),
            ],
            "webhooks": .array(lanes.map { json($0.number, $0.state) }),
            "tasks": .array(tasks.map { ["number": .count($0.number), "what": .string($0.what)] }),
        ]
    }

    private static func object(_ counts: [(String, Int)]) -> JSONValue {
        .object(JSONObject(counts.map { ($0, .count($1)) }))
    }

    private static func json(_ segment: JournalInspection.SegmentFacts, needed: Int) -> JSONValue {
        [
            "ordinal": .count(segment.header.ordinal),
            "throughOrdinal": .count(segment.header.throughOrdinal),
            "path": .string(segment.path),
            "firstSequence": .count(segment.header.firstSequence),
            "createdAt": .time(segment.header.createdAt),
            "sealedAt": .time(segment.sealedAt),
            "isRewritten": .bool(segment.header.sealedBytes > 0),
            "bytes": .count(segment.bytes),
            "hasIndex": .bool(segment.hasIndex),
            "neededEvents": .count(needed),
            "records": object(
                RecordKind.allCases.compactMap { kind in segment.records[kind].map { ("\(kind)", $0) } }),
        ]
    }

    private func json(_ number: WebhookNumber, _ lane: LaneState) -> JSONValue {
        [
            "id": .text(id(number)),
            "number": .count(number),
            "pending": .count(lane.pending),
            "pendingBytes": .count(lane.pendingBytes),
            "begun": .count(lane.open.count),
            "nextSequence": .count(lane.cursor),
            "delivered": .count(lane.delivered),
            "givenUp": .count(lane.givenUp),
            // By the records that are still there; the numbers above count from the webhook's beginning.
            "inJournal": Self.object(
                SettlementResult.allCases.compactMap { result in results[number]?[result].map { (result.name, $0) } }),
        ]
    }
}
