import RelayCore

/// Checks the bodies of the calls that deliver events once more or try a webhook out, and names everything that is wrong with them. Every field may
/// be left out.
struct ReplayFields {
    private let object: JSONObject
    private var errors: [FieldError] = []

    private init(_ object: JSONObject) {
        self.object = object
    }

    /// Of `POST /webhooks/{id}/replay`.
    static func request(_ object: JSONObject) throws(InvalidFields) -> ReplayRequest {
        var fields = ReplayFields(object)
        var request = ReplayRequest()
        request.since = fields.time("since") ?? request.since
        request.until = fields.time("until") ?? request.until
        if let text = fields.string("status") {
            if let status = JournalTask.ReplayStatus(rawValue: text) {
                request.status = status
            } else {
                let known = JournalTask.ReplayStatus.allCases.map(\.rawValue).joined(separator: ", ")
                fields.errors.append(FieldError("status", "must be one of \(known)"))
            }
        }
        request.isDryRun = fields.bool("dryRun") ?? false
        try fields.finish(known: ["since", "until", "status", "dryRun"])
        return request
    }

    /// Of `POST /events/{id}/replay`.
    ///
    /// - Returns: the webhook that is named.
    static func webhook(_ object: JSONObject) throws(InvalidFields) -> String? {
        var fields = ReplayFields(object)
        let webhook = fields.string("webhookId")
        try fields.finish(known: ["webhookId"])
        return webhook
    }

    /// Of `POST /webhooks/{id}/test`.
    ///
    /// - Returns: the event type that is named, or the first one that the webhook asks for.
    static func testType(
        _ object: JSONObject, of webhook: Webhook, catalogue: EventCatalogue
    ) throws(InvalidFields) -> String {
        let known = catalogue.names + EventCatalogue.operational
        var fields = ReplayFields(object)
        let named = fields.string("event")
        if let named, !known.contains(named) {
            fields.errors.append(FieldError("event", "is none of \(known.joined(separator: ", "))"))
        }
        try fields.finish(known: ["event"])
        return named ?? known.first { webhook.wants($0) } ?? known[0]
    }

    private func finish(known: [String]) throws(InvalidFields) {
        let others = object.names.filter { !known.contains($0) }
        let all = errors + others.map { FieldError($0, "is not a field of this call") }
        if !all.isEmpty { throw InvalidFields(errors: all) }
    }

    private mutating func string(_ name: String) -> String? {
        guard let value = object[name], value != .null else { return nil }
        if value.stringValue == nil { errors.append(FieldError(name, "must be a string, not \(value.kind)")) }
        return value.stringValue
    }

    private mutating func bool(_ name: String) -> Bool? {
        guard let value = object[name], value != .null else { return nil }
        if value.boolValue == nil { errors.append(FieldError(name, "must be true or false, not \(value.kind)")) }
        return value.boolValue
    }

    private mutating func time(_ name: String) -> Int64? {
        guard let text = string(name) else { return nil }
        guard let time = RFC3339.milliseconds(text) else {
            errors.append(FieldError(name, Query.timeRule))
            return nil
        }
        return time
    }
}
