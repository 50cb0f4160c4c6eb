import AdminAPI
import ArgumentParser

/// `hookline events`: events that were accepted.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Shows, follows, replays and erases events.",
        subcommands: [Show.self, Tail.self, Replay.self, Erase.self])

    static func path(of id: String, tenant: String?, then rest: String = "") -> String {
        let narrowed = tenant.map { "?tenantId=" + TargetText.encode($0) } ?? ""
        return "/api/v1/events/" + TargetText.encode(id) + rest + narrowed
    }
}

/// The id of one event.
struct EventIDArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The event's id.", valueName: "id"))
    var id: String

    @Option(help: ArgumentHelp("Its tenant, where events of several have this id.", valueName: "tenant"))
    var tenant: String?

    func validate() throws {
        guard !id.isEmpty else { throw ValidationError("The id is empty.") }
    }
}

extension EventsCommand {
    struct Erase: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "erase",
            abstract: "Erases an event for good, from old segments of the journal too.",
            discussion: """
                Deliveries of it that wait are cancelled. Its id may be sent again afterwards as a new event. Waits until \
                no file of the daemon holds it any more; what receivers have got is theirs.
                """)

        @OptionGroup var event: EventIDArgument
        @OptionGroup var erasing: EraseOptions
        @OptionGroup var api: APIOptions

        func run() async throws {
            try erasing.confirmation.confirm("Erase the event \(event.id) for good")
            try await erasing.run(EventsCommand.path(of: event.id, tenant: event.tenant), api) { task in
                let name = "\(WebhookText.text(task["eventId"], none: event.id))"
                let tenant = task["tenantId"].map { " of \(WebhookText.text($0))" } ?? ""
                return "The event \(name)\(tenant)"
            }
        }
    }
}

/// What the commands that erase have in common.
struct EraseOptions: ParsableArguments {
    @OptionGroup var confirmation: ConfirmationOptions

    @Flag(name: .customLong("no-wait"), help: "Don't wait until it is done.")
    var noWait = false

    /// Erases, and says what was erased.
    ///
    /// - Parameter what: the beginning of a sentence.
    func run(_ path: String, _ api: APIOptions, _ what: (JSONValue) -> String) async throws {
        let task = try await api.perform { (client) throws(APIFailure) in
            let begun = try await client.call(.delete, path)
            return noWait ? begun : try await TaskWait.untilDone(begun, client)
        }
        api.show(task) { task in
            guard task["status"] == "done" else {
                return ["\(what(task)) will be erased: task \(WebhookText.text(task["task"]))."]
            }
            let count = task["count"]?.integerValue.map { ": \($0) event\($0 == 1 ? "" : "s")" } ?? ""
            return ["\(what(task)) \(task["kind"] == "erase_tenant" ? "have" : "has") been erased for good\(count)."]
        }
    }
}
