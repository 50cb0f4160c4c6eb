import AdminAPI
import ArgumentParser
import RelayCore

extension WebhooksCommand {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Registers a webhook, and prints its secret this one time.",
            discussion: """
                  hookline webhooks add https://hooks.example/in --tenant acme --event 'application.*' job.closed

                Quote patterns, or the shell puts file names in their place.
                """)

        @Argument(help: ArgumentHelp("Where events go.", valueName: "url"))
        var url: String?

        @Option(help: ArgumentHelp("Whose events it receives; required.", valueName: "tenant"))
        var tenant: String?

        @OptionGroup var fields: WebhookFieldOptions

        @OptionGroup var secret: OwnSecretOptions

        @Flag(help: "Hold its deliveries back until \"webhooks resume\".")
        var paused = false

        @OptionGroup var api: APIOptions

        func validate() throws {
            guard url != nil || fields.strayURL != nil else {
                throw ValidationError("Say where the events are to go: the webhook's URL is missing.")
            }
            guard tenant != nil else {
                throw ValidationError("Say whose events the webhook is to receive: --tenant is missing.")
            }
            guard fields.events.contains(where: { $0 != fields.strayURL }) else {
                throw ValidationError(
                    "Say which events the webhook is to receive: --event is missing (--event '*' for all).")
            }
        }

        func run() async throws {
            let given = try secret.read()
            var members: [(String, JSONValue)] = [
                ("url", .text(url ?? fields.strayURL)), ("tenantId", .text(tenant)), ("isActive", .bool(!paused)),
            ]
            if let given { members.append(("secret", .string(given))) }
            members += fields.members
            let body = JSONValue.object(JSONObject(members))
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.post, WebhooksCommand.path, body: body)
            }
            api.show(answer) { WebhookText.added($0, showsSecret: given == nil) }
        }
    }
}
