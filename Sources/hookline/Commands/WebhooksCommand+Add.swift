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

        @Option(
            name: .customLong("secret-file"),
            help: ArgumentHelp(
                "A file with the secret to sign with; \"-\" is standard input. Default: a new one is made.",
                valueName: "file"))
        var secretFile: String?

        @Option(
            help: ArgumentHelp(
                "The secret itself, to try things out: other users of this machine can see it.",
                valueName: "whsec_…"))
        var secret: String?

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
            guard secret == nil || secretFile == nil else {
                throw ValidationError("Give --secret or --secret-file, not both.")
            }
        }

        func run() async throws {
            let given = try readSecret()
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

        /// The secret that was given; nil if one is to be made.
        private func readSecret() throws -> String? {
            do {
                if let secret { return try SecretFormatProblem.parse(secret).text }
                guard let secretFile else { return nil }
                let text = String(decoding: try FileInput.wholeFile(secretFile, bytesMax: 4096), as: UTF8.self)
                return try SecretFormatProblem.parse(String(text.split(whereSeparator: \.isWhitespace).first ?? ""))
                    .text
            } catch {
                Console.note("hookline: \(error)")
                throw ExitStatus.usage
            }
        }
    }
}
