/// How one event of the demo fared.
struct DemoOutcome: Sendable {
    let event: DemoEvent
    /// From writing the line to having read its reply.
    let acknowledgedAfter: Duration
    /// From writing the line to the receiver's having all of the delivery.
    let deliveredAfter: Duration
    let verdict: SignatureVerdict
    let isBodyIdentical: Bool

    /// Whether both signatures are valid and the body is what was sent.
    var isVerified: Bool {
        if case .valid(let headers) = verdict { headers.count == 2 && isBodyIdentical } else { false }
    }

    var problems: [String] {
        var problems: [String] = []
        switch verdict {
        case .valid(let headers):
            if headers.count < 2 { problems.append("only \(headers.joined()) is there") }
        case .invalid(let reasons): problems = reasons.map(\.description)
        }
        if !isBodyIdentical { problems.append("the body is not byte for byte what was sent") }
        return problems
    }

    var json: String {
        let reasons = problems.map(LooseJSON.quoted).joined(separator: ",")
        return "{\"event\":\(LooseJSON.quoted(event.type)),\"id\":\(LooseJSON.quoted(event.id)),"
            + "\"verified\":\(isVerified),"
            + "\"acknowledgedMicroseconds\":\(acknowledgedAfter.microseconds),"
            + "\"deliveredMicroseconds\":\(deliveredAfter.microseconds),\"bodyBytes\":\(event.body.count),"
            + "\"problems\":[\(reasons)]}"
    }
}

/// What keeps the demo from running to its end.
enum DemoProblem: Error, CustomStringConvertible {
    case relayEnded
    case tooSlow(Duration)
    case refused(String)
    case registration(String)

    var description: String {
        switch self {
        case .relayEnded: "the relay ended early"
        case .tooSlow(let time): "something did not happen within \(time.milliseconds / 1_000) s"
        case .refused(let reply): "the relay refused an event: \(PrintableText.of(reply))"
        case .registration(let reason): "the webhook could not be registered: \(PrintableText.of(reason))"
        }
    }
}
