import RelayCore

/// Whose the webhook is, where it goes, which events it takes.
extension WebhookFields {
    static let identifierRule = "must be 1 to \(Limits.identifierBytes) letters, digits, - or _"

    mutating func tenant(_ value: JSONValue) -> String? {
        guard let text = value.stringValue else { return wrongKind("tenantId", "a string", value) }
        guard Identifier.isValid(text) else {
            fault("tenantId", Self.identifierRule)
            return nil
        }
        return text
    }

    mutating func url(_ value: JSONValue, tenant: String) -> WebhookURL? {
        guard let text = value.stringValue else { return wrongKind("url", "a string", value) }
        let url: WebhookURL
        do {
            url = try WebhookURL(text)
        } catch {
            fault("url", error.message)
            return nil
        }
        // A name is looked up for every attempt, and its addresses are judged then.
        guard case .address(let address) = url.host else { return url }
        let verdict = rules.egress.verdict(
            for: address, port: url.port, isHTTPS: url.scheme == .https, tenant: tenant,
            madeByAdministrator: caller.isAdministrator)
        switch verdict {
        case .allowed:
            return url
        case .forbidden(let kind):
            fault(
                "url",
                "must not name the address \(address), which is \(kind), unless egress.allow has it"
            )
        case .plainHTTP:
            fault("url", "must be https: plain http goes only to addresses in egress.allow of the configuration")
        }
        return nil
    }

    mutating func isActive(_ value: JSONValue) -> Bool? {
        value.boolValue ?? wrongKind("isActive", "true or false", value)
    }

    mutating func summary(_ value: JSONValue) -> String? {
        guard let text = value.stringValue else { return wrongKind("description", "a string", value) }
        guard text.unicodeScalars.count <= Limits.descriptionCharacters else {
            fault("description", "must have at most \(Limits.descriptionCharacters) characters")
            return nil
        }
        return text
    }

    mutating func patterns(_ value: JSONValue) -> [EventPattern]? {
        guard let elements = value.arrayValue else { return wrongKind("events", "an array of strings", value) }
        guard (1...Limits.patternsPerWebhook).contains(elements.count) else {
            fault("events", "must name 1 to \(Limits.patternsPerWebhook) event types or patterns")
            return nil
        }
        var patterns: [EventPattern] = []
        for (index, element) in elements.enumerated() {
            guard let text = element.stringValue else {
                fault("events", "must be an array of strings, but entry \(index) is \(element.kind)")
                continue
            }
            guard let pattern = EventPattern(text), isKnown(pattern) else {
                fault("events", unknown(text))
                continue
            }
            if patterns.contains(pattern) { fault("events", "has \"\(pattern)\" twice") }
            patterns.append(pattern)
        }
        return patterns
    }

    private var knownTypes: [String] { rules.catalogue.names + EventCatalogue.operational }

    /// Whether an event of the pattern can ever come.
    private func isKnown(_ pattern: EventPattern) -> Bool {
        pattern == .all || knownTypes.contains { pattern.matches($0) }
    }

    private func unknown(_ text: String) -> String {
        let shown = text.utf8.count <= Limits.quotedBytes ? text : String(text.prefix(Limits.quotedBytes / 4)) + "…"
        return "has \"\(shown)\", which is no event type and no pattern of one; known are "
            + knownTypes.joined(separator: ", ") + ", and patterns such as application.* and *"
    }
}
