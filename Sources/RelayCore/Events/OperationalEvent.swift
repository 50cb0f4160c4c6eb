/// What the relay itself tells a tenant's webhooks: an event like others, except that nothing is told about its delivery.
package struct OperationalEvent: Equatable, Sendable {
    /// The raw values are event types.
    package enum Kind: String, Sendable, CaseIterable {
        case failing = "webhook.failing"
        case recovered = "webhook.recovered"
        case disabled = "webhook.disabled"
        case givenUp = "delivery.given_up"
    }

    package let kind: Kind
    package let tenant: String
    package let webhookID: String
    package let reason: String
    package let count: Int
    package let eventID: String?

    package init(kind: Kind, tenant: String, webhookID: String, reason: String, count: Int, eventID: String?) {
        self.kind = kind
        self.tenant = tenant
        self.webhookID = webhookID
        self.reason = reason
        self.count = count
        self.eventID = eventID
    }

    /// The event's `data`.
    package var data: [UInt8] {
        var text = Array("{\"webhookId\":".utf8)
        JSONText.append(webhookID, to: &text)
        text += Array(",\"reason\":".utf8)
        JSONText.append(reason, to: &text)
        text += Array(",\"count\":\(count)".utf8)
        if let eventID {
            text += Array(",\"eventId\":".utf8)
            JSONText.append(eventID, to: &text)
        }
        text.append(UInt8(ascii: "}"))
        return text
    }
}
