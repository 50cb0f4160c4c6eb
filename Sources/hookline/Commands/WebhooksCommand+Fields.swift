import AdminAPI
import ArgumentParser

/// The fields that `webhooks add` and `webhooks edit` have in common.
struct WebhookFieldOptions: ParsableArguments {
    @Option(
        name: .customLong("event"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "An event type or a pattern such as 'application.*' or '*'; several are possible.", valueName: "event"))
    var events: [String] = []

    @Option(
        name: .customLong("header"),
        help: ArgumentHelp("A header field of each delivery; may be repeated.", valueName: "name=value"))
    var headers: [HeaderArgument] = []

    @Option(help: ArgumentHelp("What the webhook is for.", valueName: "text"))
    var description: String?

    @Option(help: ArgumentHelp("How long one attempt may take, such as 10s.", valueName: "time"))
    var timeout: DurationArgument?

    @Option(
        name: .customLong("max-in-flight"), help: ArgumentHelp("Deliveries at the same time.", valueName: "count"))
    var maxInFlight: Int?

    @Option(
        name: .customLong("max-age"),
        help: ArgumentHelp("When an undelivered event is given up, such as 7d.", valueName: "time"))
    var maxAge: DurationArgument?

    @Option(
        name: .customLong("retry-schedule"),
        help: ArgumentHelp("The pauses between attempts, such as 5s,1m,1h.", valueName: "times"))
    var retrySchedule: ScheduleArgument?

    @Option(
        help: ArgumentHelp(
            "The order of deliveries: none, webhook, or a JSON pointer such as /data/applicationId to the value of "
                + "which events keep their order.", valueName: "order"))
    var ordering: OrderingArgument?

    @Option(
        name: .customLong("rate-limit"),
        help: ArgumentHelp(
            "Attempts a second, and after a comma how many may be made at once: 10 or 0.5,20.", valueName: "rate"))
    var rateLimit: RateLimitArgument?

    func validate() throws {
        // The API counts whole seconds; a fraction would be lost without a word.
        if let maxAge, maxAge.duration.milliseconds % 1000 != 0 {
            throw ValidationError("--max-age must be whole seconds.")
        }
    }

    /// The members of the API's body; those that were not given are left out.
    var members: [(String, JSONValue)] {
        var members: [(String, JSONValue)] = []
        let patterns = events.filter { !Self.isURL($0) }
        if !patterns.isEmpty { members.append(("events", .array(patterns.map { .string($0) }))) }
        if !headers.isEmpty {
            members.append(("headers", .object(JSONObject(headers.map { ($0.name, .string($0.value)) }))))
        }
        if let description { members.append(("description", .string(description))) }
        if let timeout { members.append(("timeoutMs", .integer(timeout.duration.milliseconds))) }
        if let maxInFlight { members.append(("maxInFlight", .count(maxInFlight))) }
        if let maxAge { members.append(("maxAgeSeconds", .integer(maxAge.duration.milliseconds / 1000))) }
        if let retrySchedule {
            members.append(
                ("retrySchedule", .array(retrySchedule.durations.map { .string(DurationText.format($0)) })))
        }
        if let ordering { members.append(("ordering", ordering.json)) }
        if let rateLimit { members.append(("rateLimit", rateLimit.json)) }
        return members
    }

    /// A URL that `--event` has taken because it stands behind it: no event type looks like one.
    var strayURL: String? { events.first(where: Self.isURL) }

    private static func isURL(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.indices.contains { bytes[$0...].starts(with: "://".utf8) }
    }
}

/// `name=value`
struct HeaderArgument: ExpressibleByArgument, Equatable {
    let name: String
    let value: String

    init?(argument: String) {
        guard let separator = argument.firstIndex(of: "="), separator != argument.startIndex else { return nil }
        name = String(argument[..<separator])
        value = String(argument[argument.index(after: separator)...])
    }
}

/// Times with commas between them; none for an empty text.
struct ScheduleArgument: ExpressibleByArgument, Equatable {
    let durations: [Duration]

    init?(argument: String) {
        var durations: [Duration] = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: argument.isEmpty) {
            guard let time = DurationArgument(argument: String(part)) else { return nil }
            durations.append(time.duration)
        }
        self.durations = durations
    }
}

/// `none`, `webhook` or a JSON pointer: that it points somewhere is for the daemon to say.
struct OrderingArgument: ExpressibleByArgument, Equatable {
    let json: JSONValue

    init?(argument: String) {
        switch argument {
        case "none", "webhook": json = .string(argument)
        case _ where argument.utf8.first == UInt8(ascii: "/"): json = ["key": .string(argument)]
        default: return nil
        }
    }
}

/// `perSecond` or `perSecond,burst`
struct RateLimitArgument: ExpressibleByArgument, Equatable {
    let json: JSONValue

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        guard let perSecond = Double(parts[0]), perSecond.isFinite, parts.count <= 2 else { return nil }
        var members: [(String, JSONValue)] = [("perSecond", .number(perSecond))]
        if parts.count == 2 {
            guard let burst = Int64(parts[1]) else { return nil }
            members.append(("burst", .integer(burst)))
        }
        json = .object(JSONObject(members))
    }
}
