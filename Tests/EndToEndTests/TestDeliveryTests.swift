import Foundation
import Testing

extension EndToEnd {
    /// Trying a webhook out, past its queue.
    @Suite struct TestDeliveryTests {
        private func test(_ daemon: Daemon, _ webhook: Daemon.Registration, _ body: String = "{}") throws -> JSON {
            try daemon.api.json("POST", "/api/v1/webhooks/\(webhook.id)/test", body)
        }

        @Test func aSampleArrivesSignedAndLeavesNoTrace() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/good"))
                try receiver.use(secret: webhook.secret)
                let answer = try test(daemon, webhook, #"{"event":"job.closed"}"#)
                #expect(answer.outcome.string == "delivered" && answer.status.int == 204)
                let delivery = try #require(try receiver.deliveries("/good").first)
                #expect(delivery.header("webhook-id") == answer.eventId.string)
                #expect(delivery.isGenuine)
                let body = try JSON(delivery.body)
                #expect(body.event.string == "job.closed" && body.tenantId.string == "acme")
                #expect(body.data.jobId.string != nil)
                #expect(try daemon.show(webhook).health.delivered.int == 0)
                #expect(try daemon.api.json("GET", "/api/v1/webhooks/\(webhook.id)/deliveries").data.array.isEmpty)
            }
        }

        @Test func aPausedOneIsTriedToo() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/good"))
                try daemon.api.json("PATCH", "/api/v1/webhooks/\(webhook.id)", #"{"isActive":false}"#)
                #expect(try test(daemon, webhook).outcome.string == "delivered")
                #expect(try receiver.deliveries("/good").count == 1)
            }
        }

        @Test func aFailureSaysWhyAndCountsForNothing() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/status/503"))
                let answer = try test(daemon, webhook)
                #expect(answer.outcome.string == "failed" && answer.status.int == 503)
                #expect(answer.errorKind.string == "status")
                #expect(answer.error.string?.contains("503") == true)
                #expect(try daemon.show(webhook).health.consecutiveFailures.int == 0)

                let dead = try daemon.webhook("http://127.0.0.1:\(try Lab.freePort())/")
                #expect(try test(daemon, dead).errorKind.string == "connect")
            }
        }

        @Test func theCommand() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let good = try daemon.webhook(receiver.url("/good"))
                let bad = try daemon.webhook(receiver.url("/status/500"))
                let environment = ["HOOKLINE_API_SOCKET": daemon.apiSocket]
                let sent = try lab.hookline(
                    ["webhooks", "test", good.id, "--event", "job.closed"], environment: environment)
                #expect(sent.end == .exited(0), "\(sent.errors)")
                #expect(sent.output.hasPrefix("Delivered: job.closed as test_"))
                let failed = try lab.hookline(["webhooks", "test", bad.id], environment: environment)
                #expect(failed.end == .exited(1))
                #expect(failed.output.contains("500"))
            }
        }
    }
}
