import AdminAPI

/// Webhooks as text for people, from the API's JSON.
enum WebhookText {
    /// One line for each.
    static func table(_ webhooks: [JSONValue], width: Int?, style: TextStyle) -> [String] {
        guard !webhooks.isEmpty else {
            return ["There are no webhooks. \"hookline webhooks add URL --tenant TENANT --event EVENT\" adds one."]
        }
        var table = TextTable("ID", "TENANT", "STATE", "WAITING", "URL", "EVENTS")
        for webhook in webhooks {
            let failures = webhook["health"]?["consecutiveFailures"]?.integerValue ?? 0
            let state = text(webhook["state"])
            table.add([
                text(webhook["id"]), text(webhook["tenantId"]),
                state == "active" && failures > 0 ? "failing" : state,
                text(webhook["backlog"]?["pending"]), text(webhook["url"]), list(webhook["events"]),
            ])
        }
        return table.lines(width: width, style: style)
    }

    /// What a new webhook's owner has to know.
    static func added(_ webhook: JSONValue, showsSecret: Bool) -> [String] {
        let state = webhook["isActive"] == false ? "paused" : "active"
        var lines = [
            "\(text(webhook["id"])) is \(state): \(list(webhook["events"])) of \(text(webhook["tenantId"])) "
                + "\(state == "paused" ? "waits for" : "goes to") \(text(webhook["url"]))"
        ]
        if showsSecret {
            lines += [
                "", "Secret: \(text(webhook["secret"]))", "",
                "Keep it now: it will not be shown again. The receiver checks the deliveries' signatures with it.",
            ]
        }
        return lines
    }

    /// What the owner of a webhook whose secret was rotated has to do, and until when.
    static func rotated(_ webhook: JSONValue, showsSecret: Bool) -> [String] {
        var lines = ["\(text(webhook["id"])) signs with a new secret."]
        if showsSecret {
            lines += ["", "Secret: \(text(webhook["secret"]))", "", "Keep it now: it will not be shown again."]
        }
        guard webhook["previousSecretExpiresAt"]?.stringValue != nil else {
            return lines + [
                "The old one signs nothing any more: give the receiver the new one now.",
                "What it refuses until then is tried again.",
            ]
        }
        return lines + [
            "The old one signs along until \(text(webhook["previousSecretExpiresAt"])). A receiver that checks",
            "  webhook-signature       needs the new one by then: both make a signature",
            "  X-HiresScope-Signature  has to take either by then: the old one makes it,",
            "                          and from then on the new one does",
        ]
    }

    /// All about one.
    static func details(_ webhook: JSONValue) -> [String] {
        let health = webhook["health"]
        let backlog = webhook["backlog"]
        var state = text(webhook["state"])
        if let reason = webhook["stateReason"]?.stringValue { state += ": " + PrintableText.of(reason) }
        let headers = webhook["headers"]?.objectValue?.members.map { "\($0.name)=\(text($0.value))" } ?? []
        var pairs: [(String, String)] = [
            ("id", text(webhook["id"])), ("tenant", text(webhook["tenantId"])), ("url", text(webhook["url"])),
            ("events", list(webhook["events"])), ("state", state),
        ]
        if webhook["description"]?.stringValue != nil { pairs.append(("description", text(webhook["description"]))) }
        pairs += headers.map { ("header", PrintableText.of($0)) }
        if webhook["previousSecretExpiresAt"]?.stringValue != nil {
            pairs.append(
                ("secret", "rotated; the old one signs along until \(text(webhook["previousSecretExpiresAt"]))"))
        }
        let unset = "the host's"
        pairs += [
            ("timeout", webhook["timeoutMs"]?.integerValue.map { DurationText.format(.milliseconds($0)) } ?? unset),
            ("max in flight", text(webhook["maxInFlight"], none: unset)),
            ("max age", webhook["maxAgeSeconds"]?.integerValue.map { DurationText.format(.seconds($0)) } ?? unset),
            ("retries", webhook["retrySchedule"]?.arrayValue == nil ? unset : list(webhook["retrySchedule"])),
            ("rate limit", rate(webhook["rateLimit"])),
            ("ordering", webhook["ordering"]?["key"].map { "by " + text($0) } ?? text(webhook["ordering"])),
            ("waiting", "\(text(backlog?["pending"])), of these \(text(backlog?["inFlight"])) in flight"),
            ("next attempt", text(backlog?["nextAttemptAt"])),
            ("last success", text(health?["lastSuccessAt"])),
            ("last failure", text(health?["lastFailureAt"])),
        ]
        if health?["lastFailure"]?.stringValue != nil { pairs.append(("", text(health?["lastFailure"]))) }
        pairs += [
            ("failures in a row", text(health?["consecutiveFailures"])),
            ("created", text(webhook["createdAt"])), ("changed", text(webhook["updatedAt"])),
        ]
        let width = pairs.map(\.0.count).max() ?? 0
        return pairs.map { "\($0.0.padded(to: width))  \($0.1)" }
    }

    private static func rate(_ limit: JSONValue?) -> String {
        guard let limit, limit != .null else { return "none" }
        return "\(text(limit["perSecond"])) a second, \(text(limit["burst"])) at once"
    }

    /// A value in words, safe for a terminal.
    static func text(_ value: JSONValue?, none: String = "-") -> String {
        switch value {
        case .string(let text)?: PrintableText.of(text)
        case .integer(let number)?: String(number)
        case .number(let number)?: String(number)
        case .bool(let flag)?: flag ? "yes" : "no"
        case .array?, .object?, .null?, nil: none
        }
    }

    private static func list(_ value: JSONValue?) -> String {
        let texts = (value?.arrayValue ?? []).map { text($0) }
        return texts.isEmpty ? "none" : texts.joined(separator: ", ")
    }
}
