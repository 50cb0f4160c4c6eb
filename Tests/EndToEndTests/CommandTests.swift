import Foundation
import Testing

extension EndToEnd {
    /// The command line, as a person at a terminal meets it.
    @Suite struct CommandTests {
        private static let events = [
            "application.created", "application.scored", "application.shortlisted", "application.rejected",
            "job.created", "job.closed",
        ]

        @Test func theDemo() throws {
            try Lab.run { lab in
                let demo = try lab.hookline(["demo"], environment: ["COLUMNS": "80"], within: .seconds(30))
                #expect(demo.end == .exited(0), "\(demo.errors)")
                let lines = demo.output.split(separator: "\n").map(String.init)
                for event in Self.events {
                    let rows = lines.filter { $0.contains(event) && $0.contains("✓") }
                    #expect(rows.count == 1, "\(event): \(rows)")
                }
                #expect(lines.allSatisfy { $0.count <= 80 })
                #expect(!demo.output.contains("✗"))
                #expect(!demo.output.contains("\u{1B}"))
                #expect(demo.output.contains("6 of 6"))
                #expect(demo.errors.isEmpty)
            }
        }

        @Test func theDemoForPrograms() throws {
            try Lab.run { lab in
                let demo = try lab.hookline(["demo", "--json"], within: .seconds(30))
                #expect(demo.end == .exited(0), "\(demo.errors)")
                let result = try JSON(demo.output)
                #expect(result.ok.bool == true)
                #expect(result.events.array.map(\.event.string) == Self.events)
            }
        }

        @Test func everySubcommandHasHelp() throws {
            try Lab.run { lab in
                let webhooks = ["add", "list", "show", "edit", "remove", "pause", "resume", "rotate"]
                    .map { ["webhooks", $0] }
                let others = [
                    "serve", "check", "demo", "send", "listen", "verify", "webhooks", "status", "top", "pause",
                    "resume",
                ].map { [$0] }
                let journal = ["check", "inspect", "export"].map { ["journal", $0] } + [["journal"]]
                for command in [[]] + others + webhooks + journal {
                    let help = try lab.hookline(command + ["--help"], environment: ["COLUMNS": "80"])
                    #expect(help.end == .exited(0), "\(command)")
                    #expect(help.output.contains("USAGE: hookline"), "\(command)")
                    #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(command)")
                }
                let version = try lab.hookline(["--version"])
                #expect(version.end == .exited(0))
                #expect(version.output.wholeMatch(of: /\d+\.\d+\.\d+\S*\n/) != nil)
            }
        }

        @Test func wrongUsageExitsWith64() throws {
            try Lab.run { lab in
                for arguments in [
                    ["nothing"], ["serve", "--colour"], ["webhooks", "add"], ["verify"], ["webhooks", "show"],
                ] {
                    let child = try lab.hookline(arguments)
                    #expect(child.end == .exited(64), "\(arguments)")
                    #expect(!child.errors.isEmpty)
                }
            }
        }

        @Test func listenAndVerifyTogetherWithADelivery() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"100ms\"]")
                let port = try Lab.freePort()
                let webhook = try daemon.webhook("http://127.0.0.1:\(port)/hooks")
                let secret = try lab.directory.write("secret.txt", webhook.secret + "\n")
                let listener = try lab.start([
                    Package.executable, "listen", "--port", "\(port)", "--secret-file", secret, "--json",
                ])
                try eventually("it listens") { listener.errors.contains("Listening") }
                let data = "{\"name\":\"Łucja 👩🏽‍💻\",\"n\":1e400}"
                try daemon.accept(event("application.scored", id: "listened", data: data))
                try eventually("it prints the delivery") { listener.output.hasSuffix("\n") }
                let printed = try JSON(listener.output)
                #expect(printed.verified.bool == true)
                #expect(printed.id.string == "listened")
                #expect(printed.event.string == "application.scored")
                #expect(printed.status.int == 204)
                let body = try #require(Data(base64Encoded: printed.bodyBase64.string ?? ""))
                #expect(String(decoding: body, as: UTF8.self).hasSuffix(",\"data\":\(data)}"))

                let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "X-HiresScope-Signature"]
                let headers = printed.headers.array.map { ($0[0].string ?? "", $0[1].string ?? "") }
                    .filter { pair in names.contains { $0.lowercased() == pair.0.lowercased() } }
                #expect(headers.count == 4)
                func verify(_ body: Data, secret: String) throws -> Child {
                    try lab.hookline(
                        ["verify", "--secret-file", secret] + headers.flatMap { ["--header", "\($0.0)=\($0.1)"] },
                        input: .bytes([UInt8](body)))
                }
                let valid = try verify(body, secret: secret)
                #expect(valid.end == .exited(0), "\(valid.output)")
                let changed = try verify(body + Data("\n".utf8), secret: secret)
                #expect(changed.end == .exited(1))
                #expect(changed.output.contains("line feed"))
                let other = try lab.directory.write("other.txt", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
                #expect(try verify(body, secret: other).end == .exited(1))

                listener.signal(SIGINT)
                let end = try listener.wait()
                #expect(end == .exited(0) || end == .exited(130))
                #expect(listener.errors.contains("1 received"))
            }
        }

        @Test func aBrokenListenerIsRetried() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"100ms\",\"100ms\"]")
                let port = try Lab.freePort()
                let webhook = try daemon.webhook("http://127.0.0.1:\(port)/")
                let listener = try lab.start([
                    Package.executable, "listen", "--port", "\(port)", "--status", "503", "--json",
                ])
                try eventually("it listens") { listener.errors.contains("Listening") }
                try daemon.accept(event())
                try eventually("it is given up") { try daemon.show(webhook).health.givenUp.int == 1 }
                #expect(listener.output.split(separator: "\n").count == 3)
                #expect(try daemon.show(webhook).health.lastFailure.string?.hasPrefix("HTTP 503") == true)
                let shown = try lab.hookline(
                    ["webhooks", "show", webhook.id], environment: ["HOOKLINE_API_SOCKET": daemon.apiSocket])
                #expect(shown.output.contains("HTTP 503"))
                let status = try lab.hookline(["status"], environment: ["HOOKLINE_API_SOCKET": daemon.apiSocket])
                #expect(status.end == .exited(0))
                #expect(status.output.contains("1 given up"))
            }
        }
    }
}
