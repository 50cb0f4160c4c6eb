import Foundation
import Testing

extension EndToEnd {
    /// What an acknowledgement promises.
    @Suite struct DurabilityTests {
        @Test func acknowledgedEventsSurviveAKill() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"100ms\",\"200ms\",\"30m\"]")
                let port = try Lab.freePort()
                let webhook = try daemon.webhook("http://127.0.0.1:\(port)/")
                let lines = (0..<300).map { event(id: "k\($0)", data: "{\"n\":\($0)}") + "\n" }
                #expect(try daemon.send(lines.joined()).allSatisfy { $0.ok.bool == true })
                try daemon.kill()

                let receiver = try lab.receiver(port: port)
                try receiver.use(secret: webhook.secret)
                try daemon.start()
                try eventually("all are delivered") {
                    Set(try receiver.deliveries().map(\.id)).count == 300
                }
                #expect(try receiver.deliveries().allSatisfy(\.isGenuine))
                try eventually("nothing is pending") { try daemon.status().deliveries.pending.int == 0 }
            }
        }

        @Test func killedInTheMiddleOfWriting() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url())
                var acknowledged: Set<String> = []
                for round in 0..<3 {
                    let connection = try daemon.connect()
                    let reading = Background { try connection.readToEnd() }
                    let lines = (0..<2_000).map { event(id: "m\(round)-\($0)", data: "{\"n\":\($0)}") + "\n" }
                    let writing = Background { try connection.send(lines.joined()) }
                    try eventually("some are delivered") { receiver.count > round * 200 + 50 }
                    try daemon.kill()
                    // It fails if the daemon was killed before all of it was written.
                    _ = try? writing.value()
                    for line in try reading.value().split(separator: 0x0A) {
                        // The last one may be cut short.
                        guard let reply = try? JSON(Array(line)), reply.ok.bool == true else { continue }
                        acknowledged.insert(reply.id.string ?? "")
                    }
                    try daemon.start()
                }
                #expect(acknowledged.count > 100)
                try eventually("all that was acknowledged is delivered", within: .seconds(20)) {
                    acknowledged.isSubset(of: try receiver.deliveries().map(\.id))
                }
            }
        }

        @Test func whatIsSettledIsNotDeliveredAgain() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url())
                let line = event(id: "once", data: "{\"n\":1}")
                try daemon.accept(line)
                for index in 0..<50 { try daemon.accept(event(id: "o\(index)")) }
                try eventually("all are delivered") { receiver.count == 51 }
                #expect(try daemon.stop() == .exited(0))
                try daemon.start()
                #expect(try daemon.accept(line).duplicate.bool == true)
                #expect(
                    try daemon.send(event(id: "once", data: "{\"n\":2}") + "\n").first?.error.string == "id_conflict")
                try daemon.accept(event(id: "new"))
                try eventually("the new one is delivered") { receiver.count == 52 }
                try throughout(.milliseconds(300), "nothing is delivered again") { receiver.count == 52 }

                // The same after a kill, once the outcome has had its time to reach the disk.
                usleep(150_000)
                try daemon.kill()
                try daemon.start()
                #expect(try daemon.accept(event(id: "new")).duplicate.bool == true)
                try throughout(.milliseconds(300), "nothing is delivered again") { receiver.count == 52 }
            }
        }

        @Test func retriesFollowTheSchedule() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"100ms\",\"400ms\"]")
                let receiver = try lab.receiver()
                let failing = try daemon.webhook(receiver.url("/status/503"), events: ["job.created"])
                let recovering = try daemon.webhook(receiver.url("/fail/2"), events: ["job.closed"])
                try daemon.accept(event("job.created", id: "lost"))
                try daemon.accept(event("job.closed", id: "found"))
                try eventually("it is given up") { try daemon.show(failing).health.givenUp.int == 1 }
                try eventually("the other one is delivered") { try daemon.show(recovering).health.delivered.int == 1 }

                for path in ["/status/503", "/fail/2"] {
                    let attempts = try receiver.deliveries(path)
                    #expect(attempts.count == 3)
                    let pauses = zip(attempts, attempts.dropFirst()).map { $1.at - $0.at }
                    // ±20 %, and what a busy machine adds.
                    #expect((79...320).contains(pauses[0]), "\(pauses)")
                    #expect((319...680).contains(pauses[1]), "\(pauses)")
                    #expect(Set(attempts.map(\.id)).count == 1)
                    #expect(Set(attempts.map(\.body)).count == 1)
                }
                let health = try daemon.show(failing).health
                #expect(health.lastFailure.string == "HTTP 503: not today")
                #expect(health.consecutiveFailures.int == 3)
                #expect(try daemon.show(recovering).health.consecutiveFailures.int == 0)
                let status = try daemon.status()
                #expect(status.deliveries.givenUp.int == 1)
                #expect(status.deliveries.delivered.int == 1)
                #expect(status.deliveries.pending.int == 0)
                #expect(status.deliveries.failedAttempts.int == 5)
                #expect(status.failing[0].id.string == failing.id)
                #expect(daemon.log.contains("given up"))
            }
        }

        @Test func stoppingDrainsFirst() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url("/delay/400"))
                let idle = try daemon.connect()
                try daemon.accept(event(id: "slow"))
                try eventually("the attempt has begun") { receiver.count == 1 }
                try idle.send(event(id: "last"))
                #expect(try daemon.stop() == .exited(0))
                #expect(!exists(daemon.eventsSocket))
                #expect(!exists(daemon.apiSocket))
                // What a producer had written is taken and answered at the end, even without its LF.
                #expect(try idle.readLine() == "{\"ok\":true,\"id\":\"last\",\"webhooks\":1}")
                #expect(try idle.readLine() == nil)
                try daemon.start()
                try eventually("the last one is delivered") {
                    try receiver.deliveries().contains { $0.id == "last" }
                }
                try throughout(.milliseconds(500), "the slow one is not repeated") {
                    try receiver.deliveries().count { $0.id == "slow" } == 1
                }
            }
        }

        @Test func stoppingDoesNotWaitForADeadReceiver() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\ndrain-timeout = \"300ms\"")
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url("/hang"))
                try daemon.accept(event(id: "hung"))
                try eventually("the attempt has begun") { receiver.count == 1 }
                let begun = ContinuousClock.now
                #expect(try daemon.stop() == .exited(0))
                #expect(ContinuousClock.now - begun < .seconds(3))
                try daemon.start()
                try eventually("it is tried again") { receiver.count == 2 }
            }
        }

        @Test func webhooksSurviveAKillRightAfterTheAnswer() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                var ids: [String] = []
                for round in 0..<3 {
                    let webhook = try daemon.webhook(receiver.url("/\(round)"), tenant: "t\(round)")
                    try daemon.kill()
                    ids.append(webhook.id)
                    try daemon.start()
                    try receiver.use(secret: webhook.secret)
                    try daemon.accept(event(tenant: "t\(round)"))
                    try eventually("a delivery") { try receiver.deliveries("/\(round)").count == 1 }
                    #expect(try receiver.deliveries("/\(round)")[0].isGenuine)
                }
                let gone = ids.removeFirst()
                try daemon.api.json("DELETE", "/api/v1/webhooks/\(gone)")
                try daemon.kill()
                try daemon.start()
                let listed = try daemon.api.json("GET", "/api/v1/webhooks").data.array.map(\.id.string)
                #expect(Set(listed) == Set(ids))
            }
        }
    }
}
