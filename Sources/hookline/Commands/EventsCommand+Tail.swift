import AdminAPI
import ArgumentParser
import RelayCore

extension EventsCommand {
    struct Tail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tail",
            abstract: "Shows events as they are accepted.",
            discussion: """
                  hookline events tail --tenant acme --event 'application.*'

                Ends with Ctrl-C, or with the daemon. Where this is too slow for the events, some are left out and \
                counted; the daemon waits for nobody. With --json an object a line.
                """)

        @Option(help: ArgumentHelp("Only this tenant's.", valueName: "tenant"))
        var tenant: String?

        @Option(help: ArgumentHelp("Only those of a type, or of a pattern such as 'job.*'.", valueName: "pattern"))
        var event: String?

        @OptionGroup var api: APIOptions

        func run() async throws {
            var target = "/api/v1/events?follow=true"
            if let tenant { target += "&tenantId=" + TargetText.encode(tenant) }
            if let event { target += "&event=" + TargetText.encode(event) }
            let (path, asJSON) = (target, api.json)
            let client = api.client
            let style = TextStyle.forDescriptor(1)
            let failure = Failure()
            let signal = try await Interruption.cancelling {
                do throws(APIFailure) {
                    try await client.follow(path) { line in
                        if asJSON {
                            Console.write(line + [0x0A], to: 1)
                        } else if let json = try? JSONParser.parse(line) {  // Always; what is no JSON is not shown.
                            Console.print(TailText.line(json, style: style))
                        }
                    }
                } catch {
                    failure.error = error
                }
            }
            // A signal ends it as it is meant to end.
            guard signal == nil else { return }
            if let error = failure.error {
                Console.note("hookline: \(error)")
                throw error.exitCode
            }
            Console.note("hookline: the daemon has stopped")
        }
    }
}

/// Why following ended; written by its task alone, and read after that has ended.
private final class Failure: @unchecked Sendable {
    var error: APIFailure?
}

/// Events as they come, as text for people.
enum TailText {
    static func line(_ event: JSONValue, style: TextStyle) -> String {
        if let dropped = event["dropped"]?.integerValue {
            return style.yellow("(\(dropped) event\(dropped == 1 ? "" : "s") left out: they came too fast)")
        }
        let count = event["webhooks"]?.integerValue ?? 0
        let time = event["acceptedAt"]?.stringValue.flatMap { RFC3339.milliseconds($0) }.map(WallClock.localTime)
        return style.dim(time ?? "-") + "  " + text(event["id"]).padded(to: 30) + "  " + text(event["tenantId"]) + "  "
            + style.cyan(text(event["event"])) + "  "
            + (count == 0 ? style.dim("no webhook") : "\(count) webhook\(count == 1 ? "" : "s")")
    }

    private static func text(_ value: JSONValue?) -> String { WebhookText.text(value) }
}
