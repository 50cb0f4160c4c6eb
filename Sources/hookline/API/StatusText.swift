import AdminAPI

/// The daemon's status as one screen, from the API's JSON.
enum StatusText {
    static func lines(_ status: JSONValue, now: Int64, width: Int?, style: TextStyle) -> [String] {
        let problems = status["problems"]?.arrayValue ?? []
        let isReady = status["isReady"] == true
        let verdict =
            problems.isEmpty
            ? style.green("All is well.")
            : isReady ? style.yellow("Events are accepted, but look at this:") : style.red("Events are not accepted.")
        var lines = [verdict]
        for problem in problems { lines += self.lines(of: problem, now: now, width: width, style: style) }
        lines.append("")
        for (name, text) in counts(status, now: now) {
            let wrapped = TextWidth.wrap(text, to: (width ?? .max) - 12)
            lines.append(style.dim(name.padded(to: 12)) + wrapped[0])
            lines += wrapped.dropFirst().map { String(repeating: " ", count: 12) + $0 }
        }
        let failing = status["failing"]?.arrayValue ?? []
        if !failing.isEmpty {
            var table = TextTable("FAILING", "TENANT", "IN A ROW", "WAITING", "LAST FAILURE", "URL")
            for webhook in failing {
                let health = webhook["health"]
                table.add([
                    text(webhook["id"]), text(webhook["tenantId"]), text(health?["consecutiveFailures"]),
                    text(webhook["backlog"]?["pending"]), text(health?["lastFailure"]), text(webhook["url"]),
                ])
            }
            lines += [""] + table.lines(width: width, style: style)
        }
        return lines
    }

    /// A problem: what is wrong, since when, and the command to run, which is never broken, so that it can be copied.
    private static func lines(of problem: JSONValue, now: Int64, width: Int?, style: TextStyle) -> [String] {
        let room = (width ?? .max) - 4
        var message = text(problem["message"])
        if let since = TopSample.time(problem["since"]) {
            message += " Since \(text(problem["since"]).prefix(19))Z, \(TopText.age(now - since)) ago."
        }
        var lines = TextWidth.wrap(message, to: room).enumerated().map { ($0 == 0 ? "  - " : "    ") + $1 }
        let purpose = "To \(text(problem["purpose"])):"
        let command = text(problem["command"])
        if TextWidth.of(purpose) + 1 + TextWidth.of(command) <= room {
            lines.append("    \(purpose) \(style.cyan(command))")
        } else {
            lines += ["    " + purpose, "      " + style.cyan(command)]
        }
        return lines
    }

    private static func counts(_ status: JSONValue, now: Int64) -> [(String, String)] {
        let webhooks = status["webhooks"]
        let events = status["events"]
        let deliveries = status["deliveries"]
        let journal = status["journal"]
        return [
            (
                "Daemon",
                "Hookline \(text(status["version"])), process \(text(status["pid"])), "
                    + "up \(TopText.age(now - (TopSample.time(status["startedAt"]) ?? now)))"
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
                "\(text(deliveries?["pending"])) waiting"
                    + (TopSample.time(deliveries?["oldestAcceptedAt"]).map {
                        " (the oldest for \(TopText.age(now - $0)))"
                    } ?? "")
                    + ", \(text(deliveries?["inFlight"])) in flight, "
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
