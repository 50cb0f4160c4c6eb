import AdminAPI
import ArgumentParser

extension WebhooksCommand {
    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test",
            abstract: "Sends a signed sample to a webhook now and shows what comes of it.",
            discussion: """
                It goes past the webhook's queue, also to one that is paused or disabled, and counts neither for its \
                health nor as a delivery. Exits 1 if the receiver does not take it.
                """)

        @OptionGroup var webhook: WebhookIDArgument

        @Option(
            help: ArgumentHelp("Of this type; without it the first one that the webhook asks for.", valueName: "type"))
        var event: String?

        @OptionGroup var api: APIOptions

        func run() async throws {
            let body: JSONValue = event.map { ["event": .string($0)] } ?? [:]
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.post, webhook.path + "/test", body: body)
            }
            api.show(answer) { [DeliveryText.test($0)] }
            if answer["outcome"] != "delivered" { throw ExitCode.failure }
        }
    }
}
