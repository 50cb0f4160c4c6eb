import Foundation
import Testing

extension EndToEnd {
    /// Receivers that fail, ask to be left alone, end their webhooks, and come back; and what is told of it.
    @Suite struct RecoveryTests {
        private static func breaker(_ daemon: Daemon, _ webhook: Daemon.Registration) throws -> String? {
            try daemon.show(webhook).health.breaker.string
        }

        private static func metric(_ daemon: Daemon, _ key: String) throws -> Double? {
            let page = try MetricsPage(String(decoding: daemon.api.call("GET", "/metrics").body, as: UTF8.self))
            return page.values[key]
        }

        private static func told(_ receiver: Receiver) throws -> [(event: String, data: JSON)] {
            // Delivered at least once: what was under way when a process ended comes again.
            var seen: Set<String> = []
            return try receiver.deliveries("/told").filter { seen.insert($0.id).inserted }.map {
                let body = try JSON(Array($0.body.utf8))
                return (body.event.string ?? "", body.data)
            }
        }

        private static func eventual(_ what: String, _ look: () throws -> JSON?) throws -> JSON {
            var found: JSON?
            try eventually(what) {
                found = try look()
                return found != nil
            }
            guard let found else { throw Unmet(what) }
            return found
        }

        @Test func aFailingReceiverIsProbedAndComesBack() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(
                    "[delivery]\nretry-schedule = [\"2s\",\"2s\",\"2s\"]\nmax-in-flight-per-webhook = 8")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/wish"))
                _ = try daemon.webhook(receiver.url("/told"), events: ["webhook.*", "delivery.given_up"])
                try receiver.answer(500)
                let lines = (0..<200).map { event(id: "b\($0)") + "\n" }
                try daemon.send(lines.joined())
                try eventually("the breaker opens") { try Self.breaker(daemon, webhook) == "open" }
                let before = try receiver.deliveries("/wish").count
                #expect(before >= 5 && before <= 8, "it has been tried \(before) times")
                #expect(try Self.metric(daemon, "hookline_breakers{state=\"open\"}") == 1)
                // One probe within two seconds and a fifth of it.
                try throughout(.milliseconds(1_200), "nothing is tried while it is open") {
                    try receiver.deliveries("/wish").count == before
                }
                try eventually("a probe goes out") { try receiver.deliveries("/wish").count > before }
                #expect(try receiver.deliveries("/wish").count == before + 1)
                try receiver.answer(nil)
                try eventually("all is delivered", within: .seconds(20)) {
                    try daemon.show(webhook).health.delivered.int == 200
                }
                #expect(try Self.breaker(daemon, webhook) == "closed")
                let ids = try receiver.deliveries("/wish").map(\.id)
                #expect(Set(ids) == Set((0..<200).map { "b\($0)" }))
                // Beyond the failures each event went out once: waiting has used up no tries.
                #expect(ids.count <= 200 + before + 1)
                try eventually("it is told") { try Self.told(receiver).count == 2 }
                let told = try Self.told(receiver)
                #expect(told.map(\.event) == ["webhook.failing", "webhook.recovered"])
                #expect(told[0].data.webhookId.string == webhook.id)
                #expect(told[0].data.reason.string == "HTTP 500")
                #expect(told[0].data.count.int == 5)
                #expect(told[0].data.eventId.string?.hasPrefix("b") == true)
                #expect(daemon.log.contains("webhook is failing") && daemon.log.contains("webhook works again"))
                for (change, count) in [("failing", 1), ("recovered", 1), ("closed", 1)] as [(String, Double)] {
                    #expect(try Self.metric(daemon, "hookline_webhook_changes_total{change=\"\(change)\"}") == count)
                }
            }
        }

        @Test(arguments: [true, false]) func retryAfterHoldsTheWholeWebhook(asDate: Bool) throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"100ms\"]")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/wish"))
                let until = Date().addingTimeInterval(4)
                let formatter = DateFormatter()
                formatter.locale = Locale(identifier: "en_US_POSIX")
                formatter.timeZone = TimeZone(identifier: "GMT")
                formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
                try receiver.answer(429, "Retry-After: \(asDate ? formatter.string(from: until) : "3")")
                try daemon.accept(event(id: "first"))
                try eventually("it was tried") { try daemon.show(webhook).health.lastFailure.string == "HTTP 429" }
                let begun = ContinuousClock.now
                try receiver.answer(nil)
                for index in 0..<20 { try daemon.accept(event(id: "w\(index)")) }
                #expect(try daemon.show(webhook).backlog.nextAttemptAt.string != nil)
                try throughout(.milliseconds(1_500), "nothing goes out") {
                    try receiver.deliveries("/wish").count == 1
                }
                // Over a restart, too.
                try daemon.stop()
                try daemon.start()
                try eventually("all go out", within: .seconds(8)) { try receiver.deliveries("/wish").count == 22 }
                let waited = ContinuousClock.now - begun
                #expect(waited > .milliseconds(2_400) && waited < .seconds(8), "it took \(waited)")
            }
        }

        @Test(arguments: ["410", "204\nwebhook-delivery: disable", "500\nWebhook-Delivery: Disable"])
        func aReceiverEndsItsWebhook(answer: String) throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nmax-in-flight-per-webhook = 1")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/wish"))
                _ = try daemon.webhook(receiver.url("/told"), events: ["webhook.disabled", "delivery.given_up"])
                let parts = answer.split(separator: "\n").map(String.init)
                try receiver.answer(Int(parts[0]), parts.dropFirst().first ?? "X-Nothing: 1")
                let lines = (0..<30).map { event(id: "d\($0)") + "\n" }
                try daemon.send(lines.joined())
                try eventually("it is disabled") { try daemon.show(webhook).state.string == "disabled" }
                let shown = try daemon.show(webhook)
                let reason = parts[0] == "410" ? "410 Gone" : "the receiver asked for it (webhook-delivery: disable)"
                #expect(shown.stateReason.string == reason)
                #expect(shown.isActive.bool == false)
                #expect(shown.backlog.pending.int == 0)
                #expect(try receiver.deliveries("/wish").count == 1)
                #expect(shown.health.givenUp.int == (parts[0] == "204" ? 29 : 30))
                let list = try daemon.api.json("GET", "/api/v1/webhooks/\(webhook.id)/deliveries?status=given_up")
                #expect(list.data.array.allSatisfy { $0.reason.string == "webhook_disabled" })
                // What comes now is on record and goes nowhere; over a restart, too.
                #expect(try daemon.accept(event(id: "skipped-1")).webhooks.int == 0)
                try daemon.stop()
                try daemon.start()
                #expect(try daemon.show(webhook).state.string == "disabled")
                try daemon.accept(event(id: "skipped-2"))
                let skipped = try daemon.api.json("GET", "/api/v1/webhooks/\(webhook.id)/deliveries?status=skipped")
                #expect(Set(skipped.data.array.compactMap(\.eventId.string)) == ["skipped-1", "skipped-2"])
                // What was given up is told at the latest on the stop, together.
                try eventually("it is told") { try Self.told(receiver).count == 2 }
                let told = try Self.told(receiver)
                #expect(told.map(\.event) == ["webhook.disabled", "delivery.given_up"])
                #expect(told[0].data.reason.string == reason)
                #expect(told[1].data.count.int == (parts[0] == "204" ? 29 : 30))
                #expect(told[1].data.reason.string == "webhook_disabled")
                // Made active it works, and everything can be had again.
                try receiver.answer(nil)
                _ = try daemon.api.json("PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"isActive\":true}")
                #expect(try daemon.show(webhook).state.string == "active")
                #expect(try daemon.accept(event(id: "fresh")).webhooks.int == 1)
                try eventually("it is delivered") { try receiver.deliveries("/wish").last?.id == "fresh" }
                _ = try daemon.api.json("POST", "/api/v1/webhooks/\(webhook.id)/replay", "{}")
                try eventually("all is delivered") {
                    Set(try receiver.deliveries("/wish").map(\.id)).count == 33
                }
            }
        }

        @Test func abortMessageEndsOneDelivery() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"100ms\",\"100ms\"]")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/wish"))
                try receiver.answer(422, "webhook-delivery: abort-message")
                for index in 0..<10 { try daemon.accept(event(id: "a\(index)")) }
                try eventually("all are given up") { try daemon.show(webhook).health.givenUp.int == 10 }
                #expect(try receiver.deliveries("/wish").count == 10)
                let shown = try daemon.show(webhook)
                #expect(shown.state.string == "active" && shown.health.breaker.string == "closed")
                let list = try Self.eventual("the journal knows") {
                    let list = try daemon.api.json("GET", "/api/v1/webhooks/\(webhook.id)/deliveries?status=given_up")
                    return list.data.array.count == 10 ? list : nil
                }
                #expect(list.data.array.allSatisfy { $0.reason.string == "aborted" })
            }
        }

        @Test func failingForLongDisablesAlsoOverKills() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"300ms\"]\ndisable-after = \"4s\"")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/wish"))
                try receiver.answer(500)
                let begun = ContinuousClock.now
                for index in 0..<100 { try daemon.accept(event(id: "x\(index)")) }
                try eventually("it fails") { try receiver.deliveries("/wish").count > 2 }
                Thread.sleep(forTimeInterval: 0.3)
                try daemon.kill()
                try daemon.start()
                #expect(try daemon.show(webhook).state.string == "active")
                try eventually("it is disabled", within: .seconds(10)) {
                    try daemon.show(webhook).state.string == "disabled"
                }
                let took = ContinuousClock.now - begun
                #expect(took > .seconds(4) && took < .seconds(8), "it took \(took)")
                #expect(try daemon.show(webhook).stateReason.string == "no success within delivery.disable-after")
                // Made active, the clock begins anew.
                _ = try daemon.api.json("PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"isActive\":true}")
                for index in 0..<3 { try daemon.accept(event(id: "y\(index)")) }
                try throughout(.seconds(2), "it is not disabled at once") {
                    try daemon.show(webhook).state.string == "active"
                }
                try eventually("it is disabled again, or has given all up", within: .seconds(8)) {
                    let shown = try daemon.show(webhook)
                    return shown.state.string == "disabled" || shown.backlog.pending.int == 0
                }
            }
        }

        @Test func nothingIsToldAboutTelling() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"100ms\"]")
                let receiver = try lab.receiver()
                // Each tells of the other, and neither can be told.
                let one = try daemon.webhook(receiver.url("/status/500"), events: ["webhook.*", "delivery.*"])
                let two = try daemon.webhook(receiver.url("/status/503"), events: ["webhook.*", "delivery.*"])
                let source = try daemon.webhook(receiver.url("/status/410"))
                try daemon.accept(event())
                try eventually("it is disabled") { try daemon.show(source).state.string == "disabled" }
                try eventually("the news is given up") {
                    try [one, two].allSatisfy { try daemon.show($0).health.givenUp.int == 1 }
                }
                try daemon.stop()
                try daemon.start()
                // What was given up of the source was gathered, and told on the stop: nothing else.
                try eventually("that is given up, too") {
                    try [one, two].allSatisfy { try daemon.show($0).health.givenUp.int == 2 }
                }
                try daemon.stop()
                try daemon.start()
                try throughout(.seconds(1), "nothing more comes of it") {
                    try [one, two].allSatisfy {
                        let shown = try daemon.show($0)
                        return shown.health.givenUp.int == 2 && shown.backlog.pending.int == 0
                    }
                }
                let ids = Set(try receiver.deliveries().map(\.id))
                #expect(ids.count == 3)
            }
        }

        @Test func otherTenantsAndStarsHearNothing() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let source = try daemon.webhook(receiver.url("/status/410"), events: ["job.created"])
                _ = try daemon.webhook(receiver.url("/other"), events: ["webhook.*"], tenant: "other")
                _ = try daemon.webhook(receiver.url("/star"), events: ["*"])
                _ = try daemon.webhook(receiver.url("/told"), events: ["webhook.disabled"])
                try daemon.accept(event(id: "e"))
                try eventually("it is told") { try Self.told(receiver).count == 1 }
                #expect(try Self.told(receiver)[0].data.webhookId.string == source.id)
                #expect(try Self.told(receiver)[0].data.eventId.string == "e")
                #expect(try receiver.deliveries("/star").map(\.id) == ["e"])
                #expect(try receiver.deliveries("/other").isEmpty)
                let told = try receiver.deliveries("/told")[0]
                #expect(try daemon.api.json("GET", "/api/v1/webhooks/\(source.id)").state.string == "disabled")
                #expect(told.id.hasPrefix("evt_") && told.header("webhook-signature") != nil)
                // A producer can't say it.
                let refused = try daemon.send(event("webhook.disabled") + "\n")
                #expect(refused.first?.error.string == "unknown_event")
            }
        }
    }
}
