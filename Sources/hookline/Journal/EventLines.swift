import RelayCore
import Storage

/// Makes the lines of `journal export`.
struct EventLines {
    /// How deliveries ended; nil: nobody has looked yet.
    var window: SettlementWindow?
    private let journal: JournalID
    private let table: RegistrationTable?
    private let waiting: WaitingDeliveries
    private let hasAllSegments: Bool

    init(_ look: JournalInspection.Look) {
        journal = look.id
        table = look.table
        waiting = WaitingDeliveries(look.lanes)
        hasAllSegments =
            look.recovered.directory.leftOut.isEmpty
            && !look.findings.contains { if case .missing = $0 { true } else { false } }
    }

    func append(_ event: EventRecord, details: Bool, to output: inout [UInt8]) {
        // Types, ids, tenants and timestamps need no escapes: they were checked when they came in.
        output.append(contentsOf: "{\"event\":\"".utf8)
        output.append(contentsOf: event.type)
        output.append(contentsOf: "\",\"tenantId\":\"".utf8)
        output.append(contentsOf: event.tenant)
        output.append(contentsOf: "\",\"id\":\"".utf8)
        event.appendID(in: journal, to: &output)
        output.append(contentsOf: "\",\"timestamp\":\"".utf8)
        output.append(contentsOf: event.timestamp)
        output.append(UInt8(ascii: "\""))
        if details { appendDetails(event, to: &output) }
        output.append(contentsOf: ",\"data\":".utf8)
        output.append(contentsOf: event.data)
        output.append(contentsOf: "}\n".utf8)
    }

    private func appendDetails(_ event: EventRecord, to output: inout [UInt8]) {
        let producer = event.producer
        output.append(
            contentsOf: """
                ,"sequence":\(event.sequence),"acceptedAt":"\(RFC3339.text(milliseconds: event.acceptedAt))",\
                "producer":{"uid":\(producer.uid),"gid":\(producer.gid),"pid":\(producer.pid)},"webhooks":[
                """.utf8)
        let matched = (0..<event.webhookCount).map(event.webhook)
        // A replay hands an event to webhooks that it was not for when it came.
        let others = waiting.begun(event.sequence).filter { number in !matched.contains { $0.number == number } }
        let all = matched + others.map { MatchedWebhook(number: $0, takesDeliveries: false) }
        for (index, webhook) in all.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            append(webhook, event.sequence, to: &output)
        }
        output.append(UInt8(ascii: "]"))
    }

    private func append(_ webhook: MatchedWebhook, _ sequence: UInt64, to output: inout [UInt8]) {
        func add(_ text: String) { output.append(contentsOf: text.utf8) }
        add("{\"number\":\(webhook.number)")
        if let id = table?[webhook.number]?.id { add(",\"id\":\"\(id)\"") }
        if waiting.isWaiting(sequence, for: webhook) {
            add(",\"status\":\"pending\"")
            if let open = waiting.open(sequence, for: webhook.number), open.attempts > 0 {
                add(",\"attempts\":\(open.attempts),\"nextAttemptAt\":\"\(RFC3339.text(milliseconds: open.nextAt))\"")
            }
        } else if let ending = window?.ending(of: sequence, for: webhook.number) {
            let status = ending.result == .cancelled ? "cancelled" : "given_up"
            add(",\"status\":\"\(status)\",\"reason\":\"\(ending.result.name)\",\"attempts\":\(ending.attempts)")
            add(",\"settledAt\":\"\(RFC3339.text(milliseconds: ending.at))\"")
        } else if !webhook.takesDeliveries {
            add(",\"status\":\"skipped\"")
        } else if let table, table[webhook.number] == nil {
            // Its deliveries were cancelled when it was removed, if they had not been made before.
            add(",\"status\":\"removed\"")
        } else {
            // Where something is lost it could have ended in another way.
            let isCertain = hasAllSegments && window?.isWhole == true
            add(",\"status\":\"\(isCertain ? "delivered" : "settled")\"")
        }
        add("}")
    }
}
