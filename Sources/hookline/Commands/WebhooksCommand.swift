import AdminAPI
import ArgumentParser

/// `hookline webhooks`: registrations.
struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks",
        abstract: "Adds, shows and changes webhooks.",
        subcommands: [
            Add.self, List.self, Show.self, Edit.self, Remove.self, Pause.self, Resume.self, Rotate.self,
            Deliveries.self, Replay.self, Test.self,
        ])

    /// The API's path of the webhooks.
    static let path = "/api/v1/webhooks"

    static func path(of id: String) -> String {
        path + "/" + TargetText.encode(id)
    }
}

/// The id of one webhook.
struct WebhookIDArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The webhook's id.", valueName: "id"))
    var id: String

    func validate() throws {
        guard !id.isEmpty else { throw ValidationError("The id is empty; \"hookline webhooks list\" shows the ids.") }
    }

    var path: String { WebhooksCommand.path(of: id) }
}

extension WebhooksCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the webhooks.", usage: "hookline webhooks list [<options>]")

        @Option(help: ArgumentHelp("Only this tenant's.", valueName: "tenant"))
        var tenant: String?

        @Option(
            help: ArgumentHelp(
                "Those that want looking at first: by backlog, rate, failures, name or lastFailure.", valueName: "order"
            ))
        var sort: Order?

        @Option(help: ArgumentHelp("How many at most.", valueName: "count"))
        var limit: Int?

        @OptionGroup var api: APIOptions

        enum Order: String, ExpressibleByArgument, CaseIterable {
            case backlog, rate, failures, name, lastFailure
        }

        func validate() throws {
            if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        }

        func run() async throws {
            let webhooks = try await api.perform { (client) throws(APIFailure) in try await all(client) }
            api.show(["data": .array(webhooks), "nextCursor": nil]) { _ in
                WebhookText.table(webhooks, width: Screen.width, style: .forDescriptor(1))
            }
        }

        private func all(_ client: APIClient) async throws(APIFailure) -> [JSONValue] {
            let narrowed = tenant.map { "&tenantId=" + TargetText.encode($0) } ?? ""
            var webhooks: [JSONValue] = []
            var cursor: String?
            var isMore = true
            while isMore, webhooks.count < limit ?? .max {
                let count = min(200, (limit ?? .max) - webhooks.count)
                let place =
                    sort.map { "&sort=\($0.rawValue)&offset=\(webhooks.count)" }
                    ?? cursor.map { "&cursor=" + TargetText.encode($0) } ?? ""
                let page = try await client.call(.get, WebhooksCommand.path + "?limit=\(count)" + narrowed + place)
                let found = page["data"]?.arrayValue ?? []
                webhooks += found
                cursor = page["nextCursor"]?.stringValue
                isMore = sort == nil ? cursor != nil : found.count == count
            }
            return webhooks
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Shows a webhook and how it is doing.")

        @OptionGroup var webhook: WebhookIDArgument
        @OptionGroup var api: APIOptions

        func run() async throws {
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.get, webhook.path)
            }
            api.show(answer) { WebhookText.details($0) }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Removes a webhook; deliveries that wait for it are cancelled.")

        @OptionGroup var webhook: WebhookIDArgument
        @OptionGroup var api: APIOptions

        func run() async throws {
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.delete, webhook.path)
            }
            api.show(answer) { _ in ["\(PrintableText.of(webhook.id)) is removed."] }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause", abstract: "Holds a webhook's deliveries back; they wait and go out on resume.")

        @OptionGroup var webhook: WebhookIDArgument
        @OptionGroup var api: APIOptions

        func run() async throws {
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.patch, webhook.path, body: ["isActive": false])
            }
            api.show(answer) { _ in ["\(PrintableText.of(webhook.id)) is paused: its events wait."] }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "Starts a paused or disabled webhook's deliveries again.")

        @OptionGroup var webhook: WebhookIDArgument
        @OptionGroup var api: APIOptions

        func run() async throws {
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.patch, webhook.path, body: ["isActive": true])
            }
            api.show(answer) { _ in ["\(PrintableText.of(webhook.id)) is active."] }
        }
    }
}
