import AdminAPI

/// Deliveries as text for people, from the API's JSON.
enum DeliveryText {
    static func table(_ deliveries: [JSONValue], hasMore: Bool, width: Int?, style: TextStyle) -> [String] {
        guard !deliveries.isEmpty else { return ["There are no such deliveries."] }
        var table = TextTable("EVENT ID", "EVENT", "STATUS", "TRIES", "ANSWER", "ACCEPTED", "SETTLED", "NOTE")
        for delivery in deliveries {
            table.add([
                text(delivery["eventId"], none: "(gone)"), text(delivery["event"]), text(delivery["status"]),
                text(delivery["attempts"]), text(delivery["lastStatus"]), text(delivery["acceptedAt"]),
                text(delivery["settledAt"]), note(delivery),
            ])
        }
        return table.lines(width: width, style: style)
            + (hasMore ? ["", "There are more: --limit shows them."] : [])
    }

    private static func note(_ delivery: JSONValue) -> String {
        if let reason = delivery["reason"]?.stringValue { return reason }
        switch delivery["waitsFor"]?.stringValue {
        case "outcome"?: return "in flight"
        case "retry"?: return "next try \(text(delivery["nextAttemptAt"]))"
        case "turn"?: return "waits for its turn"
        case "resume"?: return "waits for the webhook to be resumed"
        default: return ""
        }
    }

    /// What a replay has come to.
    static func replay(_ answer: JSONValue) -> String {
        let count = answer["count"]?.integerValue ?? 0
        let many = (answer["isExact"] == false ? "at least " : "") + "\(count) deliver\(count == 1 ? "y" : "ies")"
        return answer["dryRun"] == true
            ? "\(many) would be made once more." : "\(many) will be made once more: task \(text(answer["task"]))."
    }

    /// What came of a test.
    static func test(_ answer: JSONValue) -> String {
        let what = "\(text(answer["event"])) as \(text(answer["eventId"]))"
        let time = "after \(text(answer["durationMs"])) ms"
        guard answer["outcome"] != "delivered" else {
            return "Delivered: \(what), answered \(text(answer["status"])) \(time)."
        }
        return "Failed: \(what), \(time): \(text(answer["error"]))."
    }

    private static func text(_ value: JSONValue?, none: String = "-") -> String {
        WebhookText.text(value, none: none)
    }
}
