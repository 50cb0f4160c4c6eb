import Foundation
import Testing

extension EndToEnd.RotationTests {
    @Test func theCommand() throws {
        try Lab.run { lab in
            let daemon = try lab.daemon()
            let receiver = try lab.receiver()
            let webhook = try daemon.webhook(receiver.url())
            func run(_ arguments: [String], input: Child.Input = .nothing) throws -> Child {
                try lab.hookline(
                    ["webhooks", "rotate"] + arguments, environment: ["HOOKLINE_API_SOCKET": daemon.apiSocket],
                    input: input)
            }
            let made = try run([webhook.id])
            #expect(made.end == .exited(0), "\(made.errors)")
            let until = try daemon.show(webhook).previousSecretExpiresAt.string ?? "none"
            let secret = String(try #require(made.output.firstMatch(of: /Secret: (whsec_\S{44})\n/)).1)
            for text in [webhook.id, until, "webhook-signature", "X-HiresScope-Signature", "not be shown again"] {
                #expect(made.output.contains(text), "\(text)")
            }
            #expect(made.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
            let shown = try lab.hookline(
                ["webhooks", "show", webhook.id], environment: ["HOOKLINE_API_SOCKET": daemon.apiSocket])
            #expect(shown.output.contains("rotated") && shown.output.contains(until))
            #expect(!shown.output.contains("whsec_"))

            // A file with the two secrets verifies both headers; one with either of them says which header fails.
            try daemon.accept(event(id: "one"))
            try eventually("it is delivered") { receiver.count == 1 }
            let delivery = try receiver.deliveries()[0]
            let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "x-hiresscope-signature"]
            let headers = delivery.headers.filter { names.contains($0.name.lowercased()) }
                .flatMap { ["--header", "\($0.name)=\($0.value)"] }
            func verify(_ secrets: [String]) throws -> Child {
                let file = try lab.directory.write("secrets.txt", secrets.joined(separator: "\n") + "\n")
                return try lab.hookline(
                    ["verify", "--secret-file", file] + headers, input: .text(delivery.body))
            }
            let both = try verify([secret, webhook.secret])
            #expect(both.end == .exited(0), "\(both.output)")
            #expect(try verify([webhook.secret]).end == .exited(0))
            let onlyNew = try verify([secret])
            #expect(onlyNew.end == .exited(1) && onlyNew.output.contains("during a rotation"))

            // One of one's own, from standard input, as JSON.
            let own = Self.secret(9)
            let given = try run(
                [webhook.id, "--grace", "0", "--secret-file", "-", "--json"], input: .text(own + "\n"))
            #expect(given.end == .exited(0), "\(given.errors)")
            #expect(try JSON(given.output).secret.string == own)
            #expect(try JSON(given.output).previousSecretExpiresAt.isNull)
            let again = try run([webhook.id, "--secret-file", "-"], input: .text(own))
            #expect(again.end == .exited(1) && again.errors.contains("secret"), "\(again.errors)")
            #expect(!again.errors.contains(own))
            let ended = try run([webhook.id, "--grace", "0"])
            #expect(ended.output.contains("signs nothing any more"))

            for (arguments, input) in [
                ([webhook.id, "--grace", "31d"], ""), ([webhook.id, "--grace", "1500ms"], ""),
                ([webhook.id, "--grace", "soon"], ""), ([], ""), ([webhook.id, "--secret-file", "-"], "nonsense"),
                ([webhook.id, "--secret-file", "-"], "\(own)\n\(secret)\n"),
                ([webhook.id, "--secret", own, "--secret-file", "-"], own),
            ] {
                #expect(try run(arguments, input: .text(input)).end == .exited(64), "\(arguments)")
            }
            #expect(try run(["wh_none"]).end == .exited(1))
        }
    }
}
