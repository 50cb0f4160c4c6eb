import Foundation
import Testing

extension EndToEnd {
    /// What the journal gets: systemd.journal-fields(7).
    @Suite(.enabled(if: geteuid() == 0, "a mount namespace is root's")) struct JournalLoggingTests {
        private func environment(of daemon: Daemon) throws -> [String: String] {
            try JournalSocket.variable(standardError: "\(daemon.directory.path)/\(daemon.name)-log.err")
        }

        @Test func entriesHaveFields() throws {
            try Lab.run { lab in
                let journal = try JournalSocket(in: lab.directory)
                let receiver = try lab.receiver()
                let daemon = try lab.idleDaemon("[delivery]\nretry-schedule = [\"100ms\", \"100ms\"]")
                try daemon.start(environment: environment(of: daemon), through: journal.through)
                let ready = try journal.entry("ready ")
                #expect(ready["PRIORITY"] == "5")
                #expect(ready["SYSLOG_IDENTIFIER"] == "hookline")
                #expect(ready["MESSAGE_ID"] == "753cc8b144d9328d1c540eef04232806")
                #expect(ready["HOOKLINE_STATE"] == daemon.stateDirectory)
                #expect(ready["MESSAGE"]?.contains("state=\(daemon.stateDirectory)") == true)
                #expect(ready["CODE_FILE"] == nil)

                let webhook = try daemon.webhook(receiver.url("/status/500"))
                let created = try journal.entry("webhook created ")
                #expect(created["HOOKLINE_WEBHOOK"] == webhook.id)
                #expect(created["HOOKLINE_TENANT"] == "acme")
                #expect(created["MESSAGE_ID"] == "cedf831e791364060c7ace5c23557097")
                try daemon.accept(event(id: "e-1", data: "{\"secret\":\"payload-inside\"}"))
                let failed = try journal.entry("delivery attempt failed ")
                #expect(failed["PRIORITY"] == "6")
                #expect(failed["MESSAGE_ID"] == "7ea0985aa1e7ca87abe678729be952cf")
                #expect(failed["HOOKLINE_WEBHOOK"] == webhook.id)
                #expect(failed["HOOKLINE_TENANT"] == "acme")
                #expect(failed["HOOKLINE_EVENT"] == "e-1")
                #expect(failed["HOOKLINE_ATTEMPT"] == "1")
                #expect(failed["HOOKLINE_OUTCOME"] == "status")
                #expect(failed["HOOKLINE_STATUS"] == "500")
                #expect(failed["MESSAGE"]?.contains("webhook=\(webhook.id)") == true)
                let givenUp = try journal.entry("delivery given up ")
                #expect(givenUp["PRIORITY"] == "4")
                #expect(givenUp["MESSAGE_ID"] == "70ffa8b53340d3f7442b7697fd281645")
                #expect(givenUp["HOOKLINE_OUTCOME"] == "tries_used_up")
                #expect(givenUp["HOOKLINE_EVENT"] == "e-1")

                _ = try daemon.api.call("POST", "/api/v1/pause")
                #expect(try journal.entry("all deliveries paused")["MESSAGE_ID"] == "87291c0c40c4a85c41b71dac1793f9ef")
                _ = try daemon.api.call("POST", "/api/v1/resume")
                #expect(try journal.entry("deliveries go on")["MESSAGE_ID"] == "ccbb462fc0997f7c78ff0ddd43181ab1")
                try daemon.configure("[log]\nlevel = \"loud\"")
                try daemon.running().signal(SIGHUP)
                let kept = try journal.entry("configuration not reloaded: the old settings stay ")
                #expect(kept["PRIORITY"] == "3")
                #expect(kept["MESSAGE_ID"] == "18f4127d2842d22f772b140140fda2a3")
                #expect(try daemon.stop() == .exited(0))
                let rest = journal.drain()
                #expect(rest.last?["MESSAGE_ID"] == "1713f5da32af3dd5e4fd14618a4d588e", "\(rest)")
                // All of it went there, and nothing of what is secret went anywhere.
                #expect(daemon.log.isEmpty)
                let everything = "\([ready, created, failed, givenUp, kept] + rest)"
                #expect(!everything.contains("payload-inside"))
                #expect(!everything.contains(webhook.secret))
            }
        }

        @Test func aReceiverThatFailsOftenIsLoggedWithinBounds() throws {
            try Lab.run { lab in
                let journal = try JournalSocket(in: lab.directory)
                let receiver = try lab.receiver()
                let daemon = try lab.idleDaemon("[delivery]\nretry-schedule = []")
                try daemon.start(environment: environment(of: daemon), through: journal.through)
                let failing = try daemon.webhook(receiver.url("/status/500"))
                try daemon.send((0..<300).map { _ in event() + "\n" }.joined(), within: .seconds(20))
                try eventually("they are given up, or wait behind the breaker", within: .seconds(20)) {
                    let breaker = try daemon.show(failing).health.breaker.string
                    return try daemon.status().deliveries.givenUp.int ?? 0 > 15 || breaker == "open"
                }
                let entries = journal.drain().filter { $0["HOOKLINE_WEBHOOK"] == failing.id }
                let attempts = entries.filter { $0["MESSAGE_ID"] == "7ea0985aa1e7ca87abe678729be952cf" }
                let givenUp = entries.filter { $0["MESSAGE_ID"] == "70ffa8b53340d3f7442b7697fd281645" }
                #expect((1...10).contains(attempts.count))
                #expect((1...10).contains(givenUp.count))
            }
        }

        @Test func aJournalThatTakesNothingHoldsNobodyUp() throws {
            try Lab.run { lab in
                let journal = try JournalSocket(in: lab.directory)
                let daemon = try lab.idleDaemon("[log]\nlevel = \"debug\"")
                try daemon.start(environment: environment(of: daemon), through: journal.through)
                // Nobody reads there: after some lines the socket is full.
                for _ in 0..<2_000 { _ = try daemon.api.call("GET", "/healthz") }
                for _ in 0..<10 { try daemon.accept(event()) }
                let began = ContinuousClock.now
                #expect(try daemon.stop() == .exited(0))
                #expect(ContinuousClock.now - began < .seconds(4))
                // What could not be kept is missing in the middle, and what did come is in order.
                let entries = journal.drain()
                #expect(entries.first?["MESSAGE"]?.isEmpty == false)
            }
        }

        @Test func whatWasLostIsCounted() throws {
            try Lab.run { lab in
                let journal = try JournalSocket(in: lab.directory)
                let daemon = try lab.idleDaemon("[log]\nlevel = \"debug\"")
                try daemon.start(environment: environment(of: daemon), through: journal.through)
                for _ in 0..<2_000 { _ = try daemon.api.call("GET", "/healthz") }
                let entries = journal.drain()
                let lost = entries.first { $0["MESSAGE"]?.hasPrefix("log lines were lost") == true }
                let count = lost?["HOOKLINE_COUNT"].flatMap { Int($0) } ?? 0
                let requests = entries.count { $0["MESSAGE"]?.hasPrefix("API request") == true }
                #expect(count > 0)
                // Some others are about.
                #expect(requests + count >= 2_000)
            }
        }

        @Test func withoutAJournalLinesGoToStandardError() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon()
                try daemon.start(environment: environment(of: daemon), through: JournalSocket.none)
                try eventually("it says so") { daemon.log.contains("ready") }
                #expect(daemon.log.split(separator: "\n").allSatisfy { $0.wholeMatch(of: /<[2-7]>.*/) != nil })
                #expect(!daemon.log.contains("MESSAGE_ID"))
            }
        }

        @Test func aStartThatFailsIsToldEverywhere() throws {
            try Lab.run { lab in
                let journal = try JournalSocket(in: lab.directory)
                let manager = try NotifySocket(in: lab.directory)
                let daemon = try lab.idleDaemon()
                try FileManager.default.createDirectory(
                    atPath: daemon.runtimeDirectory, withIntermediateDirectories: true)
                try "in the way".write(toFile: daemon.eventsSocket, atomically: true, encoding: .utf8)
                var variables = try environment(of: daemon)
                variables["NOTIFY_SOCKET"] = manager.path
                let child = try daemon.launch(environment: variables, through: journal.through)
                #expect(try child.wait() == .exited(1))
                let refused = try journal.entry("can't run ")
                #expect(refused["PRIORITY"] == "2")
                #expect(refused["MESSAGE_ID"] == "6ce57eee08d2dd023b23113855994069")
                #expect(refused["HOOKLINE_ERROR"]?.contains(daemon.eventsSocket) == true)
                let told = try manager.messages(until: "STATUS")
                #expect(told.last?["STATUS"]?.hasPrefix("can't run: \(daemon.eventsSocket)") == true)
                #expect(told.allSatisfy { $0["READY"] == nil })
                #expect(daemon.log.isEmpty)

                try daemon.configure("[log]\nlevel = \"loud\"")
                let second = try daemon.launch(environment: variables, through: journal.through)
                #expect(try second.wait() == .exited(78))
                #expect(try journal.entry("can't run ")["HOOKLINE_ERROR"]?.contains("log.level") == true)
                #expect(try manager.messages(until: "STATUS").last?["STATUS"]?.contains("log.level") == true)
            }
        }
    }
}
