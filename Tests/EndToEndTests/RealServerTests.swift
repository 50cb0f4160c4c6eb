import Foundation
import Testing

extension EndToEnd {
    /// Receivers in the servers that the world runs.
    @Suite struct RealServerTests {
        @Test(arguments: RealServer.all) func deliveriesArrive(_ server: RealServer) throws {
            try Lab.run { lab in
                let web = try WebServer(lab)
                let port = try server.start(lab, web)
                let daemon = try lab.daemon(
                    "[delivery]\nretry-schedule = []",
                    egress: Daemon.loopback + "\nca-file = \(quoted(web.authority))")
                let webhook = try daemon.webhook("https://localhost:\(port)/hooks?a=b")
                // One after the other, and then many of all sizes at once.
                for index in 0..<5 {
                    try daemon.accept(event(id: "s\(index)"))
                    try eventually("it is delivered") { try daemon.show(webhook).health.delivered.int == index + 1 }
                }
                let sizes = [0, 1, 5_000, 16_384, 70_000, 200_000]
                let lines = (0..<120).map { index in
                    let text = String(repeating: "t", count: sizes[index % sizes.count])
                    return event(id: "m\(index)", data: "{\"text\":\"\(text)\"}") + "\n"
                }
                try daemon.send(lines.joined())
                try eventually("all are delivered", within: .seconds(30)) {
                    let health = try daemon.show(webhook).health
                    if health.givenUp.int != 0 { throw Unmet("given up: \(health.lastFailure)") }
                    return health.delivered.int == 125
                }
                #expect(try daemon.show(webhook).health.lastFailure.isNull)
            }
        }

        @Test func aServerOfFilesSaysItselfThatItIsNone() throws {
            try Lab.run { lab in
                let port = try Lab.freePort()
                let process = try lab.start(
                    ["python3", "-m", "http.server", "\(port)", "--bind", "127.0.0.1", "-d", lab.directory.path])
                try eventually("it listens") { process.isRunning && Lab.isListening(port) }
                let daemon = try lab.daemon("[delivery]\nretry-schedule = []")
                let webhook = try daemon.webhook("http://127.0.0.1:\(port)/")
                try daemon.accept(event())
                try eventually("it is given up") { try daemon.show(webhook).health.givenUp.int == 1 }
                let reason = try daemon.show(webhook).health.lastFailure.string ?? ""
                #expect(reason.hasPrefix("HTTP 501: "), "\(reason)")
            }
        }
    }
}
