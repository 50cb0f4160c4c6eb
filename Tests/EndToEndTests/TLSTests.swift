import Foundation
import Testing

extension EndToEnd {
    /// HTTPS, against nginx with a test authority's certificates.
    @Suite struct TLSTests {
        private static let loopback = "allow = [\"127.0.0.1/32\", \"::1/128\"]\n"

        @Test func onlyGoodCertificatesGetDeliveries() throws {
            try Lab.run { lab in
                let web = try WebServer(lab)
                let names = "DNS:localhost,IP:127.0.0.1"
                try web.addSite("good", names: names, authority: "authority")
                try web.addSite("elsewhere", names: "DNS:hooks.example.com,IP:127.0.0.2", authority: "authority")
                try web.addSite("expired", names: names, authority: "authority", end: "20210101000000Z")
                try web.addSite("selfsigned", names: names, authority: nil)
                try web.addSite("stranger-signed", names: names, authority: "stranger")
                try web.addSite(
                    "old", names: names, authority: "authority",
                    settings: "ssl_protocols TLSv1.1; ssl_ciphers \"ALL:@SECLEVEL=0\";")
                try web.start()
                let daemon = try lab.daemon(egress: Self.loopback + "ca-file = \(quoted(web.authority))")

                // What is said must name the problem.
                let bad: [(site: String, host: String, words: [String])] = [
                    ("elsewhere", "localhost", ["localhost", "wrong host name"]),
                    ("elsewhere", "127.0.0.1", ["127.0.0.1", "wrong host name"]),
                    ("expired", "localhost", ["expired"]),
                    ("selfsigned", "localhost", ["self-signed"]),
                    ("stranger-signed", "localhost", ["authority"]),
                    ("old", "localhost", ["TLS", "version"]),
                ]
                let refused = try bad.map { entry in
                    try daemon.webhook("https://\(entry.host):\(try web.port(entry.site))/", events: ["job.created"])
                }
                let named = try daemon.webhook("https://localhost:\(try web.port("good"))/", events: ["job.closed"])
                let numbered = try daemon.webhook(
                    "https://127.0.0.1:\(try web.port("good"))/", events: ["application.scored"])

                try daemon.accept(event("job.created", id: "bad"))
                for (entry, webhook) in zip(bad, refused) {
                    try eventually("the attempt on \(entry.site) has failed") {
                        try daemon.show(webhook).health.lastFailure.string != nil
                    }
                    let health = try daemon.show(webhook).health
                    let reason = health.lastFailure.string ?? ""
                    for word in entry.words { #expect(reason.contains(word), "\(entry.site): \(reason)") }
                    #expect(health.delivered.int == 0)
                    #expect(health.consecutiveFailures.int == 1)
                    #expect(try daemon.show(webhook).backlog.pending.int == 1)
                }

                // One after the other on one connection.
                for index in 0..<10 {
                    try daemon.accept(event("job.closed", id: "g\(index)"))
                    try eventually("it is delivered") { try daemon.show(named).health.delivered.int == index + 1 }
                }
                try daemon.accept(event("application.scored", id: "by-address"))
                try eventually("it is delivered") { try daemon.show(numbered).health.delivered.int == 1 }
                let requests = web.requests
                #expect(requests.map(\.id) == (0..<10).map { "g\($0)" } + ["by-address"])
                #expect(requests.allSatisfy { $0.site == "good" })
                #expect(Set(requests.prefix(10).map(\.connection)).count == 1)
                #expect(requests[0].connection != requests[10].connection)
            }
        }

        @Test func withoutTheFileTheAuthorityIsUnknown() throws {
            try Lab.run { lab in
                let web = try WebServer(lab)
                try web.addSite("good", names: "DNS:localhost", authority: "authority")
                try web.start()
                let daemon = try lab.daemon(egress: Self.loopback)
                let webhook = try daemon.webhook("https://localhost:\(try web.port("good"))/")
                let plain = try daemon.webhook("https://localhost:\(try lab.receiver().port)/")
                try daemon.accept(event())
                for (webhook, word) in [(webhook, "authority"), (plain, "TLS")] {
                    try eventually("the attempt has failed") {
                        try daemon.show(webhook).health.lastFailure.string != nil
                    }
                    let reason = try daemon.show(webhook).health.lastFailure.string ?? ""
                    #expect(reason.contains(word), "\(reason)")
                }
                #expect(web.requests.isEmpty)
            }
        }

        @Test func anAuthorityFileThatCantBeReadStopsTheStart() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon(egress: "ca-file = \"\(lab.directory.path)/none.pem\"")
                let child = try daemon.launch()
                let end = try child.wait()
                #expect(end == .exited(78) || end == .exited(1))
                #expect(child.errors.contains("none.pem"))
            }
        }
    }
}
