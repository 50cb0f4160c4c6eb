/// One of the six events that the demo sends, with the body that must arrive.
struct DemoEvent: Sendable, Equatable {
    static let tenant = "demo"

    let type: String
    let id: String
    let timestamp: String
    /// The bytes of `data`, which reach the receiver as they are.
    let data: String

    /// The line for `events.sock`, with its LF.
    var line: [UInt8] {
        let head = "{\"event\":\"\(type)\",\"id\":\"\(id)\",\"tenantId\":\"\(Self.tenant)\""
        return Array("\(head),\"timestamp\":\"\(timestamp)\",\"data\":\(data)}\n".utf8)
    }

    /// What the receiver must get, byte for byte.
    var body: [UInt8] {
        let head = "{\"event\":\"\(type)\",\"timestamp\":\"\(timestamp)\",\"tenantId\":\"\(Self.tenant)\""
        return Array("\(head),\"data\":\(data)}".utf8)
    }

    /// One of each type. Their data hold what breaks relays that decode and encode again: numbers that no double holds,
    /// negative zero, escapes, odd whitespace, many scripts.
    static func samples(at milliseconds: Int64) -> [DemoEvent] {
        var identifiers = EventIdentifiers.random()
        return data.map { type, data in
            DemoEvent(
                type: type, id: String(decoding: identifiers.next(milliseconds: milliseconds), as: UTF8.self),
                timestamp: WallClock.timestamp(milliseconds), data: data)
        }
    }

    private static let data: [(String, String)] = [
        (
            "application.created",
            #"{"applicationId":"app_7f3k","candidateName":"Łucja O’Neill 李","source":{"kind":"referral","by":"مريم"}}"#
        ),
        (
            "application.scored",
            #"{"applicationId":"app_7f3k","score":82.50,"model":{"confidence":1e400,"bias":-0,"run":12345678901234567890}}"#
        ),
        (
            "application.shortlisted",
            #"{"applicationId":"app_7f3k","notes":["いいね 👩🏽‍💻🎉","Ελληνικά","हिन्दी"],"rank":1,"interview":{"slots":[]}}"#
        ),
        (
            "application.rejected",
            #"{ "applicationId" : "app_9qz1", "reason" : "café \u2615 \"closed\"\n", "feedback" : null }"#
        ),
        (
            "job.created",
            #"{"jobId":"job_42","title":"Инженер / Ingénieur·e","salary":{"from":65000.00,"to":8.2E+4,"currency":"€"}}"#
        ),
        (
            "job.closed",
            #"{"jobId":"job_42","filled":true,"stats":{"views":99999999999999999999,"ratio":0.1e-7,"tags":[[],{}]}}"#
        ),
    ]
}
