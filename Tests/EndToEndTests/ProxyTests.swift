import Foundation
import Testing

extension EndToEnd {
    /// Deliveries through `egress.proxy`.
    @Suite struct ProxyTests {
        private static let settings = "[delivery]\ntimeout = \"2s\"\nretry-schedule = []"

        /// Where systemd would have put the credential.
        private func credentials(_ text: String, _ lab: Lab) throws -> [String: String] {
            let directory = "\(lab.directory.path)/credentials"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try text.write(toFile: "\(directory)/hookline.proxy", atomically: true, encoding: .utf8)
            return ["CREDENTIALS_DIRECTORY": directory]
        }

        private func failure(_ daemon: Daemon, _ webhook: Daemon.Registration) throws -> String {
            try eventually("the attempt has failed") { try daemon.show(webhook).health.lastFailure.string != nil }
            return try daemon.show(webhook).health.lastFailure.string ?? ""
        }

        @Test func deliveriesGoThroughATunnelThatIsKept() throws {
            try Lab.run { lab in
                let web = try WebServer(lab)
                try web.addSite("good", names: "DNS:localhost", authority: "authority")
                try web.start()
                let proxy = try Proxy(lab)
                let receiver = try lab.receiver()
                let daemon = try lab.daemon(
                    Self.settings, egress: "\(Daemon.loopback)\nca-file = \(quoted(web.authority))\n\(proxy.setting)")
                let secure = try daemon.webhook(
                    "https://localhost:\(try web.port("good"))/", events: ["job.created"])
                let plain = try daemon.webhook(receiver.url(), events: ["job.closed"])
                for index in 0..<10 {
                    try daemon.accept(event("job.created", id: "p\(index)"))
                    try eventually("it is delivered") { try daemon.show(secure).health.delivered.int == index + 1 }
                }
                for index in 0..<3 {
                    try daemon.accept(event("job.closed"))
                    try eventually("it is delivered") { try daemon.show(plain).health.delivered.int == index + 1 }
                }
                #expect(Set(web.requests.map(\.connection)).count == 1)
                #expect(
                    proxy.requests == [
                        "CONNECT localhost:\(try web.port("good")) HTTP/1.1",
                        "CONNECT 127.0.0.1:\(receiver.port) HTTP/1.1",
                    ])
                #expect(receiver.count == 3)
                #expect(
                    try receiver.deliveries().allSatisfy { $0.path == "/" && $0.header("Proxy-Authorization") == nil })
            }
        }

        @Test func credentialsOpenIt() throws {
            try Lab.run { lab in
                let proxy = try Proxy(lab, credentials: "relay s3cret")
                let receiver = try lab.receiver()
                let daemon = try lab.idleDaemon(Self.settings, egress: "\(Daemon.loopback)\n\(proxy.setting)")
                try daemon.start(environment: try credentials("relay:s3cret\n", lab))
                let webhook = try daemon.webhook(receiver.url())
                try daemon.accept(event())
                try eventually("it is delivered") { try daemon.show(webhook).health.delivered.int == 1 }
                #expect(try receiver.deliveries().allSatisfy { $0.header("Proxy-Authorization") == nil })
                #expect(!daemon.log.contains("s3cret"))
            }
        }

        @Test func withoutTheRightOnesDeliveriesWaitAndTheReasonIsTold() throws {
            try Lab.run { lab in
                let proxy = try Proxy(lab, credentials: "relay s3cret")
                let receiver = try lab.receiver()
                let daemon = try lab.daemon(Self.settings, egress: "\(Daemon.loopback)\n\(proxy.setting)")
                let webhook = try daemon.webhook(receiver.url())
                try daemon.accept(event())
                #expect(
                    try failure(daemon, webhook)
                        == "the proxy asks for credentials (HTTP 407): give them as the systemd credential hookline.proxy"
                )
                // It is no fault of the receiver's: nothing is given up, though no retry is allowed.
                #expect(try daemon.show(webhook).backlog.pending.int == 1)
                #expect(try daemon.show(webhook).health.givenUp.int == 0)
                try daemon.stop()
                try daemon.start(environment: try credentials("relay:wrong", lab))
                try eventually("the reason is told") {
                    try daemon.show(webhook).health.lastFailure.string
                        == "the proxy does not take the credentials of hookline.proxy (HTTP 401)"
                }
                try daemon.stop()
                try daemon.start(environment: try credentials("relay:s3cret", lab))
                try eventually("it is delivered after all") { try daemon.show(webhook).health.delivered.int == 1 }
                #expect(receiver.count == 1)
            }
        }

        @Test func aCredentialThatIsNoneStopsTheStart() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon(egress: "proxy = \"http://127.0.0.1:1\"")
                let child = try daemon.launch(environment: try credentials("s3cret", lab))
                #expect(try child.wait() == .exited(78))
                #expect(child.errors.contains("egress.proxy") && !child.errors.contains("s3cret"))
            }
        }

        @Test func whatTheProxyRefusesIsToldApart() throws {
            try Lab.run { lab in
                let dead = try Lab.freePort()
                let proxy = try Proxy(lab, ports: [dead])
                let receiver = try lab.receiver()
                let daemon = try lab.daemon(Self.settings, egress: "\(Daemon.loopback)\n\(proxy.setting)")
                let unreachable = try daemon.webhook("http://127.0.0.1:\(dead)/")
                let refused = try daemon.webhook(receiver.url())
                try daemon.accept(event())
                #expect(try failure(daemon, unreachable) == "the proxy can't reach 127.0.0.1:\(dead) (HTTP 500)")
                #expect(
                    try failure(daemon, refused)
                        == "the proxy does not allow connections to 127.0.0.1:\(receiver.port) (HTTP 403)")
                for webhook in [unreachable, refused] {
                    #expect(try daemon.show(webhook).health.givenUp.int == 1)
                }
                #expect(receiver.count == 0)
            }
        }

        @Test func aProxyThatIsNoneIsToldSo() throws {
            try Lab.run { lab in
                let zoo = try Zoo(lab)
                let receiver = try lab.receiver()
                let prefix = "no tunnel through the proxy: "
                let cases: [(port: Int, reason: String, isGivenUp: Bool)] = [
                    (try zoo.port("banner"), prefix + "the answer is no HTTP", true),
                    (try zoo.port("tls-close"), prefix + "the connection was closed without an answer", true),
                    (
                        try zoo.port("tls-silence"),
                        "no answer within 2.0 s: it ran out while waiting for the proxy", true
                    ),
                    (try Lab.freePort(), "the proxy can't be reached: 127.0.0.1 port ", false),
                ]
                for (port, reason, isGivenUp) in cases {
                    let daemon = try lab.daemon(
                        Self.settings, egress: "\(Daemon.loopback)\nproxy = \"http://127.0.0.1:\(port)\"")
                    let process = try daemon.running()
                    let webhook = try daemon.webhook(receiver.url())
                    let before = process.descriptors
                    try daemon.accept(event())
                    let told = try failure(daemon, webhook)
                    #expect(told.hasPrefix(reason), "\(told)")
                    #expect(try daemon.show(webhook).health.givenUp.int == (isGivenUp ? 1 : 0))
                    try eventually("nothing is left open") { process.descriptors <= before }
                    try daemon.stop()
                }
                #expect(receiver.count == 0)
            }
        }

        @Test func theAddressPolicyHolds() throws {
            try Lab.run { lab in
                let proxy = try Proxy(lab)
                let receiver = try lab.receiver()
                let daemon = try lab.daemon(Self.settings, egress: proxy.setting)
                // What is refused at registration needs no attempt; the rest does.
                for url in [
                    "https://169.254.169.254/latest/", "https://127.0.0.1:\(receiver.port)/",
                    "https://[::ffff:10.0.0.1]/",
                    "https://localhost:\(receiver.port)/", "http://hooks.example/",
                ] {
                    let created = try daemon.api.call(
                        "POST", "/api/v1/webhooks", "{\"url\":\"\(url)\",\"events\":[\"*\"],\"tenantId\":\"acme\"}")
                    guard created.status == 201 else {
                        #expect(created.status == 422)
                        continue
                    }
                    let webhook = Daemon.Registration(id: try created.json.id.string ?? "", secret: "")
                    try daemon.accept(event())
                    #expect(try failure(daemon, webhook).contains("egress."), "\(url)")
                }
                #expect(proxy.requests.isEmpty)
                #expect(receiver.count == 0)
            }
        }

        @Test func aReloadTakesItIn() throws {
            try Lab.run { lab in
                let proxy = try Proxy(lab)
                let receiver = try lab.receiver()
                let daemon = try lab.daemon(Self.settings)
                let webhook = try daemon.webhook(receiver.url())
                try daemon.accept(event())
                try eventually("it is delivered") { try daemon.show(webhook).health.delivered.int == 1 }
                try daemon.configure(Self.settings, egress: "\(Daemon.localReceivers)\n\(proxy.setting)")
                try daemon.reload()
                try daemon.accept(event())
                try eventually("it is delivered") { try daemon.show(webhook).health.delivered.int == 2 }
                #expect(proxy.requests.count == 1)
            }
        }
    }
}
