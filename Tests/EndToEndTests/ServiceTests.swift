import Foundation
import Testing

extension EndToEnd {
    /// systemd's protocol: sd_notify(3), sd_watchdog_enabled(3).
    @Suite struct ServiceTests {
        private static func monotonicMicroseconds() -> Int {
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            return now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
        }

        @Test func theLifeOfAService() throws {
            try Lab.run { lab in
                let manager = try NotifySocket(in: lab.directory)
                let daemon = try lab.idleDaemon()
                let child = try daemon.launch(environment: ["NOTIFY_SOCKET": manager.path])
                let start = try manager.messages(until: "READY", within: .seconds(20))
                // At the first attempt, without waiting.
                let events = try daemon.connect()
                #expect(try daemon.api.call("GET", "/readyz").status == 200)
                #expect(start.count == 1)
                #expect(start[0]["READY"] == "1")
                #expect(start[0]["STATUS"]?.isEmpty == false)
                try events.send(event() + "\n")
                #expect(try events.readLine()?.contains("\"ok\":true") == true)

                let before = Self.monotonicMicroseconds()
                child.signal(SIGHUP)
                let reload = try manager.messages(until: "READY")
                let after = Self.monotonicMicroseconds()
                #expect(reload.count == 2)
                #expect(reload.first?["RELOADING"] == "1")
                let told = try #require(reload.first?["MONOTONIC_USEC"].flatMap { Int($0) })
                #expect((before...after).contains(told))
                #expect(reload.last?["READY"] == "1")

                child.signal(SIGTERM)
                let end = try manager.messages(until: "STOPPING")
                #expect(end.last?["STOPPING"] == "1")
                #expect(end.last?["STATUS"]?.isEmpty == false)
                #expect(try child.wait() == .exited(0))
                #expect(end.allSatisfy { $0["WATCHDOG"] == nil })
            }
        }

        @Test func aDiskThatFailsIsToldWithItsReason() throws {
            try Lab.run { lab in
                let manager = try NotifySocket(in: lab.directory)
                let daemon = try lab.idleDaemon()
                _ = try daemon.launch(environment: ["NOTIFY_SOCKET": manager.path])
                _ = try manager.messages(until: "READY", within: .seconds(20))
                try daemon.accept(event(id: "before"))
                let journal = "\(daemon.stateDirectory)/journal"
                try FileManager.default.moveItem(atPath: journal, toPath: "\(daemon.stateDirectory)/elsewhere")
                let refused = try daemon.send(event(id: "lost") + "\n")
                #expect(refused.first?.ok.bool == false)
                #expect(refused.first?.error.string == "storage_error")
                #expect(refused.first?.retryAfterMs.int ?? 0 > 0)
                let trouble = try manager.messages(until: "STATUS")
                #expect(trouble.last?["STATUS"]?.hasPrefix("refusing events: the journal can't be written") == true)
                let ready = try daemon.api.call("GET", "/readyz")
                #expect(ready.status == 503)
                #expect(String(decoding: ready.body, as: UTF8.self).contains(journal))
                #expect(try daemon.status().trouble.string?.contains(journal) == true)

                try FileManager.default.moveItem(atPath: "\(daemon.stateDirectory)/elsewhere", toPath: journal)
                let better = try manager.messages(until: "STATUS")
                #expect(better.last?["STATUS"] == "accepting events")
                try eventually("it is ready") { try daemon.api.call("GET", "/readyz").status == 200 }
                try daemon.accept(event(id: "after"))
                try daemon.kill()
                try daemon.start()
                #expect(try daemon.accept(event(id: "before")).duplicate.bool == true)
                #expect(try daemon.accept(event(id: "after")).duplicate.bool == true)
                #expect(try daemon.accept(event(id: "lost")).duplicate.isThere == false)
            }
        }

        @Test func aReloadThatFailsIsToldToo() throws {
            try Lab.run { lab in
                let manager = try NotifySocket(in: lab.directory)
                let daemon = try lab.idleDaemon()
                let child = try daemon.launch(environment: ["NOTIFY_SOCKET": manager.path])
                _ = try manager.messages(until: "READY", within: .seconds(20))
                try daemon.configure("[log]\nlevel = \"loud\"")
                child.signal(SIGHUP)
                // systemctl reload waits for both, whatever came of it.
                let reload = try manager.messages(until: "READY")
                #expect(reload.first?["RELOADING"] == "1")
                #expect(reload.last?["STATUS"]?.contains("not reloaded, the old settings stay: ") == true)
            }
        }

        @Test func theStatusFollowsWithoutAWatchdog() throws {
            try Lab.run { lab in
                let manager = try NotifySocket(in: lab.directory)
                let receiver = try lab.receiver()
                let daemon = try lab.idleDaemon("[delivery]\nretry-schedule = [\"50ms\", \"50ms\", \"50ms\"]")
                _ = try daemon.launch(environment: ["NOTIFY_SOCKET": manager.path])
                let start = try manager.messages(until: "READY", within: .seconds(20))
                #expect(start.last?["STATUS"] == "accepting events")
                _ = try daemon.api.call("POST", "/api/v1/pause")
                #expect(
                    try manager.messages(until: "STATUS").last?["STATUS"] == "accepting events; all deliveries paused")
                _ = try daemon.api.call("POST", "/api/v1/resume")
                #expect(try manager.messages(until: "STATUS").last?["STATUS"] == "accepting events")
                let webhook = try daemon.webhook(receiver.url("/status/500"))
                for _ in 0..<20 { try daemon.accept(event()) }
                let failing = try manager.messages(until: "STATUS", within: .seconds(20))
                #expect(failing.last?["STATUS"] == "accepting events; 1 webhook failing")
                _ = try daemon.api.call("DELETE", "/api/v1/webhooks/\(webhook.id)")
                #expect(try manager.messages(until: "STATUS").last?["STATUS"] == "accepting events")
                // Nothing comes by time alone.
                #expect(manager.next(within: .seconds(1)) == nil)
            }
        }

        @Test func aStopThatDrainsAsksForTime() throws {
            try Lab.run { lab in
                let manager = try NotifySocket(in: lab.directory)
                let receiver = try lab.receiver()
                let daemon = try lab.idleDaemon("[delivery]\ndrain-timeout = \"3s\"")
                try daemon.start(environment: ["NOTIFY_SOCKET": manager.path])
                _ = try daemon.webhook(receiver.url("/hang"))
                try daemon.accept(event())
                try eventually("it is in flight") { try daemon.status().deliveries.inFlight.int == 1 }
                try daemon.running().signal(SIGTERM)
                _ = try manager.messages(until: "STOPPING")
                let began = ContinuousClock.now
                var asked: [Int] = []
                while ContinuousClock.now - began < .seconds(4), let message = manager.next(within: .seconds(2)) {
                    asked += message["EXTEND_TIMEOUT_USEC"].flatMap { Int($0) }.map { [$0] } ?? []
                    if message["EXTEND_TIMEOUT_USEC"] != nil {
                        #expect(message["STATUS"]?.contains("attempts in flight: 1") == true, "\(message)")
                    }
                }
                #expect(asked.count == 2)
                #expect(asked.allSatisfy { $0 == 30_000_000 })
                #expect(try daemon.running().wait() == .exited(0))
            }
        }

        @Test func theWatchdogIsFed() throws {
            try Lab.run { lab in
                let manager = try NotifySocket(in: lab.directory)
                let daemon = try lab.idleDaemon()
                let variables = ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "600000"]
                let child = try daemon.launch(environment: variables)
                _ = try manager.messages(until: "READY", within: .seconds(20))
                var times: [ContinuousClock.Instant] = []
                let begun = ContinuousClock.now
                while ContinuousClock.now - begun < .seconds(2.2) {
                    guard let message = manager.next(within: .seconds(1)) else { throw Unmet("no sign of life") }
                    if message["WATCHDOG"] == "1" { times.append(.now) }
                    // Busy or not.
                    try daemon.send((0..<200).map { _ in event() + "\n" }.joined())
                }
                #expect((5...12).contains(times.count))
                for (one, next) in zip(times, times.dropFirst()) { #expect(next - one < .milliseconds(600)) }
                // Stopped for a while, it does not pretend to have lived.
                kill(child.pid, SIGSTOP)
                while manager.next(within: .milliseconds(50)) != nil {}
                #expect(manager.next(within: .milliseconds(700)) == nil)
                kill(child.pid, SIGCONT)
                #expect(try manager.messages(until: "WATCHDOG").last?["WATCHDOG"] == "1")
            }
        }

        @Test func withoutAManagerNothingIsSent() throws {
            try Lab.run { lab in
                let manager = try NotifySocket(in: lab.directory)
                let daemon = try lab.daemon()
                #expect(try daemon.stop() == .exited(0))
                #expect(manager.next(within: .milliseconds(50)) == nil)
                // Nor does a manager that is gone stop the start.
                try daemon.start(environment: [
                    "NOTIFY_SOCKET": "\(lab.directory.path)/gone", "WATCHDOG_USEC": "100000",
                ])
                try daemon.accept(event())
            }
        }

        @Test func directoriesAreTakenFromTheManager() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon("[ingest]\nmax-line-bytes = \"1KiB\"")
                let base = lab.directory.path
                try FileManager.default.createDirectory(atPath: "\(base)/etc", withIntermediateDirectories: true)
                try FileManager.default.moveItem(atPath: daemon.configurationPath, toPath: "\(base)/etc/hookline.toml")
                let child = try lab.start(
                    [Package.executable, "serve"],
                    environment: [
                        "STATE_DIRECTORY": "\(base)/state", "RUNTIME_DIRECTORY": daemon.runtimeDirectory,
                        "CONFIGURATION_DIRECTORY": "\(base)/etc", "JOURNAL_STREAM": "1:2",
                    ])
                try eventually("it is ready") { child.errors.contains("ready") }
                #expect(exists("\(base)/state/journal"))
                let long = event(data: "{\"a\":\"\(String(repeating: "x", count: 1_024))\"}")
                #expect(try daemon.send(long + "\n").map(\.error.string) == ["line_too_long"])
                // That is another process's stream: this one's standard error is no journal, and needs the time.
                #expect(
                    child.errors.split(separator: "\n").allSatisfy { $0.wholeMatch(of: /2\d{3}-.*Z [a-z]+ .*/) != nil })
            }
        }
    }
}
