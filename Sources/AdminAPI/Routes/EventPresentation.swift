import Hummingbird
import RelayCore

extension Response {
    /// Lines of JSON, one after the other: https://github.com/ndjson/ndjson-spec.
    static let ndjson = "application/x-ndjson"
}

/// Events as the API shows them.
enum EventPresentation {
    /// The event as JSON text. `data` is its last member, byte for byte as it was sent: it may hold what is JSON by its
    /// grammar and can't be parsed into a value, such as repeated keys.
    static func text(_ event: EventView) -> [UInt8] {
        var text = JSONWriter.compact(.object(JSONObject(members(event))))
        text.removeLast()
        text += Array(",\"data\":".utf8)
        text += event.data
        text.append(UInt8(ascii: "}"))
        return text
    }

    private static func members(_ event: EventView) -> [(String, JSONValue)] {
        [
            ("id", .string(event.id)),
            ("event", .string(event.type)),
            ("tenantId", .string(event.tenant)),
            ("timestamp", .string(event.timestamp)),
            ("timestampBy", event.hasProducersTimestamp ? "producer" : "hookline"),
            ("acceptedAt", .time(event.acceptedAt)),
            ("producer", producer(event.producer)),
            ("bodyBytes", .count(event.bodyBytes)),
            ("earlier", .array(event.earlier.map { .time($0) })),
            ("deliveries", .array(event.deliveries.map { delivery($0) })),
            ("unmatched", .array(event.unmatched.map { unmatched($0) })),
            ("omittedAttempts", .count(event.omittedAttempts)),
        ]
    }

    private static func producer(_ peer: PeerIdentity?) -> JSONValue {
        guard let peer else { return .null }
        return ["uid": .count(peer.uid), "gid": .count(peer.gid), "pid": .count(peer.pid)]
    }

    private static func delivery(_ delivery: EventView.Delivery) -> JSONValue {
        [
            "webhookId": .text(delivery.webhookID),
            "url": .text(delivery.url),
            "status": .text(delivery.status?.rawValue),
            "reason": .text(delivery.reason?.name),
            "attempts": .count(delivery.attempts),
            "settledAt": .time(delivery.settledAt),
            "nextAttemptAt": .time(delivery.nextAttemptAt),
            "waitsFor": .text(delivery.waitsFor?.rawValue),
            "matched": .bool(delivery.wasMatched),
            "repeats": .count(delivery.repeats),
            "history": .array(delivery.history.map { attempt($0) }),
        ]
    }

    private static func attempt(_ attempt: EventLife.Attempt) -> JSONValue {
        let isLast = attempt.nextAt == nil
        return [
            "at": .time(attempt.at),
            "number": .count(attempt.number),
            "repeat": .count(attempt.repeats),
            "outcome": attempt.isDelivered ? "delivered" : "failed",
            "status": attempt.status.map { .count($0) } ?? .null,
            "durationMs": milliseconds(attempt.duration),
            "phases": attempt.kind == nil
                ? .null
                : [
                    "resolveMs": milliseconds(attempt.phases.resolve),
                    "connectMs": milliseconds(attempt.phases.connect), "tlsMs": milliseconds(attempt.phases.tls),
                    "firstByteMs": milliseconds(attempt.phases.firstByte),
                ],
            "errorKind": .text(attempt.kind?.rawValue),
            "error": .text(attempt.reason),
            "answer": .text(attempt.answer),
            "decision": isLast ? "settled" : "retry",
            "nextAttemptAt": .time(attempt.nextAt),
        ]
    }

    /// With a thousandth's precision: much of what is measured takes less than a millisecond.
    private static func milliseconds(_ duration: Duration?) -> JSONValue {
        guard let duration else { return .null }
        let microseconds = duration.nanoseconds / 1000
        return microseconds % 1000 == 0 ? .integer(microseconds / 1000) : .number(Double(microseconds) / 1000)
    }

    private static func unmatched(_ webhook: EventView.Unmatched) -> JSONValue {
        [
            "webhookId": .string(webhook.webhookID),
            "url": .string(webhook.url),
            "reason": .string(webhook.reason.rawValue),
            "events": .array(webhook.patterns.map { .string($0.description) }),
        ]
    }

    // MARK: Following

    /// Lines of JSON; an empty one where there is nothing to tell.
    static func lines(_ followed: Followed) -> [UInt8] {
        var text: [UInt8] = []
        switch followed {
        case .idle: break
        case .dropped(let count): text += JSONWriter.compact(["dropped": .count(count)])
        case .events(let events):
            for (index, event) in events.enumerated() {
                if index > 0 { text.append(0x0A) }
                text += JSONWriter.compact(json(event))
            }
        }
        text.append(0x0A)
        return text
    }

    private static func json(_ event: AcceptedEvent) -> JSONValue {
        [
            "id": .string(event.id),
            "event": .string(event.type),
            "tenantId": .string(event.tenant),
            "acceptedAt": .time(event.acceptedAt),
            "producer": producer(event.producer),
            "webhooks": .count(event.webhooks),
            "bodyBytes": .count(event.bodyBytes),
        ]
    }
}
