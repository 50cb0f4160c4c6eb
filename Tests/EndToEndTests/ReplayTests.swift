import Foundation
import Testing

extension EndToEnd {
    /// Given up is not gone: what has become of deliveries is on record, and can be delivered once more.
    @Suite struct ReplayTests {
        private static let twoTries = "[delivery]\nretry-schedule = [\"50ms\"]"

        /// All of a webhook's deliveries, page by page.
        private func deliveries(
            _ daemon: Daemon, _ webhook: Daemon.Registration, _ query: String = "", limit: Int = 50
        ) throws -> [JSON] {
            var found: [JSON] = []
            var cursor: String?
            repeat {
                let place = cursor.map { "&cursor=\($0)" } ?? ""
                let page = try daemon.api.json(
                    "GET", "/api/v1/webhooks/\(webhook.id)/deliveries?limit=\(limit)\(query)\(place)")
                guard page.data.array.count <= limit else { throw Unmet("a page has more than \(limit)") }
                found += page.data.array
                cursor = page.nextCursor.string
            } while cursor != nil
            return found
        }

        private func replay(_ daemon: Daemon, _ webhook: Daemon.Registration, _ body: String = "{}") throws -> JSON {
            try daemon.api.json("POST", "/api/v1/webhooks/\(webhook.id)/replay", body)
        }

        private func waitUntilDone(_ task: JSON, _ daemon: Daemon) throws {
            guard let number = task.task.int else { throw Unmet("no task: \(task)") }
            try eventually("the task is done", within: .seconds(20)) {
                try daemon.api.json("GET", "/api/v1/tasks/\(number)").status.string == "done"
            }
        }

        @Test func everyStatusIsOnRecord() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(Self.twoTries)
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/fail/2"))
                let begun = Date()
                try daemon.accept(event("job.created", id: "lost"))
                try eventually("it is given up") { try daemon.show(webhook).health.givenUp.int == 1 }
                try daemon.api.json(
                    "PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"url\":\(quoted(receiver.url("/good")))}")
                try daemon.accept(event("job.closed", id: "found"))
                try eventually("it is delivered") { try daemon.show(webhook).health.delivered.int == 1 }
                try daemon.api.json(
                    "PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"isActive\":false}")
                try daemon.accept(event("job.created", id: "waits"))
                try daemon.accept(event("job.created", id: "erased"))
                let erasure = try daemon.api.json("DELETE", "/api/v1/events/erased")
                try waitUntilDone(erasure, daemon)

                for _ in 0..<2 {
                    try eventually("all is on disk") { try deliveries(daemon, webhook).count == 4 }
                    let all = try deliveries(daemon, webhook, limit: 1)
                    #expect(all.map(\.status.string) == ["pending", "cancelled", "delivered", "given_up"])
                    #expect(all.map(\.eventId.string) == ["waits", nil, "found", "lost"])
                    let lost = all[3]
                    #expect(lost.reason.string == "tries_used_up")
                    #expect(lost.attempts.int == 2)
                    #expect(lost.lastStatus.int == 500)
                    #expect(lost.event.string == "job.created")
                    #expect(lost.acceptedAt.string.map { $0 < lost.settledAt.string ?? "" } == true)
                    #expect(all[2].lastStatus.int == 204)
                    #expect(all[2].reason.isNull)
                    #expect(all[0].waitsFor.string == "resume")
                    #expect(all[0].settledAt.isNull)
                    for status in ["pending", "cancelled", "delivered", "given_up", "skipped"] {
                        let some = try deliveries(daemon, webhook, "&status=\(status)")
                        #expect(some.count == (status == "skipped" ? 0 : 1), "\(status)")
                        #expect(some.allSatisfy { $0.status.string == status })
                    }
                    let early = ISO8601DateFormatter().string(from: begun.addingTimeInterval(-60))
                    #expect(try deliveries(daemon, webhook, "&since=\(early)").count == 4)
                    #expect(try deliveries(daemon, webhook, "&until=\(early)").isEmpty)
                    try daemon.kill()
                    try daemon.start()
                }
                let shown = try lab.hookline([
                    "webhooks", "deliveries", webhook.id, "--status", "given_up", "--since", "1h", "--api-socket",
                    daemon.apiSocket,
                ])
                #expect(shown.output.contains("tries_used_up"), "\(shown.errors)")
            }
        }

        @Test func whatIsPendingTellsWhatItWaitsFor() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"1h\"]")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/status/503"), more: "\"maxInFlight\":1")
                try daemon.accept(event(id: "retried"))
                try eventually("a try") { receiver.count == 1 }
                try daemon.api.json(
                    "PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"url\":\(quoted(receiver.url("/hang")))}")
                try daemon.accept(event(id: "flies"))
                try eventually("another") { receiver.count == 2 }
                try daemon.send((0..<5).map { event(id: "q\($0)") + "\n" }.joined())
                let all = try deliveries(daemon, webhook, "&status=pending", limit: 3)
                #expect(all.map(\.eventId.string) == ["q4", "q3", "q2", "q1", "q0", "flies", "retried"])
                #expect(all.map(\.waitsFor.string) == ["turn", "turn", "turn", "turn", "turn", "outcome", "retry"])
                #expect(all[6].attempts.int == 1)
                #expect(all[6].nextAttemptAt.string.map { $0 > (all[6].acceptedAt.string ?? "") } == true)
                #expect(all[0].nextAttemptAt.isNull)
            }
        }

        /// More than memory holds: the journal alone knows them.
        @Test func aLongBacklogIsListedFromTheJournal() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[journal]\nmax-bytes = \"16MiB\"")
                let webhook = try daemon.webhook("http://127.0.0.1:9/", isActive: false)
                _ = try daemon.webhook("http://127.0.0.1:9/", tenant: "bolt", isActive: false)
                let padding = String(repeating: "x", count: 2_000)
                var lines = ""
                for index in 0..<3_000 {
                    lines += event(
                        tenant: index % 3 == 0 ? "bolt" : "acme", id: "l\(index)", data: "{\"p\":\"\(padding)\"}")
                    lines += "\n"
                }
                #expect(try daemon.send(lines, within: .seconds(30)).count == 3_000)
                let wanted = (0..<3_000).filter { $0 % 3 != 0 }.reversed().map { "l\($0)" }
                let found = try deliveries(daemon, webhook, "&status=pending", limit: 150).map {
                    $0.eventId.string ?? ""
                }
                #expect(found.count == 2_000)
                #expect(found == wanted)
            }
        }

        @Test func whatWasDisplacedIsReplayable() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[journal]\nwebhook-backlog-max-bytes = \"1MiB\"")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url(), isActive: false)
                let padding = String(repeating: "x", count: 10_000)
                let lines = (0..<200).map { event(id: "d\($0)", data: "{\"p\":\"\(padding)\"}") + "\n" }
                #expect(try daemon.send(lines.joined()).allSatisfy { $0.ok.bool == true })
                try eventually("some are displaced") { try daemon.show(webhook).health.givenUp.int ?? 0 > 80 }
                try eventually("they are on record") {
                    let givenUp = try deliveries(daemon, webhook, "&status=given_up").count
                    let pending = try deliveries(daemon, webhook, "&status=pending").count
                    return givenUp + pending == 200 && givenUp > 80
                }
                let displaced = try deliveries(daemon, webhook, "&status=given_up")
                #expect(displaced.allSatisfy { $0.reason.string == "displaced" && $0.attempts.int == 0 })
                // The oldest were the ones to go; the newest of them comes first.
                #expect(displaced.last?.eventId.string == "d0")
                #expect(displaced.first?.eventId.string == "d\(displaced.count - 1)")

                let dry = try lab.hookline([
                    "webhooks", "replay", webhook.id, "--dry-run", "--api-socket", daemon.apiSocket,
                ])
                #expect(dry.output == "\(displaced.count) deliveries would be made once more.\n", "\(dry.errors)")
                try daemon.api.json("PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"isActive\":true}")
                try eventually("the others are delivered") { receiver.count == 200 - displaced.count }
                let task = try replay(daemon, webhook)
                #expect(task.count.int == displaced.count)
                try eventually("all are delivered") { Set(try receiver.deliveries().map(\.id)).count == 200 }
                try waitUntilDone(task, daemon)
                #expect(receiver.count == 200)
                try eventually("that is on record") { try replay(daemon, webhook, "{\"dryRun\":true}").count.int == 0 }
            }
        }

        @Test func anythingCanBeReplayedToANewWebhook() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                try daemon.send(
                    (0..<300).map { event($0 % 2 == 0 ? "job.created" : "job.closed", id: "n\($0)") + "\n" }
                        .joined() + event(tenant: "bolt", id: "other") + "\n")
                let webhook = try daemon.webhook(receiver.url(), events: ["job.closed"])
                #expect(try replay(daemon, webhook).count.int == 0)
                let task = try replay(daemon, webhook, "{\"status\":\"any\"}")
                #expect(task.count.int == 150)
                #expect(task.webhookId.string == webhook.id)
                try eventually("150 deliveries") { receiver.count == 150 }
                try waitUntilDone(task, daemon)
                try throughout(.milliseconds(300), "no more") { receiver.count == 150 }
                #expect(Set(try receiver.deliveries().map(\.id)) == Set((0..<150).map { "n\($0 * 2 + 1)" }))
                try eventually("that is on record") {
                    try deliveries(daemon, webhook, "&status=delivered").count == 150
                }
                // What has been delivered is not what was not delivered.
                #expect(try replay(daemon, webhook, "{\"dryRun\":true}").count.int == 0)
                #expect(try replay(daemon, webhook, "{\"dryRun\":true,\"status\":\"delivered\"}").count.int == 150)
                #expect(try daemon.metrics()["hookline_delivery_latency_seconds_count"] == 0)
            }
        }

        /// Killed while the lane has no room for all of it: what was not handed over yet is, afterwards.
        @Test func aReplaySurvivesAKill() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[journal]\nmax-bytes = \"8MiB\"")
                let receiver = try lab.receiver()
                let lines = (0..<2_500).map {
                    event(id: "r\($0)", data: "{\"p\":\"\(String(repeating: "y", count: 500))\"}") + "\n"
                }
                try daemon.send(lines.joined())
                let webhook = try daemon.webhook(receiver.url(), isActive: false)
                let task = try replay(daemon, webhook, "{\"status\":\"any\"}")
                #expect(task.count.int == 2_500)
                try eventually("the lane is full") { try daemon.show(webhook).backlog.pending.int == 1_024 }
                usleep(1_200_000)
                try daemon.kill()
                try daemon.start()
                #expect(try daemon.api.json("GET", "/api/v1/tasks/\(task.task.int ?? 0)").status.string == "pending")
                #expect(try daemon.show(webhook).backlog.pending.int ?? 0 >= 1_024)
                try daemon.api.json("PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"isActive\":true}")
                try eventually("all are delivered", within: .seconds(30)) {
                    Set(try receiver.deliveries().map(\.id)).count == 2_500
                }
                try waitUntilDone(task, daemon)
                // A few may have come twice.
                #expect(receiver.count < 2_800)
                try eventually("nothing is pending") { try daemon.status().deliveries.pending.int == 0 }
            }
        }

        @Test func oneEventOnceMore() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(Self.twoTries)
                let receiver = try lab.receiver()
                let first = try daemon.webhook(receiver.url("/first"), events: ["job.created"])
                let second = try daemon.webhook(receiver.url("/second"), events: ["job.closed"])
                try daemon.accept(event("job.created", id: "again"))
                try eventually("a delivery") { try daemon.show(first).health.delivered.int == 1 }
                let path = "/api/v1/events/again/replay"
                let answer = try daemon.api.call("POST", path)
                #expect(answer.status == 202)
                #expect(try answer.json.count.int == 1)
                try eventually("once more") { try daemon.show(first).health.delivered.int == 2 }
                let named = try lab.hookline([
                    "events", "replay", "again", "--webhook", second.id, "--api-socket", daemon.apiSocket,
                ])
                #expect(named.output.hasPrefix("1 delivery will be made once more: task "), "\(named.errors)")
                try eventually("to the one that is named") { try daemon.show(second).health.delivered.int == 1 }
                #expect(Set(try receiver.deliveries().map(\.id)) == ["again"])
                #expect(Set(try receiver.deliveries().map(\.body)).count == 1)

                _ = try daemon.webhook(receiver.url("/third"))
                try daemon.accept(event(tenant: "bolt", id: "again"))
                #expect(try daemon.api.call("POST", path).status == 409)
                #expect(try daemon.api.json("POST", path + "?tenantId=acme").count.int == 2)
                try eventually("the new one too") { try receiver.deliveries("/third").count == 1 }
                #expect(try daemon.api.call("POST", "/api/v1/events/unknown/replay").status == 404)
                #expect(
                    try daemon.api.call("POST", path + "?tenantId=bolt", "{\"webhookId\":\"\(first.id)\"}").status
                        == 404)
                #expect(try daemon.api.call("POST", path, "{\"webhook\":1}").status == 422)
            }
        }

        /// A lane that has given everything up is worth another try; what is given up again is on record twice.
        @Test func whatFailsAgainIsGivenUpAgain() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"20ms\"]\nmax-age = \"1s\"")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/status/500"))
                try daemon.accept(event(id: "bad"))
                try eventually("given up") { try daemon.show(webhook).health.givenUp.int == 1 }
                usleep(1_200_000)
                let task = try replay(daemon, webhook)
                #expect(task.count.int == 1)
                // Its age counts from the replay on: there is a second try, although the event is past delivery.max-age.
                try eventually("given up again") { try daemon.show(webhook).health.givenUp.int == 2 }
                #expect(receiver.count == 4)
                try eventually("on record") { try deliveries(daemon, webhook, "&status=given_up").count == 2 }
                #expect(try replay(daemon, webhook, "{\"dryRun\":true}").count.int == 1)
                try daemon.api.json("DELETE", "/api/v1/webhooks/\(webhook.id)")
                #expect(
                    try daemon.api.call("GET", "/api/v1/webhooks/\(webhook.id)/deliveries").status == 404)
            }
        }
    }
}
