import AdminAPI
import ArgumentParser

extension WebhooksCommand {
    struct Edit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "edit",
            abstract: "Changes a webhook; what isn't named stays as it is.",
            usage: "hookline webhooks edit <id> [<options>]",
            discussion: "--event and --header replace all that the webhook had.")

        /// A field that can be taken away.
        enum Unset: String, ExpressibleByArgument, CaseIterable {
            case description
            case headers
            case timeout
            case maxInFlight = "max-in-flight"
            case maxAge = "max-age"
            case retrySchedule = "retry-schedule"
            case ordering
            case rateLimit = "rate-limit"

            var field: String {
                switch self {
                case .description: "description"
                case .headers: "headers"
                case .timeout: "timeoutMs"
                case .maxInFlight: "maxInFlight"
                case .maxAge: "maxAgeSeconds"
                case .retrySchedule: "retrySchedule"
                case .ordering: "ordering"
                case .rateLimit: "rateLimit"
                }
            }
        }

        @OptionGroup var webhook: WebhookIDArgument

        @Option(help: ArgumentHelp("Where events go from now on.", valueName: "url"))
        var url: String?

        @OptionGroup var fields: WebhookFieldOptions

        @Option(
            help: ArgumentHelp(
                "Take a setting away, so that the host's default counts; may be repeated.", valueName: "setting"))
        var unset: [Unset] = []

        @OptionGroup var api: APIOptions

        private var members: [(String, JSONValue)] {
            var members = fields.members
            if let url { members.append(("url", .string(url))) }
            return members + unset.map { ($0.field, .null) }
        }

        func validate() throws {
            guard !members.isEmpty else {
                throw ValidationError("Say what to change; --help shows what is possible.")
            }
            if let stray = fields.strayURL {
                throw ValidationError("\(stray) is no event: --url changes where events go.")
            }
            let given = Set(fields.members.map(\.0))
            if let both = unset.first(where: { given.contains($0.field) }) {
                throw ValidationError("--unset \(both.rawValue) contradicts the new value.")
            }
        }

        func run() async throws {
            let body = JSONValue.object(JSONObject(members))
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.patch, webhook.path, body: body)
            }
            api.show(answer) { WebhookText.details($0) }
        }
    }
}
