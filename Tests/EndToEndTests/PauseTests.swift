import Foundation
import Testing

extension EndToEnd {
    /// Holding deliveries back: the whole host's, and one webhook's.
    @Suite struct PauseTests {
        @Test func thePausedHostStaysSoOverRestarts() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\ndrain-timeout = \"30s\"")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url())
                let socket = ["--api-socket", daemon.apiSocket]
                #expect(try daemon.status().isPaused.bool == false)
                let paused = try lab.hookline(["pause", "--json"] + socket)
                #expect(try JSON(paused.output).isPaused.bool == true, "\(paused.errors)")
                #expect(try daemon.accept(event(id: "waits")).webhooks.int == 1)
                // Twice is as good as once.
                #expect(try lab.hookline(["pause"] + socket).end == .exited(0))
                for round in 0..<3 {
                    try throughout(.milliseconds(200), "nothing goes out") { receiver.count == 0 }
                    #expect(try daemon.status().isPaused.bool == true)
                    let pending = try daemon.api.json("GET", "/api/v1/webhooks/\(webhook.id)/deliveries").data[0]
                    #expect(pending.waitsFor.string == "resume")
                    if round == 0 {
                        try daemon.kill()
                    } else {
                        // What is held back is nothing that a stop waits for.
                        let begun = ContinuousClock.now
                        try daemon.stop()
                        #expect(ContinuousClock.now - begun < .seconds(10))
                    }
                    try daemon.start()
                }
                let status = try lab.hookline(["status"] + socket)
                #expect(status.output.contains("All deliveries are paused"))
                #expect(try lab.hookline(["resume"] + socket).end == .exited(0))
                try eventually("it goes out") { try receiver.deliveries().map(\.id) == ["waits"] }
                try daemon.kill()
                try daemon.start()
                #expect(try daemon.status().isPaused.bool == false)
                try daemon.accept(event(id: "flows"))
                try eventually("it goes out") { try receiver.deliveries().last?.id == "flows" }
            }
        }

        @Test func retriesOfAPausedHostWaitToo() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"100ms\",\"100ms\"]")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/fail/1"))
                try daemon.accept(event(id: "once"))
                try daemon.api.json("POST", "/api/v1/pause")
                let count = receiver.count
                try throughout(.milliseconds(400), "no more attempts") { receiver.count <= max(1, count) }
                try daemon.api.json("POST", "/api/v1/resume")
                try eventually("it is delivered") { try daemon.show(webhook).health.delivered.int == 1 }
            }
        }

        @Test func aPausedWebhookStaysSoOverRestarts() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/one"), more: "\"ordering\":\"webhook\"")
                _ = try daemon.webhook(receiver.url("/two"))
                let socket = ["--api-socket", daemon.apiSocket]
                #expect(try lab.hookline(["webhooks", "pause", webhook.id] + socket).end == .exited(0))
                let ids = (0..<5).map { "w\($0)" }
                try daemon.send(ids.map { event(id: $0) + "\n" }.joined())
                try eventually("the other one gets them") { try receiver.deliveries("/two").count == 5 }
                for isKilled in [true, false] {
                    if isKilled { try daemon.kill() } else { try daemon.stop() }
                    try daemon.start()
                    #expect(try daemon.show(webhook).state.string == "paused")
                    try throughout(.milliseconds(200), "nothing goes out") {
                        try receiver.deliveries("/one").isEmpty
                    }
                }
                #expect(try lab.hookline(["webhooks", "resume", webhook.id] + socket).end == .exited(0))
                try eventually("all go out") { try receiver.deliveries("/one").map(\.id) == ids }
            }
        }
    }
}
