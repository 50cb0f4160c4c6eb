import AdminAPI
import ArgumentParser

extension WebhooksCommand {
    struct Deliveries: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "deliveries",
            abstract: "Shows what has become of a webhook's deliveries, newest first.",
            discussion: """
                  hookline webhooks deliveries ID --status given_up --since 24h

                Pending ones are first, with what they wait for.
                """)

        enum Status: String, ExpressibleByArgument, CaseIterable {
            case pending, delivered, skipped, cancelled
            case givenUp = "given_up"
        }

        @OptionGroup var webhook: WebhookIDArgument

        @Option(help: ArgumentHelp("Only those with this status.", valueName: "status"))
        var status: Status?

        @OptionGroup var period: PeriodOptions

        @Option(help: ArgumentHelp("How many.", valueName: "count"))
        var limit = 50

        @OptionGroup var api: APIOptions

        func validate() throws {
            guard (1...100_000).contains(limit) else { throw ValidationError("--limit must be from 1 to 100000.") }
        }

        func run() async throws {
            let (found, hasMore) = try await api.perform { (client) throws(APIFailure) in try await collect(client) }
            let answer: JSONValue = ["data": .array(found), "hasMore": .bool(hasMore)]
            api.show(answer) { _ in
                DeliveryText.table(found, hasMore: hasMore, width: Screen.width, style: .forDescriptor(1))
            }
        }

        private func collect(_ client: APIClient) async throws(APIFailure) -> ([JSONValue], hasMore: Bool) {
            let narrowed = (status.map { "&status=\($0.rawValue)" } ?? "") + period.parameters
            var found: [JSONValue] = []
            var cursor: String?
            repeat {
                let place = cursor.map { "&cursor=" + TargetText.encode($0) } ?? ""
                let page = try await client.call(
                    .get, "\(webhook.path)/deliveries?limit=\(min(200, limit - found.count))\(narrowed)\(place)")
                found += page["data"]?.arrayValue ?? []
                cursor = page["nextCursor"]?.stringValue
                // A page may be short of what there is: the daemon reads only so much of its journal for one call.
            } while cursor != nil && found.count < limit
            return (found, cursor != nil)
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Delivers a webhook's events once more.",
            discussion: """
                Without --status what was given up or skipped, and has not been delivered since. --status any means all \
                events that the webhook's patterns match now, also those from before it was added.
                """)

        enum Status: String, ExpressibleByArgument, CaseIterable {
            case undelivered, skipped, delivered, any
            case givenUp = "given_up"
        }

        @OptionGroup var webhook: WebhookIDArgument

        @Option(help: ArgumentHelp("Which of them.", valueName: "status"))
        var status: Status = .undelivered

        @OptionGroup var period: PeriodOptions

        @Flag(name: .customLong("dry-run"), help: "Only say how many it would be.")
        var dryRun = false

        @OptionGroup var api: APIOptions

        func run() async throws {
            var members: [(String, JSONValue)] = [("status", .string(status.rawValue)), ("dryRun", .bool(dryRun))]
            members += period.members.map { ($0, .string($1)) }
            let body = JSONValue.object(JSONObject(members))
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.post, webhook.path + "/replay", body: body)
            }
            api.show(answer) { [DeliveryText.replay($0)] }
        }
    }
}

extension EventsCommand {
    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Delivers an event once more.",
            discussion: "Without --webhook to all webhooks of its tenant that it matches, or matched when it came.")

        @OptionGroup var event: EventIDArgument

        @Option(help: ArgumentHelp("Only to this one, whether or not it matches.", valueName: "id"))
        var webhook: String?

        @OptionGroup var api: APIOptions

        func run() async throws {
            let body: JSONValue = webhook.map { ["webhookId": .string($0)] } ?? [:]
            let path = EventsCommand.path(of: event.id, tenant: event.tenant, then: "/replay")
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.post, path, body: body)
            }
            api.show(answer) { [DeliveryText.replay($0)] }
        }
    }
}
