import Foundation
import Testing

extension EndToEnd {
    /// Names and their addresses, against a real name server in a network of its own.
    @Suite struct NameTests {
        private struct Network {
            let lab: Lab
            let daemon: Daemon
            let receiver: Receiver
            let queriesPath: String

            func url(_ name: String) -> String { "http://\(name):\(receiver.port)/" }

            /// What the name server was asked, without the kind and the transport.
            var queries: [String] {
                text(queriesPath).split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) }
            }

            /// Why an event for a webhook of its own failed.
            func failure(_ name: String) throws -> String {
                let tenant = "f-" + name.replacing(".", with: "-")
                let webhook = try daemon.webhook(url(name), tenant: tenant)
                try daemon.accept(event(tenant: tenant))
                try eventually("an attempt on \(name) fails", within: .seconds(15)) {
                    try daemon.show(webhook).health.lastFailure.string != nil
                }
                return try daemon.show(webhook).health.lastFailure.string ?? ""
            }

            /// How long an event takes to a webhook of its own.
            func time(_ name: String) throws -> Duration {
                let tenant = "t-" + name.replacing(".", with: "-")
                _ = try daemon.webhook(url(name), tenant: tenant)
                let before = try receiver.deliveries().count
                let begun = ContinuousClock.now
                try daemon.accept(event(tenant: tenant, id: tenant))
                try eventually("\(name) has its event", within: .seconds(14)) {
                    try receiver.deliveries().contains { $0.id == tenant }
                }
                #expect(try receiver.deliveries().count == before + 1)
                return ContinuousClock.now - begun
            }
        }

        private static func run(
            _ resolver: String = "nameserver 127.0.0.53\n", hosts: String = "127.0.0.1 localhost\n",
            allow: String = "\"127.0.0.0/8\", \"::1\", \"2606:4700::1111\"", _ body: (Network, Namespace) throws -> Void
        ) throws {
            try Lab.run { lab in
                let namespace = try Namespace(lab, resolver: resolver, hosts: hosts)
                let queries = "\(lab.directory.path)/queries"
                try namespace.start([
                    Package.python, "-u", Package.receiver("nameserver.py"), "127.0.0.53", queries,
                ])
                let receiver = try lab.receiver(through: namespace.through)
                let daemon = try namespace.daemon(egress: "allow = [\(allow)]")
                try body(
                    Network(lab: lab, daemon: daemon, receiver: receiver, queriesPath: queries), namespace)
            }
        }

        @Test func deadNameServersHoldNobodyUp() throws {
            try Self.run { (network, _) throws in
                let dead = 600
                for index in 0..<dead {
                    _ = try network.daemon.webhook(
                        network.url("dead-\(index).test"), events: ["job.closed"], tenant: "dead")
                }
                #expect(try network.daemon.accept(event("job.closed", tenant: "dead")).webhooks.int == dead)
                try eventually("all dead names are asked for") {
                    Set(network.queries).count { $0.hasPrefix("dead") } == dead
                }
                // Names that nobody knows yet, while all of the others wait, time out and are tried again.
                var slowest = Duration.zero
                for index in 0..<20 {
                    slowest = max(slowest, try network.time("ok-\(index).test"))
                    usleep(600_000)
                }
                #expect(slowest < .seconds(1))
                #expect(try network.daemon.status().failing.array.count > 0)
                let stopped = ContinuousClock.now
                #expect(try network.daemon.stop() == .exited(0))
                #expect(ContinuousClock.now - stopped < .seconds(8))
            }
        }

        @Test func aDeadNameServerIsPassedOver() throws {
            // 127.0.0.54 hears everything and says nothing.
            try Self.run("nameserver 127.0.0.54\nnameserver 127.0.0.53\n") { (network, namespace) throws in
                try namespace.start([
                    Package.python, "-uc",
                    "import socket,time;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(('127.0.0.54',53));"
                        + "print('ready');time.sleep(600)",
                ])
                #expect(try network.time("ok-1.test") < .seconds(4))
                #expect(try network.failure("dead-1.test").contains("no answer from the name server"))
            }
        }

        @Test func anAnswerForOneFamilyIsEnough() throws {
            try Self.run { (network, _) throws in
                // A family that is not answered for, an alias, more than fits into a datagram.
                #expect(try network.time("half-1.test") < .seconds(2))
                #expect(try network.time("alias-1.test") < .seconds(1))
                #expect(try network.time("many-1.test") < .seconds(3))
                #expect(text(network.queriesPath).contains("many-1.test 1 tcp"))
                #expect(try network.failure("none-1.test").contains("the name has no addresses"))
                #expect(try network.failure("gone-1.test").contains("there is no such name"))
                #expect(try network.failure("broken-1.test").contains("can't be resolved"))
            }
        }

        @Test func anAddressThatIsDeadCostsAQuarterOfASecond() throws {
            try Self.run { (network, namespace) throws in
                try namespace.start([
                    Package.python, "-u", Package.receiver("blackhole.py"), "127.0.0.9", "\(network.receiver.port)",
                ])
                #expect(try network.time("both-1.test") < .milliseconds(500))
                let time = try network.time("hole-1.test")
                #expect(time >= .milliseconds(240) && time < .seconds(1))
            }
        }

        @Test func oneForbiddenAddressForbidsTheName() throws {
            try Self.run { (network, _) throws in
                for name in ["mixed-1.test", "inside-1.test", "mapped-1.test"] {
                    let failure = try network.failure(name)
                    #expect(failure.contains("egress.allow") && failure.contains(name), "\(failure)")
                    #expect(!failure.contains("10.9") && !failure.contains("8.8"), "\(failure)")
                }
                #expect(network.receiver.count == 0)
                let log = network.daemon.log
                #expect(log.contains("detail=10.9.9.9") && log.contains("detail=::ffff:8.8.8.8"))
            }
        }

        @Test func searchDomainsDontApply() throws {
            let resolver = "nameserver 127.0.0.53\nsearch corp.test\noptions ndots:5\n"
            try Self.run(resolver, hosts: "127.0.0.1 localhost pinned.test\n10.9.9.9 moved.test\n") {
                (network, _) throws in
                #expect(try network.failure("intranet").contains("there is no such name"))
                #expect(try network.failure("a.b").contains("there is no such name"))
                #expect(!network.queries.contains { $0.hasSuffix("corp.test") })
                // What stands in the hosts file, and localhost, is never asked for.
                #expect(try network.time("pinned.test") < .seconds(1))
                #expect(try network.time("localhost") < .seconds(1))
                #expect(try network.failure("moved.test").contains("private"))
                #expect(!network.queries.contains { $0.contains("pinned") || $0.contains("localhost") })
            }
        }
    }
}
