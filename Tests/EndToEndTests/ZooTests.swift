import Foundation
import Testing

extension EndToEnd {
    /// Misbehaving receivers, one at a time: each costs one attempt, gets its own reason, and leaves nothing behind.
    @Suite struct ZooTests {
        enum Place: Sendable {
            case plain
            case tls
            /// A port of its own, over plain http or TLS.
            case port(https: Bool)
        }

        struct Animal: Sendable, CustomTestStringConvertible {
            let name: String
            let place: Place
            /// What `lastFailure` says; nil where the delivery succeeds.
            let reason: String?
            /// What it says instead, or ends with, where the kernel decides.
            let otherReasons: [String]

            init(_ name: String, _ reason: String? = nil, _ place: Place = .plain, or others: String...) {
                self.name = name
                self.place = place
                self.reason = reason
                otherReasons = others
            }

            func explains(_ told: String?) -> Bool {
                told == reason || otherReasons.contains { told?.hasSuffix($0) == true }
            }

            var testDescription: String {
                switch place {
                case .plain, .port(https: false): name
                case .tls, .port(https: true): name.hasPrefix("tls") ? name : "\(name), TLS"
                }
            }
        }

        private static let late = "no answer within 1.0 s: it ran out while waiting for the response"
        private static let lateTLS = "no answer within 1.0 s: it ran out while in the TLS handshake"
        private static let noTLS = "the receiver does not speak TLS on this port"
        private static let cutOff = "the receiver cut the TLS connection off (no close_notify)"
        private static let nothing = "the receiver closed the connection without an answer"
        private static let cutHead = "the receiver closed the connection in the middle of its answer's head"
        private static let broken = "the connection broke: connection reset by peer"
        private static let noConnection = ": connection reset by peer"
        private static let large = "the answer's head is larger than 32 KiB"
        private static let noHTTP = "the answer is no HTTP"
        private static let xs = String(repeating: "x", count: 200) + "…"

        /// Runs one of them: a delivery, its outcome, and what is left of it.
        private func meet(_ animal: Animal) throws {
            try Lab.run { lab in
                var web: WebServer?
                if case .tls = animal.place {
                    let server = try WebServer(lab)
                    try server.addSite("zoo", names: "DNS:localhost", authority: "authority")
                    web = server
                }
                let zoo = try Zoo(lab, web: web)
                let authority = zoo.authority.map { "\nca-file = \(quoted($0))" } ?? ""
                let daemon = try lab.daemon(
                    "[delivery]\ntimeout = \"1s\"\nretry-schedule = []", egress: Daemon.loopback + authority)
                let url =
                    switch animal.place {
                    case .plain: try zoo.url(animal.name)
                    case .tls: try zoo.url(animal.name, tls: true)
                    case .port(let https): "\(https ? "https" : "http")://127.0.0.1:\(try zoo.port(animal.name))/"
                    }
                let process = try daemon.running()
                let webhook = try daemon.webhook(url)
                let before = process.descriptors
                // Large enough that an answer may come before all of it is written.
                try daemon.accept(event(id: "one", data: "{\"text\":\"\(String(repeating: "t", count: 200_000))\"}"))
                try eventually("there is an outcome") {
                    let health = try daemon.show(webhook).health
                    return health.delivered.int == 1 || health.givenUp.int == 1
                }
                let health = try daemon.show(webhook).health
                let reason = health.lastFailure.string
                #expect(animal.explains(reason), "\(reason ?? "")")
                #expect(health.delivered.int == (animal.reason == nil ? 1 : 0))
                try eventually("nothing of it is left open") {
                    // One connection may be kept for the next delivery.
                    process.descriptors <= before + 1
                }
                let requests = zoo.requests
                #expect(requests.count <= 1 && requests.allSatisfy { $0.id == "one" })
                #expect(try daemon.show(webhook).backlog.pending.int == 0)
                // The daemon is as well as before.
                let good = try daemon.webhook(try zoo.url("good"), tenant: "other")
                try daemon.accept(event(tenant: "other"))
                try eventually("others have their deliveries") { try daemon.show(good).health.delivered.int == 1 }
            }
        }

        static let oddButGood = [
            Animal("good"), Animal("continue"), Animal("hints"), Animal("http-1.0"), Animal("close"),
            Animal("no-reason"), Animal("chunks"), Animal("chunks", nil, .tls), Animal("early-success"),
            Animal("early-success", nil, .tls),
        ]

        @Test(arguments: oddButGood) func unusualAnswersAreUnderstood(_ animal: Animal) throws { try meet(animal) }

        static let goodHeads = [
            Animal("endless-success"), Animal("endless-success", nil, .tls), Animal("endless-chunks"),
            Animal("endless-trailers"), Animal("slow-success"), Animal("bad-chunks"), Animal("short-success"),
            Animal("reset-success"), Animal("reset-success", nil, .tls), Animal("cut-success", nil, .tls),
            Animal("bomb-success"), Animal("two-answers"), Animal("late-bytes"),
        ]

        @Test(arguments: goodHeads) func aSuccessStandsWhateverFollows(_ animal: Animal) throws { try meet(animal) }

        static let failures = [
            Animal("endless-failure", "HTTP 500: \(xs)"), Animal("endless-failure", "HTTP 500: \(xs)", .tls),
            Animal("slow-failure", "HTTP 500: xxx"), Animal("short-failure", "HTTP 500: short"),
            Animal("reset-failure", "HTTP 500: short"), Animal("cut-failure", "HTTP 500: short", .tls),
            Animal("controls-failure", "HTTP 500: [2J erased \u{FFFD}"), Animal("switch", "HTTP 101"),
            Animal("status-999", "HTTP 999"), Animal("early-failure", "HTTP 413: too much"),
            Animal("early-failure", "HTTP 413: too much", .tls), Animal("early-close", "HTTP 413: too much"),
        ]

        @Test(arguments: failures) func aFailureIsToldWithTheBeginningOfItsText(_ animal: Animal) throws {
            try meet(animal)
        }

        @Test func nothingIsDecompressed() throws {
            try Lab.run { lab in
                let zoo = try Zoo(lab)
                let daemon = try lab.daemon("[delivery]\nretry-schedule = []")
                let webhook = try daemon.webhook(try zoo.url("bomb-failure"))
                try daemon.accept(event())
                try eventually("it is given up") { try daemon.show(webhook).health.givenUp.int == 1 }
                let reason = try daemon.show(webhook).health.lastFailure.string ?? ""
                // gzip's magic number, as text.
                #expect(reason.hasPrefix("HTTP 500: \u{FFFD}"), "\(reason)")
            }
        }

        static let redirects =
            [301, 302, 303, 307, 308].map {
                Animal("redirect-\($0)", "HTTP \($0) (redirects are not followed)")
            } + [Animal("redirect-inside", "HTTP 307 (redirects are not followed)")]

        @Test(arguments: redirects) func redirectsLeadNowhere(_ animal: Animal) throws { try meet(animal) }

        static let silent = [
            Animal("silence", late), Animal("silence", late, .tls), Animal("slow-head", late),
            Animal("slow-status", late), Animal("close-at-once", nothing), Animal("close-at-once", nothing, .tls),
            Animal("close-in-head", cutHead), Animal("close-in-head", cutHead, .tls), Animal("reset-at-once", broken),
            Animal("reset-at-once", broken, .tls), Animal("reset-in-head", broken), Animal("cut-at-once", cutOff, .tls),
            Animal("cut-in-head", cutOff, .tls),
            // A reset that comes before the connection is read from looks like its end, and one that comes before it is
            // known to be there like none.
            Animal("reset-on-connect", broken, .port(https: false), or: nothing, noConnection),
            Animal("close-on-connect", broken, .port(https: false), or: nothing, noConnection),
        ]

        @Test(arguments: silent) func noAnswerIsAFailureThatSaysHow(_ animal: Animal) throws { try meet(animal) }

        static let noHTTPAtAll = [
            Animal("other-protocol", noHTTP), Animal("json-only", noHTTP), Animal("http-0.9", noHTTP),
            Animal("http-2", noHTTP), Animal("banner", noHTTP, .port(https: false)),
            Animal("http-2-text", "the answer is no HTTP/1.1, but another version of HTTP"),
            Animal("bad-status", "the answer's status line is malformed"),
            Animal("long-status", "the answer's status line is malformed"),
            Animal("controls-in-status", "the answer's head is malformed: it has a control character"),
        ]

        @Test(arguments: noHTTPAtAll) func whatIsNoHTTPIsToldSo(_ animal: Animal) throws { try meet(animal) }

        static let largeHeads = [
            Animal("endless-status-line", large), Animal("endless-field", large), Animal("endless-fields", large),
            Animal("endless-fields", large, .tls), Animal("endless-interim", large),
            Animal("many-fields", "the answer's head has more than 128 fields"),
        ]

        @Test(arguments: largeHeads) func headsAreBounded(_ animal: Animal) throws { try meet(animal) }

        static let ambiguous = [
            Animal(
                "length-and-encoding",
                "the answer's head is ambiguous: it has both Content-Length and Transfer-Encoding"),
            Animal("two-lengths", "the answer's head is ambiguous: it has several Content-Length"),
            Animal("list-of-lengths", "the answer's head is ambiguous: it has several Content-Length"),
            Animal("negative-length", "the answer's head is ambiguous: Content-Length is no number"),
            Animal(
                "chunked-twice", "the answer's head is ambiguous: Transfer-Encoding does not end in one chunked"),
            Animal("bare-line-feeds", "the answer's head is malformed: a line ends in a line feed alone"),
            Animal("folded-field", "the answer's head is malformed: a field is folded over several lines"),
            Animal("space-before-colon", "the answer's head is malformed: a field's name is no token"),
            Animal("nul-in-field", "the answer's head is malformed: it has a control character"),
            Animal("return-in-field", "the answer's head is malformed: it has a control character"),
        ]

        @Test(arguments: ambiguous) func whatCouldBeReadInTwoWaysIsRefused(_ animal: Animal) throws {
            try meet(animal)
        }

        static let handshakes = [
            Animal("tls-silence", lateTLS, .port(https: true)), Animal("tls-stall", lateTLS, .port(https: true)),
            Animal("tls-drip", lateTLS, .port(https: true)), Animal("tls-garbage", noTLS, .port(https: true)),
            Animal("tls-plain", noTLS, .port(https: true)), Animal("banner", noTLS, .port(https: true)),
            Animal(
                "tls-alert", "the TLS handshake failed: sslv3 alert handshake failure", .port(https: true)),
            Animal("tls-close", "the receiver closed the connection in the TLS handshake", .port(https: true)),
            Animal(
                "tls-reset", "the connection broke in the TLS handshake: connection reset by peer",
                .port(https: true)),
            Animal("tls-endless", "the TLS handshake failed: unexpected message", .port(https: true)),
        ]

        @Test(arguments: handshakes) func aHandshakeThatFailsSaysWhere(_ animal: Animal) throws { try meet(animal) }

        @Test func plainHTTPToATLSPortIsRecognised() throws {
            try Lab.run { lab in
                let web = try WebServer(lab)
                try web.addSite("zoo", names: "DNS:localhost", authority: "authority")
                let zoo = try Zoo(lab, web: web)
                let daemon = try lab.daemon("[delivery]\nretry-schedule = []")
                let webhook = try daemon.webhook("http://127.0.0.1:\(try zoo.port("tls"))/")
                try daemon.accept(event())
                try eventually("it is given up") { try daemon.show(webhook).health.givenUp.int == 1 }
                let reason = try daemon.show(webhook).health.lastFailure.string
                // OpenSSL answers with an alert, or only closes.
                #expect(
                    [
                        "the receiver speaks TLS on this port: the URL should begin with https", Self.nothing,
                        Self.broken,
                    ].contains(reason), "\(reason ?? "")")
            }
        }
    }
}
