import Foundation
import Testing

extension EndToEnd.ConformanceTests {
    // MARK: Signatures

    @Test func theSignatureCoversIDTimestampAndPayload() throws {
        try Self.deliver(data: Self.body) { (lab, _, webhook, receiver, _) throws in
            // The verifiers also see that none of the three can be changed.
            for library in SignatureLibrary.allCases {
                #expect(try library.verdicts(lab, on: receiver, secret: webhook.secret) == ["ok one"], "\(library)")
            }
        }
    }

    @Test func theHeadersAreNamedAsTheStandardSays() throws {
        try Self.deliver { (_, _, _, _, deliveries) throws in
            let names = deliveries[0].headers.map(\.name).filter { $0.lowercased().hasPrefix("webhook-") }
            #expect(names.sorted() == ["webhook-id", "webhook-signature", "webhook-timestamp"])
        }
    }

    @Test func theTimestampIsThatOfTheAttemptInSeconds() throws {
        let tables = "[delivery]\nretry-schedule = [\"2500ms\"]"
        try Self.deliver("/fail/1", tables: tables, attempts: 2) { (lab, _, webhook, receiver, deliveries) throws in
            let times = deliveries.compactMap { $0.header("webhook-timestamp").flatMap { Int($0) } }
            #expect(times.count == 2 && times[1] > times[0])
            for (time, delivery) in zip(times, deliveries) { #expect(abs(delivery.at / 1000 - time) <= 1) }
            // The event's own time stays, and so does every byte of the body.
            #expect(deliveries[0].body == deliveries[1].body)
            #expect(deliveries[0].header("webhook-signature") != deliveries[1].header("webhook-signature"))
            for library in SignatureLibrary.allCases {
                #expect(try library.verdicts(lab, on: receiver, secret: webhook.secret) == ["ok one", "ok one"])
            }
        }
    }

    @Test func theIDStaysTheSameOverRetriesAndReplays() throws {
        let tables = "[delivery]\nretry-schedule = [\"100ms\", \"100ms\"]"
        try Self.deliver("/fail/2", tables: tables, attempts: 3) { (_, daemon, webhook, receiver, _) throws in
            try eventually("it is delivered") { try daemon.show(webhook).health.delivered.int == 1 }
            try daemon.api.json("POST", "/api/v1/events/one/replay", "{}")
            try eventually("it comes once more") { receiver.count == 4 }
            #expect(try receiver.deliveries().map(\.id) == ["one", "one", "one", "one"])
        }
    }

    @Test func differentEventsHaveDifferentIDs() throws {
        try Lab.run { lab in
            let daemon = try lab.daemon()
            let receiver = try lab.receiver()
            _ = try daemon.webhook(receiver.url())
            try daemon.send(String(repeating: event() + "\n", count: 200))
            try eventually("all are delivered") { receiver.count == 200 }
            #expect(Set(try receiver.deliveries().map(\.id)).count == 200)
        }
    }

    @Test func neitherIDNorTimestampCanHoldAFullStop() throws {
        try Lab.run { lab in
            let daemon = try lab.daemon()
            let receiver = try lab.receiver()
            _ = try daemon.webhook(receiver.url())
            for id in ["a.b", "1.1700000000", ".", "a\\u002eb", "a b", "é"] {
                let line = "{\"event\":\"job.created\",\"tenantId\":\"acme\",\"id\":\"\(id)\",\"data\":{}}\n"
                #expect(try daemon.send(line).first?.error.string == "invalid_field", "\(id)")
            }
            try daemon.accept(event())
            try eventually("a delivery") { receiver.count == 1 }
            let delivery = try receiver.deliveries()[0]
            #expect(delivery.id.wholeMatch(of: /[A-Za-z0-9_-]{1,64}/) != nil)
            #expect(delivery.header("webhook-timestamp")?.wholeMatch(of: /[0-9]{10}/) != nil)
        }
    }

    @Test func whatIsSentIsWhatIsSigned() throws {
        // Nothing that reads and writes JSON anew would keep these bytes.
        let data = "{\"z\":1E+2,\"a\":\"\\/\\u0041\",\"z\":0.10,\"é\":[ ]}"
        try Self.deliver(data: data) { (lab, _, webhook, receiver, deliveries) throws in
            #expect(deliveries[0].body.hasSuffix("\"data\":\(data)}"))
            #expect(try SignatureLibrary.node.verdicts(lab, on: receiver, secret: webhook.secret) == ["ok one"])
        }
    }

    @Test func secretsAreRandomLongEnoughAndMarked() throws {
        try Lab.run { lab in
            let daemon = try lab.daemon()
            let secret = try daemon.webhook("https://a.example/").secret
            #expect(secret.hasPrefix("whsec_"))
            #expect(Data(base64Encoded: String(secret.dropFirst(6)))?.count == 32)
            for (bytes, status) in [(23, 422), (24, 201), (64, 201), (65, 422)] {
                let given = "whsec_" + Data(repeating: 7, count: bytes).base64EncodedString()
                let answer = try daemon.api.call(
                    "POST", "/api/v1/webhooks",
                    "{\"url\":\"https://a.example/\",\"events\":[\"*\"],\"tenantId\":\"acme\",\"secret\":\"\(given)\"}")
                #expect(answer.status == status, "\(bytes) bytes")
            }
        }
    }

    @Test func eachWebhookHasASecretOfItsOwn() throws {
        try Lab.run { lab in
            let daemon = try lab.daemon()
            let secrets = try (0..<20).map { _ in try daemon.webhook("https://a.example/").secret }
            #expect(Set(secrets).count == 20)
        }
    }

    @Test func aLegacySignatureStandsBesideTheStandardsOne() throws {
        try Self.deliver { (_, _, _, _, deliveries) throws in
            #expect(deliveries[0].isGenuine)
            #expect(deliveries[0].header("webhook-signature")?.hasPrefix("v1,") == true)
        }
    }

    // MARK: Destinations

    @Test func plainHTTPIsRefusedUnlessAllowed() throws {
        try Lab.run { lab in
            let daemon = try lab.daemon(egress: "")
            let answer = try daemon.api.call(
                "POST", "/api/v1/webhooks",
                "{\"url\":\"http://8.8.8.8/\",\"events\":[\"*\"],\"tenantId\":\"acme\"}")
            #expect(answer.status == 422)
            #expect(String(decoding: answer.body, as: UTF8.self).contains("https"))
        }
    }

    @Test func internalAddressesCantBeReached() throws {
        try Lab.run { lab in
            let daemon = try lab.daemon(egress: "require-https = false")
            let receiver = try lab.receiver()
            for host in [
                "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
                "[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[fd00:ec2::254]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
                "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::127.0.0.1]", "127.1", "2130706433", "0x7f000001",
                "0177.0.0.1", "127.0.0.1.", "user@127.0.0.1", "127.0.0.1%2f", "[::1%25lo]", "１２７.0.0.1",
            ] {
                let url = "http://\(host):\(receiver.port)/"
                let answer = try daemon.api.call(
                    "POST", "/api/v1/webhooks",
                    "{\"url\":\(quoted(url)),\"events\":[\"*\"],\"tenantId\":\"acme\"}")
                #expect(answer.status == 422, "\(url)")
                let fields = try answer.json.errors.array
                #expect(fields.map(\.field.string) == ["url"], "\(url)")
            }
            // A name is judged when it is resolved; what is told does not say where it leads.
            let named = try daemon.webhook("http://localhost:\(receiver.port)/")
            try daemon.accept(event())
            try eventually("it is refused") { try daemon.show(named).health.lastFailure.string != nil }
            let failure = try daemon.show(named).health.lastFailure.string ?? ""
            #expect(failure.contains("localhost") && failure.contains("egress.allow"), "\(failure)")
            #expect(!failure.contains("127.0.0.1") && !failure.contains("::1"), "\(failure)")
            #expect(receiver.count == 0)
        }
    }

    // MARK: More

    @Test func oneEventGoesToAllOfATenantsWebhooks() throws {
        try Lab.run { lab in
            let daemon = try lab.daemon()
            let receiver = try lab.receiver()
            for path in ["/crm", "/users", "/chat"] { _ = try daemon.webhook(receiver.url(path)) }
            #expect(try daemon.accept(event(id: "one")).webhooks.int == 3)
            try eventually("three deliveries") { receiver.count == 3 }
            #expect(Set(try receiver.deliveries().map(\.path)) == ["/crm", "/users", "/chat"])
            #expect(Set(try receiver.deliveries().map(\.id)) == ["one"])
        }
    }

    @Test func failuresAreListedWithTheirReasonAndReplayed() throws {
        try Self.deliver("/status/404", tables: "[delivery]\nretry-schedule = []") {
            (_, daemon, webhook, receiver, _) throws in
            try eventually("it is given up") { try daemon.show(webhook).health.givenUp.int == 1 }
            let path = "/api/v1/webhooks/\(webhook.id)"
            func list() throws -> JSON { try daemon.api.json("GET", "\(path)/deliveries?status=given_up").data }
            try eventually("it is on record") { try list().array.map(\.eventId.string) == ["one"] }
            #expect(try list()[0].reason.string == "tries_used_up" && list()[0].lastStatus.int == 404)
            #expect(try daemon.show(webhook).health.lastFailure.string?.contains("404") == true)
            try daemon.api.json("PATCH", path, "{\"url\":\(quoted(receiver.url("/good")))}")
            try daemon.api.json("POST", "\(path)/replay", "{}")
            try eventually("it is delivered") { try receiver.deliveries("/good").map(\.id) == ["one"] }
        }
    }

    @Test func webhooksAreManagedByAnAPI() throws {
        try Lab.run { lab in
            let daemon = try lab.daemon()
            let webhook = try daemon.webhook("https://a.example/")
            let listed = try daemon.api.json("GET", "/api/v1/webhooks?tenantId=acme").data.array
            #expect(listed.map(\.id.string) == [webhook.id])
            #expect(try daemon.api.call("DELETE", "/api/v1/webhooks/\(webhook.id)").status == 204)
            #expect(try daemon.api.json("GET", "/api/v1/webhooks?tenantId=acme").data.array.isEmpty)
        }
    }
}
