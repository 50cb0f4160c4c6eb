import RelayCore
import Storage

/// Events as lines of JSON: `journal export`.
struct EventExport {
    let filter: ExportFilter
    let details: Bool

    /// Bytes that are written at once.
    private static let chunkBytes = 64 * 1024

    /// - Returns: what was damaged and left out.
    func run(_ inspection: JournalInspection) throws -> [JournalDamage] {
        let (recovered, _) = try inspection.open()
        let patterns = filter.event.compactMap(EventPattern.init)
        let lanes = recovered.state.lanes
        let journal = recovered.journal.id
        var output: [UInt8] = []
        let damage = try inspection.forEachEvent(recovered) { event in
            guard isWanted(event, patterns, journal, lanes) else { return true }
            append(event, journal, lanes, to: &output)
            if output.count >= Self.chunkBytes {
                Console.write(output, to: 1)
                output.removeAll(keepingCapacity: true)
            }
            return true
        }
        Console.write(output, to: 1)
        return damage
    }

    private func isWanted(
        _ event: EventRecord, _ patterns: [EventPattern], _ journal: JournalID, _ lanes: [WebhookNumber: LaneState]
    ) -> Bool {
        if let tenant = filter.tenant, !event.tenant.elementsEqual(tenant.utf8) { return false }
        if let since = filter.since, event.acceptedAt < since.milliseconds { return false }
        if let until = filter.until, event.acceptedAt >= until.milliseconds { return false }
        if !patterns.isEmpty {
            let type = String(decoding: event.type, as: UTF8.self)
            guard patterns.contains(where: { $0.matches(type) }) else { return false }
        }
        if let id = filter.id, event.id(in: journal) != id { return false }
        return !filter.pending || (0..<event.webhookCount).contains { isPending(event, $0, lanes) }
    }

    private func isPending(_ event: EventRecord, _ index: Int, _ lanes: [WebhookNumber: LaneState]) -> Bool {
        let matched = event.webhook(index)
        guard matched.takesDeliveries, let lane = lanes[matched.number] else { return false }
        return event.sequence >= lane.cursor || lane.open[event.sequence] != nil
    }

    private func append(
        _ event: EventRecord, _ journal: JournalID, _ lanes: [WebhookNumber: LaneState], to output: inout [UInt8]
    ) {
        func text(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
            output.append(contentsOf: "\"\(name)\":\"".utf8)
            output.append(contentsOf: value)
            output.append(UInt8(ascii: "\""))
        }
        // Types, ids, tenants and timestamps need no escapes: they were checked when they came in.
        output.append(UInt8(ascii: "{"))
        text("event", event.type)
        output.append(UInt8(ascii: ","))
        text("tenantId", event.tenant)
        output.append(contentsOf: ",\"id\":\"".utf8)
        event.appendID(in: journal, to: &output)
        output.append(contentsOf: "\",".utf8)
        text("timestamp", event.timestamp)
        if details {
            let producer = event.producer
            output.append(
                contentsOf: """
                    ,"sequence":\(event.sequence),"acceptedAt":"\(RFC3339.text(milliseconds: event.acceptedAt))",\
                    "producer":{"uid":\(producer.uid),"gid":\(producer.gid),"pid":\(producer.pid)},"webhooks":[
                    """.utf8)
            for index in 0..<event.webhookCount {
                let matched = event.webhook(index)
                let state =
                    !matched.takesDeliveries ? "skipped" : isPending(event, index, lanes) ? "pending" : "settled"
                output.append(
                    contentsOf: "\(index > 0 ? "," : ""){\"number\":\(matched.number),\"status\":\"\(state)\"}".utf8)
            }
            output.append(UInt8(ascii: "]"))
        }
        output.append(contentsOf: ",\"data\":".utf8)
        output.append(contentsOf: event.data)
        output.append(contentsOf: "}\n".utf8)
    }
}
