import AdminAPI

/// An event's life as text for people, from the API's JSON.
enum EventText {
    /// Lines of data that are shown; all of it is in the JSON.
    private static let dataLinesMax = 40

    static func lines(_ answer: EventAnswer, width: Int?, style: TextStyle) -> [String] {
        let event = answer.json
        var lines = head(event, style) + data(answer.data, style)
        let deliveries = event["deliveries"]?.arrayValue ?? []
        if deliveries.isEmpty { lines += ["", "It went to no webhook."] }
        for delivery in deliveries { lines += [""] + self.delivery(delivery, width: width, style: style) }
        let unmatched = event["unmatched"]?.arrayValue ?? []
        if !unmatched.isEmpty {
            var table = TextTable("NOT SENT TO", "URL", "WHY")
            for webhook in unmatched {
                table.add([text(webhook["webhookId"]), text(webhook["url"]), why(webhook, event)])
            }
            lines += [""] + table.lines(width: width, style: style)
        }
        if let omitted = event["omittedAttempts"]?.integerValue, omitted > 0 {
            lines += ["", "\(omitted) more attempts are not shown."]
        }
        return lines
    }

    private static func head(_ event: JSONValue, _ style: TextStyle) -> [String] {
        var pairs: [(String, String)] = [
            ("event", style.bold(text(event["id"]))), ("type", text(event["event"])),
            ("tenant", text(event["tenantId"])), ("accepted", accepted(event)),
        ]
        let by = event["timestampBy"] == "producer" ? " (the producer's)" : ""
        pairs.append(("timestamp", text(event["timestamp"]) + by))
        for (index, time) in (event["earlier"]?.arrayValue ?? []).enumerated() {
            pairs.append((index == 0 ? "sent before" : "", "\(text(time)), as an event of its own with the same id"))
        }
        let width = pairs.map(\.0.count).max() ?? 0
        return pairs.map { style.dim($0.0.padded(to: width)) + "  " + $0.1 }
    }

    private static func accepted(_ event: JSONValue) -> String {
        let time = text(event["acceptedAt"])
        guard let peer = event["producer"]?.objectValue else { return "\(time), made by Hookline itself" }
        return "\(time) from uid \(text(peer["uid"])), pid \(text(peer["pid"]))"
    }

    private static func data(_ data: [UInt8], _ style: TextStyle) -> [String] {
        let all = PrintableText.of(JSONIndenter.indented(data, prefix: "  "), keepsNewlines: true)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let shown = [style.dim("data")] + all.prefix(dataLinesMax)
        guard all.count > dataLinesMax else { return shown }
        return shown + ["  … \(all.count - dataLinesMax) more lines: --json shows them"]
    }

    // MARK: Deliveries

    private static func delivery(_ delivery: JSONValue, width: Int?, style: TextStyle) -> [String] {
        let id = text(delivery["webhookId"], none: "(a webhook that was removed since)")
        let url = delivery["url"]?.stringValue.map { "  " + PrintableText.of($0) } ?? ""
        var lines = [cut(style.bold(id) + url, width, styled: style.bold("").count), "  " + outcome(delivery, style)]
        let history = delivery["history"]?.arrayValue ?? []
        guard !history.isEmpty else { return lines }
        var table = TextTable("  TRY", "ENDED", "TOOK", "STATUS", "STEPS", "WHAT CAME OF IT")
        for attempt in history {
            let repeats = attempt["repeat"]?.integerValue ?? 0
            table.add([
                "  " + text(attempt["number"]) + (repeats > 0 ? " (replay)" : ""), text(attempt["at"]),
                milliseconds(attempt["durationMs"]), text(attempt["status"]), steps(attempt["phases"]), came(attempt),
            ])
        }
        lines += table.lines(width: width, style: style)
        // The beginning of the last answer is worth a line of its own: in a table it would be cut.
        if let answer = history.last(where: { $0["answer"]?.stringValue != nil })?["answer"]?.stringValue {
            lines.append("  last answer: " + PrintableText.of(answer))
        }
        return lines
    }

    private static func outcome(_ delivery: JSONValue, _ style: TextStyle) -> String {
        let attempts = delivery["attempts"]?.integerValue ?? 0
        let tries = attempts == 1 ? "1 try" : "\(attempts) tries"
        let repeats = delivery["repeats"]?.integerValue ?? 0
        let note = repeats > 0 ? delivery["matched"] == true ? " (after a replay)" : " (by a replay)" : ""
        switch delivery["status"]?.stringValue {
        case "delivered"?: return style.green("delivered") + " \(text(delivery["settledAt"])), \(tries)\(note)"
        case "given_up"?:
            return style.red("given up") + " \(text(delivery["settledAt"])), \(tries)\(note): "
                + text(delivery["reason"])
        case "pending"?: return style.yellow("pending") + ", \(tries)\(note): " + waits(delivery)
        case "skipped"?: return style.yellow("skipped") + ": the webhook was disabled when the event came"
        case "cancelled"?:
            let gone = delivery["webhookId"] == .null ? ": the webhook was removed" : ""
            return "cancelled\(delivery["settledAt"]?.stringValue.map { " " + PrintableText.of($0) } ?? "")\(gone)"
        default: return "not on record: the journal's records of it are gone"
        }
    }

    private static func waits(_ delivery: JSONValue) -> String {
        switch delivery["waitsFor"]?.stringValue {
        case "outcome"?: "an attempt is under way"
        case "retry"?: "the next try is at \(text(delivery["nextAttemptAt"]))"
        case "turn"?: "others are before it"
        case "order"?: "an earlier one of its order has to be settled first"
        case "resume"?: "until the webhook, or all deliveries, are resumed"
        default: "-"
        }
    }

    private static func came(_ attempt: JSONValue) -> String {
        if attempt["outcome"] == "delivered" { return "delivered" }
        let error = text(attempt["error"], none: "failed")
        guard attempt["decision"] == "retry" else { return error }
        return error + "; next \(text(attempt["nextAttemptAt"]))"
    }

    /// Such as `dns 1 connect 12 tls 30 answer 500`, in milliseconds.
    private static func steps(_ phases: JSONValue?) -> String {
        let names = [("dns", "resolveMs"), ("connect", "connectMs"), ("tls", "tlsMs"), ("answer", "firstByteMs")]
        let steps = names.compactMap { name, key -> String? in
            guard let time = phases?[key]?.doubleValue else { return nil }
            return "\(name) \(Int(time.rounded()))"
        }
        return steps.isEmpty ? "-" : steps.joined(separator: " ")
    }

    private static func milliseconds(_ value: JSONValue?) -> String {
        guard let time = value?.doubleValue else { return "-" }
        return time < 10 ? "\((time * 10).rounded() / 10) ms" : "\(Int(time.rounded())) ms"
    }

    private static func why(_ webhook: JSONValue, _ event: JSONValue) -> String {
        switch webhook["reason"]?.stringValue {
        case "created_later"?: return "made after the event came"
        case "changed_later"?: return "its patterns match now; it was changed after the event came"
        default:
            let patterns = (webhook["events"]?.arrayValue ?? []).map { text($0) }.joined(separator: ", ")
            return "\(text(event["event"])) is none of \(patterns)"
        }
    }

    private static func cut(_ line: String, _ width: Int?, styled: Int) -> String {
        guard let width, line.count - styled > width else { return line }
        return line.prefix(width + styled - 1) + "…"
    }

    private static func text(_ value: JSONValue?, none: String = "-") -> String {
        WebhookText.text(value, none: none)
    }
}
