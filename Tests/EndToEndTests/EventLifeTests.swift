import Foundation
import Testing

extension EndToEnd {
    /// Seeing why: an event's whole life, and events as they come.
    @Suite struct EventLifeTests {
        private static let threeTries = "[delivery]\nretry-schedule = [\"50ms\", \"50ms\"]"

        private func life(_ daemon: Daemon, _ id: String, _ query: String = "") throws -> JSON {
            try daemon.api.json("GET", "/api/v1/events/\(id)\(query)")
        }

        private func waitUntil(_ status: String, _ daemon: Daemon, _ id: String) throws -> JSON {
            var last = try life(daemon, id)
            try eventually("\(id) is \(status)", within: .seconds(20)) {
                last = try life(daemon, id)
                return last.deliveries.array.contains { $0.status.string == status }
            }
            return last
        }

        @Test func theLivesOfSeveralEvents() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(Self.threeTries)
                let receiver = try lab.receiver()
                let third = try daemon.webhook(receiver.url("/fail/2"), events: ["job.created"])
                let never = try daemon.webhook(receiver.url("/status/503"), events: ["job.closed"])
                let gone = try daemon.webhook(receiver.url("/status/410"), events: ["application.*"])
                try daemon.accept(event("job.created", id: "third"))
                // To nobody; what a parser would stumble over.
                try daemon.accept(
                    event("job.created", tenant: "bolt", id: "odd", data: "{\"n\":1.50,\"n\":\"\\ud800\"}"))
                try daemon.accept(event("job.closed", id: "lost"))
                let made = try daemon.accept(event("application.scored"))
                try eventually("it is disabled") { try daemon.show(gone).state.string == "disabled" }
                try daemon.accept(event("application.scored", id: "skipped"))
                _ = try waitUntil("delivered", daemon, "third")
                _ = try waitUntil("given_up", daemon, "lost")
                let later = try daemon.webhook(receiver.url("/good"))

                for round in 0..<2 {
                    let answer = try daemon.api.call("GET", "/api/v1/events/odd")
                    let text = String(decoding: answer.body, as: UTF8.self)
                    #expect(text.hasSuffix(",\"data\":{\"n\":1.50,\"n\":\"\\ud800\"}}"))
                    for options in [[], ["--json"]] {
                        let odd = try lab.hookline(
                            ["events", "show", "odd", "--api-socket", daemon.apiSocket] + options)
                        #expect(odd.end == .exited(0) && odd.output.contains("\"n\": \"\\ud800\""), "\(odd.output)")
                    }
                    let shown = try lab.hookline(["events", "show", "third", "--api-socket", daemon.apiSocket])
                    #expect(shown.end == .exited(0), "\(shown.errors)")
                    #expect(shown.output.contains("from uid \(getuid()), pid "))
                    #expect(shown.output.contains("3 tries"), "\(shown.output)")
                    let lost = try life(daemon, "lost")
                    #expect(lost.producer.uid.int == Int(getuid()))
                    #expect(lost.producer.pid.int == Int(getpid()))
                    let delivery = lost.deliveries.array.first { $0.webhookId.string == never.id }
                    #expect(delivery?.status.string == "given_up")
                    #expect(delivery?.reason.string == "tries_used_up")
                    let history = delivery?.history.array ?? []
                    #expect(history.map(\.number.int) == [1, 2, 3])
                    #expect(history.map(\.decision.string) == ["retry", "retry", "settled"])
                    #expect(history.allSatisfy { $0.status.int == 503 && $0.error.string == "HTTP 503" })
                    #expect(history.allSatisfy { !$0.phases.firstByteMs.isNull })
                    let reasons = Dictionary(
                        uniqueKeysWithValues: lost.unmatched.array.map { ($0.webhookId.string ?? "", $0.reason.string) }
                    )
                    #expect(reasons == [third.id: "pattern", gone.id: "pattern", later.id: "created_later"])
                    let skipped = try life(daemon, "skipped")
                    #expect(skipped.deliveries.array.map(\.status.string) == ["skipped"])
                    let own = try life(daemon, made.id.string ?? "")
                    #expect(own.deliveries.array.map(\.status.string) == ["given_up"])
                    #expect(own.deliveries.array.first?.reason.string == "webhook_disabled")
                    guard round == 0 else { break }
                    try daemon.kill()
                    try daemon.start()
                }

                try daemon.api.json("POST", "/api/v1/events/lost/replay", "{\"webhookId\":\"\(later.id)\"}")
                try eventually("the replay is delivered") {
                    try life(daemon, "lost").deliveries.array.contains {
                        $0.webhookId.string == later.id && $0.status.string == "delivered" && $0.matched.bool == false
                    }
                }
                try daemon.api.json("DELETE", "/api/v1/webhooks/\(never.id)")
                let removed = try life(daemon, "lost").deliveries.array.first { $0.webhookId.isNull }
                #expect(removed?.status.string == "given_up" && removed?.history.array.count == 3)
            }
        }

        @Test func whatIsPending() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"1h\"]")
                let receiver = try lab.receiver()
                let refused = try daemon.webhook("http://127.0.0.1:\(try Lab.freePort())/")
                let paused = try daemon.webhook(receiver.url(), isActive: false)
                try daemon.accept(event(id: "waits"))
                try eventually("a try has failed") {
                    try life(daemon, "waits").deliveries.array.contains { $0.attempts.int == 1 }
                }
                let deliveries = try life(daemon, "waits").deliveries.array
                let first = deliveries.first { $0.webhookId.string == refused.id }
                #expect(first?.status.string == "pending" && first?.waitsFor.string == "retry")
                #expect(first?.history.array.first?.errorKind.string == "connect")
                #expect(first?.history.array.first?.phases.connectMs.isNull == false)
                #expect(first?.nextAttemptAt.isNull == false)
                let second = deliveries.first { $0.webhookId.string == paused.id }
                #expect(second?.status.string == "pending" && second?.waitsFor.string == "resume")
            }
        }

        @Test func severalTenantsHaveTheID() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                try daemon.accept(event(tenant: "acme", id: "both"))
                try daemon.accept(event(tenant: "bolt", id: "both"))
                let answer = try daemon.api.call("GET", "/api/v1/events/both")
                #expect(answer.status == 409)
                #expect(try answer.json.tenants.strings == ["acme", "bolt"])
                #expect(try life(daemon, "both", "?tenantId=bolt").tenantId.string == "bolt")
                #expect(try daemon.api.call("GET", "/api/v1/events/both?tenantId=core").status == 404)
                #expect(try daemon.api.call("GET", "/api/v1/events/never").status == 404)
                let shown = try lab.hookline(["events", "show", "both", "--api-socket", daemon.apiSocket])
                #expect(shown.end == .exited(1) && shown.errors.contains("acme, bolt"))
            }
        }

        /// Over many segments, some of them written anew; and what is erased is not found.
        @Test func afterCompactionAndErasing() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[journal]\nmax-bytes = \"4MiB\"\n" + Self.threeTries)
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url("/fail/1"), events: ["job.created"])
                try daemon.accept(event("job.created", id: "old", data: "{\"m\":\"MARK\"}"))
                try daemon.accept(event("job.created", id: "erased"))
                _ = try waitUntil("delivered", daemon, "old")
                let padding = String(repeating: "x", count: 4_000)
                try daemon.send(
                    (0..<500).map { event("job.closed", id: "n\($0)", data: "{\"p\":\"\(padding)\"}") + "\n" }.joined())
                let task = try daemon.api.json("DELETE", "/api/v1/events/erased")
                try eventually("it is erased", within: .seconds(20)) {
                    try daemon.api.json("GET", "/api/v1/tasks/\(task.task.int ?? 0)").status.string == "done"
                }
                #expect(try daemon.api.call("GET", "/api/v1/events/erased").status == 404)
                let old = try life(daemon, "old")
                #expect(old.deliveries.array.first?.history.array.map(\.outcome.string) == ["failed", "delivered"])
                #expect(try life(daemon, "n499").deliveries.array.isEmpty)
                let status = try daemon.status()
                #expect((status.journal.segments.int ?? 0) > 1)
            }
        }

        @Test func eventsAreFollowedUntilTheEnd() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let all = try lab.start([
                    Package.executable, "events", "tail", "--json", "--api-socket", daemon.apiSocket,
                ])
                let some = try lab.start([
                    Package.executable, "events", "tail", "--tenant", "bolt", "--event", "job.*", "--api-socket",
                    daemon.apiSocket,
                ])
                var sent = 0
                try eventually("both follow") {
                    sent += 1
                    try daemon.accept(event("job.created", tenant: "bolt", id: "probe-\(sent)"))
                    return all.output.contains("probe-") && some.output.contains("probe-")
                }
                try daemon.accept(event("job.created", tenant: "acme", id: "theirs"))
                try daemon.accept(event("application.scored", tenant: "bolt", id: "other"))
                try daemon.accept(event("job.closed", tenant: "bolt", id: "last"))
                try eventually("all is shown") { all.output.contains("last") && some.output.contains("last") }
                for line in all.output.split(separator: "\n") {
                    #expect(try JSON(Array(line.utf8)).webhooks.int == 0)
                }
                #expect(all.output.contains("theirs") && all.output.contains("other"))
                #expect(!some.output.contains("theirs") && !some.output.contains("other"))
                some.signal(SIGINT)
                #expect(try some.wait(within: .seconds(10)) == .exited(0))
                #expect(some.errors == "")
                #expect(try daemon.stop() == .exited(0))
                #expect(try all.wait(within: .seconds(10)) == .exited(0))
                #expect(all.errors.contains("the daemon has stopped"))
                let none = try lab.hookline(["events", "tail", "--api-socket", daemon.apiSocket])
                #expect(none.end == .exited(69))
            }
        }

        /// Who follows and reads nothing costs producers and receivers nothing.
        @Test func whoReadsNothingIsInNobodysWay() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let stuck = try UnixSocketClient(daemon.apiSocket)
                defer { stuck.close() }
                try stuck.send("GET /api/v1/events?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try daemon.accept(event(id: "first"))
                // Small ones, so that what waits for the one who follows is more than its bound and its socket hold.
                for round in 0..<20 {
                    let lines = (0..<2_000).map { event(id: "n\(round)-\($0)") + "\n" }.joined()
                    let replies = try daemon.send(lines, within: .seconds(30))
                    #expect(replies.count == 2_000 && replies.allSatisfy { $0.ok.bool == true })
                }
                #expect(try life(daemon, "n19-1999").id.string == "n19-1999")
                #expect(try daemon.stop() == .exited(0))
            }
        }
    }
}
