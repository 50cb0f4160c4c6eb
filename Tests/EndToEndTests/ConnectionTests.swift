import Foundation
import Testing

extension EndToEnd {
    /// Connections that are kept, replaced and resumed.
    @Suite struct ConnectionTests {
        struct Ending: Sendable, CustomTestStringConvertible {
            let name: String
            let tls: Bool

            var testDescription: String { tls ? "\(name), TLS" : name }
        }

        /// A daemon that tries nothing twice by itself, a zoo, and one of its webhooks.
        private func run(
            _ ending: Ending, _ body: (Daemon, Zoo, Daemon.Registration) throws -> Void
        ) throws {
            try Lab.run { lab in
                var web: WebServer?
                if ending.tls {
                    let server = try WebServer(lab)
                    try server.addSite("zoo", names: "DNS:localhost", authority: "authority")
                    web = server
                }
                let zoo = try Zoo(lab, web: web)
                let authority = zoo.authority.map { "\nca-file = \(quoted($0))" } ?? ""
                let daemon = try lab.daemon(
                    "[delivery]\nretry-schedule = []", egress: Daemon.loopback + authority)
                try body(daemon, zoo, try daemon.webhook(try zoo.url(ending.name, tls: ending.tls)))
            }
        }

        private func deliver(_ id: String, _ daemon: Daemon, _ webhook: Daemon.Registration, count: Int) throws {
            try daemon.accept(event(id: id))
            try eventually("\(id) is delivered") {
                let health = try daemon.show(webhook).health
                if health.givenUp.int != 0 { throw Unmet("given up: \(health.lastFailure)") }
                return health.delivered.int == count
            }
        }

        @Test(arguments: [
            Ending(name: "second-closes", tls: false), Ending(name: "second-resets", tls: false),
            Ending(name: "second-closes", tls: true), Ending(name: "second-cut", tls: true),
        ]) func aKeptConnectionThatTurnsOutClosedIsReplacedAtOnce(_ ending: Ending) throws {
            try run(ending) { daemon, zoo, webhook in
                try deliver("a", daemon, webhook, count: 1)
                try deliver("b", daemon, webhook, count: 2)
                let health = try daemon.show(webhook).health
                #expect(health.lastFailure.isNull)
                #expect(health.consecutiveFailures.int == 0)
                let requests = zoo.requests
                #expect(requests.map(\.id) == ["a", "b", "b"])
                #expect(requests[0].connection == requests[1].connection)
                #expect(requests[1].connection != requests[2].connection)
            }
        }

        @Test func onlyOneMoreConnectionIsTried() throws {
            try run(Ending(name: "later-ones-close", tls: false)) { daemon, zoo, webhook in
                try deliver("a", daemon, webhook, count: 1)
                try daemon.accept(event(id: "b"))
                try eventually("it is given up") { try daemon.show(webhook).health.givenUp.int == 1 }
                #expect(
                    try daemon.show(webhook).health.lastFailure.string
                        == "the receiver closed the connection without an answer")
                #expect(zoo.requests.map(\.id) == ["a", "b", "b"])
            }
        }

        @Test func anAnswerThatHasBegunIsNotAskedForAgain() throws {
            try run(Ending(name: "second-in-head", tls: false)) { daemon, zoo, webhook in
                try deliver("a", daemon, webhook, count: 1)
                try daemon.accept(event(id: "b"))
                try eventually("it is given up") { try daemon.show(webhook).health.givenUp.int == 1 }
                #expect(
                    try daemon.show(webhook).health.lastFailure.string
                        == "the receiver closed the connection in the middle of its answer's head")
                #expect(zoo.requests.map(\.id) == ["a", "b"])
            }
        }

        @Test(arguments: ["two-answers", "late-bytes"])
        func bytesThatNobodyAskedForAnswerNothing(_ name: String) throws {
            try run(Ending(name: name, tls: false)) { daemon, zoo, webhook in
                try deliver("a", daemon, webhook, count: 1)
                // Those that come late have come by then.
                usleep(200_000)
                try deliver("b", daemon, webhook, count: 2)
                #expect(try daemon.show(webhook).health.lastFailure.isNull)
                let requests = zoo.requests
                #expect(requests.map(\.id) == ["a", "b"])
                #expect(Set(requests.map(\.connection)).count == 2)
            }
        }

        @Test func anAnswerBeforeTheBodyIsWrittenCostsTheConnection() throws {
            try Lab.run { lab in
                let zoo = try Zoo(lab)
                let daemon = try lab.daemon(
                    "[ingest]\nmax-line-bytes = \"16MiB\"\n[delivery]\nretry-schedule = []")
                let webhook = try daemon.webhook(try zoo.url("early-success"))
                let process = try daemon.running()
                let before = process.descriptors
                // More than any socket takes by itself.
                let data = "{\"text\":\"\(String(repeating: "t", count: 12_000_000))\"}"
                for index in 0..<2 { try daemon.accept(event(id: "large-\(index)", data: data)) }
                try eventually("both are delivered") { try daemon.show(webhook).health.delivered.int == 2 }
                #expect(Set(zoo.requests.map(\.connection)).count == 2)
                try eventually("no connection is kept") { process.descriptors <= before }
            }
        }

        @Test func answersThatDripHoldNoMoreThanSomeConnections() throws {
            try run(Ending(name: "slow-success", tls: false)) { daemon, zoo, webhook in
                let process = try daemon.running()
                let before = process.descriptors
                try daemon.send((0..<800).map { event(id: "d\($0)") + "\n" }.joined())
                var most = 0
                try eventually("all are delivered", within: .seconds(30)) {
                    most = max(most, process.descriptors)
                    return try daemon.show(webhook).health.delivered.int == 800
                }
                // 256 on which an answer drips, and those in flight.
                #expect(most <= before + 256 + 64 + 2)
                #expect(process.descriptors >= before + 200, "they are read as long as that hinders nobody")
            }
        }

        // MARK: TLS

        @Test(arguments: ["TLSv1.2", "TLSv1.3"]) func sessionsAreResumed(_ version: String) throws {
            try Lab.run { lab in
                let web = try WebServer(lab)
                // A connection for each delivery.
                try web.addSite(
                    "good", names: "DNS:localhost", authority: "authority",
                    settings: "ssl_protocols \(version); keepalive_timeout 0; ssl_session_timeout 5m;")
                try web.start()
                let daemon = try lab.daemon(egress: Daemon.loopback + "\nca-file = \(quoted(web.authority))")
                let webhook = try daemon.webhook("https://localhost:\(try web.port("good"))/")
                let stranger = try daemon.webhook("https://localhost:\(try web.port("good"))/", tenant: "other")
                for index in 0..<10 { try deliver("s\(index)", daemon, webhook, count: index + 1) }
                try daemon.accept(event(tenant: "other", id: "s10"))
                try eventually("it is delivered") { try daemon.show(stranger).health.delivered.int == 1 }
                let requests = web.requests
                #expect(requests.map(\.id) == (0...10).map { "s\($0)" })
                #expect(requests.allSatisfy { $0.version == version })
                // Resumed from the second one on, and never with what belongs to another tenant.
                #expect(requests.map(\.isResumed) == [false] + Array(repeating: true, count: 9) + [false])
                #expect(Set(requests.map(\.connection)).count == 11)
                // The server would speak HTTP/2.
                #expect(requests.allSatisfy { $0.alpn == "http/1.1" })
            }
        }

        @Test func aReloadForgetsNoDeliveryAndKeepsNoConnection() throws {
            try run(Ending(name: "good", tls: false)) { daemon, zoo, webhook in
                try deliver("a", daemon, webhook, count: 1)
                try deliver("b", daemon, webhook, count: 2)
                try daemon.reload()
                try deliver("c", daemon, webhook, count: 3)
                let requests = zoo.requests
                #expect(requests.map(\.id) == ["a", "b", "c"])
                #expect(requests[0].connection == requests[1].connection)
                #expect(requests[1].connection != requests[2].connection)
            }
        }
    }
}
