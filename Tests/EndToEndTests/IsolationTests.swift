import Foundation
import Testing

extension EndToEnd {
    /// Receivers that misbehave, and those that have nothing to do with it.
    @Suite struct IsolationTests {
        @Test func deadAndHangingReceiversDontHinderAHealthyOne() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\ntimeout = \"1s\"")
                let healthy = try lab.receiver()
                let hanging = try lab.receiver()
                let dead = try daemon.webhook("http://127.0.0.1:\(try Lab.freePort())/")
                let hung = try daemon.webhook(hanging.url("/hang"))
                let good = try daemon.webhook(healthy.url())
                try healthy.use(secret: good.secret)
                let lines = (0..<500).map { event(id: "i\($0)", data: "{\"n\":\($0)}") + "\n" }
                let begun = ContinuousClock.now
                #expect(try daemon.send(lines.joined()).allSatisfy { $0.webhooks.int == 3 })
                try eventually("the healthy one has all", within: .seconds(5) - (ContinuousClock.now - begun)) {
                    healthy.count >= 500
                }
                let deliveries = try healthy.deliveries()
                #expect(Set(deliveries.map(\.id)) == Set((0..<500).map { "i\($0)" }))
                #expect(deliveries.count == 500)
                let areGenuine = deliveries.allSatisfy { $0.isGenuine }
                #expect(areGenuine)
                #expect(Set(deliveries.map(\.connection)).count <= 64)

                try eventually("the timeout is told") { try daemon.show(hung).health.lastFailure.string != nil }
                #expect(try daemon.show(hung).health.lastFailure.string?.contains("no answer within 1.0 s") == true)
                #expect(try daemon.show(dead).health.lastFailure.string?.contains("connection refused") == true)
                #expect(try daemon.show(good).health.consecutiveFailures.int == 0)
                #expect(try daemon.show(dead).backlog.pending.int == 500)
                let failing = Set(try daemon.status().failing.array.compactMap(\.id.string))
                #expect(failing == [dead.id, hung.id])
            }
        }

        @Test func theResponsesHeadDecides() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let endless = try daemon.webhook(receiver.url("/endless"), more: "\"maxInFlight\":1")
                let process = try daemon.running()
                let before = process.descriptors
                for index in 0..<5 { try daemon.accept(event(id: "e\(index)")) }
                try eventually("all count as delivered") { try daemon.show(endless).health.delivered.int == 5 }
                #expect(receiver.count == 5)
                #expect(try daemon.show(endless).health.lastFailure.isNull)
                try eventually("the endless answers are dropped") { process.descriptors <= before + 1 }
            }
        }

        @Test func redirectsAreNotFollowed() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/redirect"))
                try daemon.accept(event())
                try eventually("the failure is told") { try daemon.show(webhook).health.lastFailure.string != nil }
                #expect(
                    try daemon.show(webhook).health.lastFailure.string == "HTTP 307 (redirects are not followed)")
                try throughout(.milliseconds(200), "nothing is redirected") {
                    try receiver.deliveries("/redirected").isEmpty
                }
            }
        }

        @Test func aSlowReceiverGetsItsOwnTime() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\ntimeout = \"300ms\"\nretry-schedule = []")
                let receiver = try lab.receiver()
                let patient = try daemon.webhook(receiver.url("/delay/600"), more: "\"timeoutMs\":5000")
                let hasty = try daemon.webhook(receiver.url("/delay/601"))
                try daemon.accept(event())
                try eventually("one is delivered") { try daemon.show(patient).health.delivered.int == 1 }
                try eventually("the other one is given up") { try daemon.show(hasty).health.givenUp.int == 1 }
            }
        }

        // MARK: Egress

        @Test func privateAddressesNeedPermission() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(egress: "")
                let receiver = try lab.receiver()
                let created = try daemon.api.call(
                    "POST", "/api/v1/webhooks",
                    "{\"url\":\"\(receiver.url())\",\"events\":[\"*\"],\"tenantId\":\"acme\"}")
                var reason = String(decoding: created.body, as: UTF8.self)
                if created.status == 201 {
                    try daemon.accept(event())
                    let webhook = try created.json.id.string ?? ""
                    try eventually("the refusal is told") {
                        let shown = try lab.hookline(
                            ["webhooks", "show", webhook], environment: ["HOOKLINE_API_SOCKET": daemon.apiSocket])
                        reason = shown.output
                        return reason.contains("egress")
                    }
                } else {
                    #expect(created.status == 422)
                }
                #expect(reason.contains("127.0.0.1"))
                #expect(reason.contains("egress.allow"))
                #expect(receiver.count == 0)
            }
        }

        @Test func aNameThatLeadsInsideIsRefused() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(egress: "require-https = false")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook("http://localhost:\(receiver.port)/")
                try daemon.accept(event())
                try eventually("the refusal is told") { try daemon.show(webhook).health.lastFailure.string != nil }
                #expect(try daemon.show(webhook).health.lastFailure.string?.contains("egress.allow") == true)
                #expect(receiver.count == 0)
            }
        }

        @Test func permissionIsForThePortThatIsNamed() throws {
            try Lab.run { lab in
                let receiver = try lab.receiver()
                let other = try lab.receiver()
                let daemon = try lab.daemon(egress: "allow = [\"127.0.0.1/32:\(receiver.port)\"]")
                _ = try daemon.webhook(receiver.url())
                let refused = try daemon.api.call(
                    "POST", "/api/v1/webhooks", "{\"url\":\"\(other.url())\",\"events\":[\"*\"],\"tenantId\":\"acme\"}")
                try daemon.accept(event())
                try eventually("a delivery") { receiver.count == 1 }
                if refused.status == 201 {
                    let id = try refused.json.id.string ?? ""
                    try eventually("the refusal is told") {
                        let health = try daemon.api.json("GET", "/api/v1/webhooks/\(id)").health
                        return health.lastFailure.string?.contains("egress.allow") == true
                    }
                }
                #expect(other.count == 0)

                // A reload takes the permission away again.
                try daemon.configure("", egress: "")
                try daemon.reload()
                try daemon.accept(event())
                try throughout(.milliseconds(300), "nothing arrives any more") { receiver.count == 1 }
            }
        }

        @Test func plainHTTPIsRefused() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(egress: "")
                // TEST-NET addresses are special too: this one is a public one that nobody will connect to.
                let created = try daemon.api.call(
                    "POST", "/api/v1/webhooks",
                    "{\"url\":\"http://8.8.8.8:9/\",\"events\":[\"*\"],\"tenantId\":\"acme\"}")
                if created.status == 201 {
                    try daemon.accept(event())
                    let id = try created.json.id.string ?? ""
                    try eventually("the refusal is told") {
                        let health = try daemon.api.json("GET", "/api/v1/webhooks/\(id)").health
                        return health.lastFailure.string?.contains("egress.require-https") == true
                    }
                } else {
                    #expect(created.status == 422)
                    #expect(String(decoding: created.body, as: UTF8.self).contains("https"))
                }
            }
        }
    }
}
