import Foundation
import Testing

extension EndToEnd {
    /// `/metrics` of a daemon at work.
    @Suite struct MetricsTests {
        @Test func everythingIsCounted() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(
                    "[events]\nextra = [\"invoice.paid\"]\n[delivery]\nretry-schedule = [\"100ms\",\"1h\"]")
                let fresh = try daemon.metrics()
                #expect(fresh["hookline_backlog_oldest_seconds"] == 0)
                #expect(fresh["hookline_ready"] == 1)
                #expect(fresh["process_start_time_seconds"].map { abs($0 - Date().timeIntervalSince1970) < 60 } == true)

                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url("/delay/30"), events: ["job.*"])
                _ = try daemon.webhook(receiver.url("/status/500"), events: ["application.created"])
                _ = try daemon.webhook(receiver.url(), events: ["job.closed"], isActive: false)
                for index in 0..<5 { try daemon.accept(event(id: "m\(index)")) }
                try daemon.send(
                    [
                        event(id: "m0"), "{", "", event("job.opened"), event("invoice.paid"),
                        event("application.created"),
                    ]
                    .joined(separator: "\n") + "\n")
                try eventually("two tries") { try receiver.deliveries("/status/500").count == 2 }
                try eventually("deliveries") { try daemon.status().deliveries.pending.int == 1 }
                usleep(1_100_000)
                let held = try daemon.connect()
                defer { held.close() }
                try eventually("a connection") { try daemon.metrics()["hookline_ingest_connections"] == 1 }

                let page = try daemon.metrics()
                #expect(page["hookline_events_accepted_total{event=\"job.created\"}"] == 5)
                #expect(page["hookline_events_accepted_total{event=\"invoice.paid\"}"] == 1)
                #expect(page["hookline_events_accepted_total{event=\"job.closed\"}"] == 0)
                #expect(page["hookline_events_refused_total{error=\"invalid_json\"}"] == 1)
                #expect(page["hookline_events_refused_total{error=\"unknown_event\"}"] == 1)
                #expect(page["hookline_events_duplicates_total"] == 1)
                #expect(page["hookline_ingest_blank_lines_total"] == 1)
                #expect(page["hookline_ids_remembered"] == 5)
                #expect(page["hookline_attempts_total{outcome=\"delivered\"}"] == 5)
                #expect(page["hookline_attempts_total{outcome=\"status\"}"] == 2)
                #expect(page.sum("hookline_attempts_total") == 7)
                #expect(page["hookline_deliveries_settled_total{result=\"delivered\"}"] == 5)
                #expect(page["hookline_delivery_latency_seconds_count"] == 5)
                #expect(page["hookline_delivery_latency_seconds_bucket{le=\"0.01\"}"] == 0)
                #expect(page["hookline_delivery_latency_seconds_bucket{le=\"2.5\"}"] == 5)
                #expect(page["hookline_backlog_deliveries"] == 1)
                #expect(page["hookline_backlog_oldest_seconds"].map { (1.0...30).contains($0) } == true)
                #expect(page["hookline_in_flight"] == 0)
                #expect(page["hookline_webhooks{state=\"active\"}"] == 2)
                #expect(page["hookline_webhooks{state=\"paused\"}"] == 1)
                #expect(page["hookline_journal_sync_seconds_count"].map { $0 >= 6 } == true)
                #expect(page["hookline_journal_segments"] == 1)
                #expect(page["hookline_journal_bytes"].map { $0 > 8192 } == true)
                #expect(page["hookline_journal_write_failures_total"] == 0)
                for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "threads"] {
                    #expect(page["process_\(name)"].map { $0 > 0 } == true, "\(name)")
                }
                #expect(page["process_resident_memory_bytes"].map { Int($0) } ?? 0 < 400 << 20)

                try daemon.api.json(
                    "DELETE", "/api/v1/webhooks/\(try daemon.status().failing[0].id.string ?? "")")
                let after = try daemon.metrics()
                #expect(after["hookline_deliveries_settled_total{result=\"cancelled\"}"] == 1)
                #expect(after["hookline_backlog_oldest_seconds"] == 0)
            }
        }

        @Test func countsStayWithTheirTypesWhenTheCatalogueChanges() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[events]\nextra = [\"a.one\",\"a.two\"]")
                try daemon.send("\(event("a.one"))\n\(event("a.two"))\n\(event("a.two"))\n")
                try daemon.configure("[events]\nextra = [\"a.two\",\"a.three\"]")
                try daemon.reload()
                try daemon.accept(event("a.two"))
                try eventually("three of it") {
                    try daemon.metrics()["hookline_events_accepted_total{event=\"a.two\"}"] == 3
                }
                let page = try daemon.metrics()
                #expect(page["hookline_events_accepted_total{event=\"a.three\"}"] == 0)
                #expect(page["hookline_events_accepted_total{event=\"a.one\"}"] == nil)
            }
        }

        /// The first event of a webhook that reads behind is the one that its cursor stands at.
        @Test func theOldestPendingEventIsKnownOverARestart() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                _ = try daemon.webhook("http://127.0.0.1:9/", isActive: false)
                try daemon.accept(event())
                usleep(700_000)
                try daemon.accept(event())
                try daemon.kill()
                try daemon.start()
                let age = try #require(try daemon.metrics()["hookline_backlog_oldest_seconds"])
                #expect((0.7...30).contains(age))
                let damage = try daemon.metrics().sum("hookline_journal_damage_total")
                #expect(damage == 0)
            }
        }
    }
}
