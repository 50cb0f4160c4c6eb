import AdminAPI

/// The daemon's status as one screen, from the API's JSON.
enum StatusText {
    static func lines(_ status: JSONValue, width: Int?, style: TextStyle) -> [String] {
        let advice = advice(status)
        let isReady = status["isReady"] == true
        let verdict =
            advice.isEmpty
            ? style.green("All is well.")
            : isReady ? style.yellow("Events are accepted, but look at this:") : style.red("Events are not accepted.")
        var lines = [verdict]
        for entry in advice {
            lines.append("  - " + entry.what)
            lines.append("    " + entry.remedy)
        }
        lines.append("")
        lines += counts(status).map { style.dim($0.0.padded(to: 12)) + $0.1 }
        let failing = status["failing"]?.arrayValue ?? []
        if !failing.isEmpty {
            var table = TextTable("FAILING", "TENANT", "IN A ROW", "WAITING", "URL", "LAST FAILURE")
            for webhook in failing {
                let health = webhook["health"]
                table.add([
                    text(webhook["id"]), text(webhook["tenantId"]), text(health?["consecutiveFailures"]),
                    text(webhook["backlog"]?["pending"]), text(webhook["url"]), text(health?["lastFailure"]),
                ])
            }
            lines += [""] + table.lines(width: width, style: style)
        }
        return lines
    }

    private static func counts(_ status: JSONValue) -> [(String, String)] {
        let webhooks = status["webhooks"]
        let events = status["events"]
        let deliveries = status["deliveries"]
        let journal = status["journal"]
        return [
            (
                "Daemon",
                "Hookline \(text(status["version"])), process \(text(status["pid"])), "
                    + "since \(text(status["startedAt"]))"
            ),
            (
                "Webhooks",
                "\(text(webhooks?["active"])) active, \(text(webhooks?["paused"])) paused, "
                    + "\(text(webhooks?["disabled"])) disabled"
            ),
            (
                "Events",
                "\(text(events?["accepted"])) accepted, \(text(events?["duplicates"])) duplicates, "
                    + "\(text(events?["refused"])) refused, \(text(events?["connections"])) connections"
            ),
            (
                "Deliveries",
                "\(text(deliveries?["pending"])) waiting, \(text(deliveries?["inFlight"])) in flight, "
                    + "\(text(deliveries?["delivered"])) delivered, \(text(deliveries?["givenUp"])) given up, "
                    + "\(text(deliveries?["failedAttempts"])) failed attempts"
            ),
            (
                "Journal",
                "\(size(journal?["bytes"]?.integerValue ?? 0)) in \(text(journal?["segments"])) "
                    + (journal?["segments"] == 1 ? "segment" : "segments")
            ),
        ]
    }

    /// What is wrong, and what helps.
    private static func advice(_ status: JSONValue) -> [(what: String, remedy: String)] {
        var advice: [(what: String, remedy: String)] = []
        if status["isReady"] != true {
            advice.append(
                (
                    text(status["trouble"], none: "The daemon is starting or stopping."),
                    "Producers' events wait or are refused. The log says more: journalctl -u hookline"
                ))
        }
        if status["isPaused"] == true {
            advice.append(("All deliveries are paused: events wait.", "Let them go on: hookline resume"))
        }
        let failing = status["failing"]?.arrayValue ?? []
        if !failing.isEmpty {
            let ids = failing.map { text($0["id"]) }
            advice.append(
                (
                    "\(failing.count == 1 ? "A webhook fails" : "\(failing.count) webhooks fail"); "
                        + "events wait and are tried again.",
                    "See why: hookline webhooks show \(ids.first ?? "ID"). Or hold it back: hookline webhooks pause "
                        + (ids.first ?? "ID")
                ))
        }
        if let disabled = status["webhooks"]?["disabled"]?.integerValue, disabled > 0 {
            advice.append(
                (
                    "\(disabled == 1 ? "A webhook is" : "\(disabled) webhooks are") disabled and receive nothing.",
                    "hookline webhooks list shows which; when the receiver is back: hookline webhooks resume ID"
                ))
        }
        if let damaged = status["journal"]?["damagedRecords"]?.integerValue, damaged > 0 {
            advice.append(
                (
                    "\(damaged) damaged journal record\(damaged == 1 ? " was" : "s were") found and skipped.",
                    "The disk may be failing. The log names the files: journalctl -u hookline"
                ))
        }
        return advice
    }

    private static func text(_ value: JSONValue?, none: String = "-") -> String {
        WebhookText.text(value, none: none)
    }

    /// Bytes in the largest unit of which there is one whole, with one decimal.
    static func size(_ bytes: Int64) -> String {
        var unit = 0
        var scale: Int64 = 1
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while unit < units.count - 1, bytes >= scale * 1024 {
            unit += 1
            scale *= 1024
        }
        guard unit > 0 else { return "\(bytes) B" }
        let tenths = bytes / (scale / 1024) * 10 / 1024
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
