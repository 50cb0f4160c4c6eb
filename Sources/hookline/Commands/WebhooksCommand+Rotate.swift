import AdminAPI
import ArgumentParser
import RelayCore

extension WebhooksCommand {
    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate",
            abstract: "Gives a webhook a new secret, and prints it this one time.",
            usage: "hookline webhooks rotate <id> [<options>]",
            discussion: """
                  hookline webhooks rotate ID --grace 7d

                During the grace webhook-signature has a signature with each of the two secrets, and \
                X-HiresScope-Signature stays with the old one; afterwards the new one alone signs. A second rotation \
                within the grace drops the oldest secret.

                A receiver that can know only one secret, and checks X-HiresScope-Signature: "webhooks pause ID", wait \
                until "webhooks show ID" has nothing in flight, "webhooks rotate ID --grace 0", give the receiver the \
                new one, "webhooks resume ID". Events wait meanwhile.
                """)

        @OptionGroup var webhook: WebhookIDArgument

        @Option(
            help: ArgumentHelp(
                "For how long the old secret signs along, up to 30d; 0 ends it now. Default: 24h.", valueName: "time"))
        var grace: DurationArgument?

        @OptionGroup var secret: OwnSecretOptions

        @OptionGroup var api: APIOptions

        func validate() throws {
            guard let grace = grace?.duration else { return }
            guard grace.microseconds % 1_000_000 == 0 else {
                throw ValidationError("--grace must be whole seconds.")
            }
            guard SecretRotation.graceSeconds.contains(grace.microseconds / 1_000_000) else {
                throw ValidationError("--grace must be at most 30d.")
            }
        }

        func run() async throws {
            let given = try secret.read()
            var members: [(String, JSONValue)] = []
            if let grace { members.append(("graceSeconds", .integer(grace.duration.milliseconds / 1000))) }
            if let given { members.append(("secret", .string(given))) }
            let body = JSONValue.object(JSONObject(members))
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.post, webhook.path + "/rotate-secret", body: body)
            }
            api.show(answer) { WebhookText.rotated($0, showsSecret: given == nil) }
        }
    }
}
