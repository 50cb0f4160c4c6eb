import Foundation
import Testing

extension EndToEnd {
    /// What systemd's watchdog hears: sd_watchdog_enabled(3). Loops are made to hang by the switch for tests.
    @Suite(.enabled(if: geteuid() == 0, "the switch is root's")) struct LivenessTests {
        private static let watchdog = Duration.milliseconds(600)

        private static func variables(_ manager: NotifySocket, _ faults: String) -> [String: String] {
            [
                "NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "\(Int(watchdog / .microseconds(1)))",
                "HOOKLINE_FAULT_FILE": faults,
            ]
        }

        /// The messages of a time.
        private static func messages(_ manager: NotifySocket, for time: Duration) -> [[String: String]] {
            let end = ContinuousClock.now + time
            var messages: [[String: String]] = []
            while ContinuousClock.now < end {
                if let message = manager.next(within: end - ContinuousClock.now) { messages.append(message) }
            }
            return messages
        }

        @Test(arguments: ["ingest", "journal", "delivery", "senders", "api", "readers", "registrar"])
        func aLoopThatHangsIsNamedAndNotFed(loop: String) throws {
            try Lab.run { lab in
                let manager = try NotifySocket(in: lab.directory)
                let faults = "\(lab.directory.path)/fault"
                let daemon = try lab.idleDaemon()
                let child = try daemon.launch(environment: Self.variables(manager, faults))
                _ = try manager.messages(until: "READY", within: .seconds(20))
                _ = try manager.messages(until: "WATCHDOG")
                try loop.write(toFile: faults, atomically: true, encoding: .utf8)
                try eventually("it hangs") { child.errors.contains("as the fault file says loop=\(loop)") }
                // One more at most that was on its way; from half of the watchdog's time on it is named.
                _ = Self.messages(manager, for: Self.watchdog)
                let later = Self.messages(manager, for: Self.watchdog * 3)
                #expect(later.allSatisfy { $0["WATCHDOG"] == nil })
                let status = later.compactMap { $0["STATUS"] }.last ?? ""
                #expect(status.wholeMatch(of: /no progress: .*; accepting events.*/) != nil, "\(later)")
                let line = "a loop makes no progress: systemd is told nothing, and restarts the daemon"
                let lines = child.errors.split(separator: "\n").filter { $0.contains(line) }
                #expect(lines.count { $0.contains("loop=\(loop)") } == 1, "\(child.errors)")
                #expect(status.contains("\(loop) for "), "\(status)")
                // What does not depend on it goes on.
                if loop == "delivery" {
                    #expect(try daemon.send(event() + "\n").first?.ok.bool == true)
                }
                // It is past stopping by itself.
                child.finish()
            }
        }

        @Test func aReceiverThatHangsIsNoMatter() throws {
            try Lab.run { lab in
                let manager = try NotifySocket(in: lab.directory)
                let receiver = try lab.receiver()
                let daemon = try lab.idleDaemon()
                try daemon.start(environment: Self.variables(manager, "\(lab.directory.path)/none"))
                let webhook = try daemon.webhook(receiver.url("/hang"))
                try receiver.use(secret: webhook.secret)
                for _ in 0..<20 { try daemon.accept(event()) }
                try eventually("attempts are in flight") { try daemon.status().deliveries.inFlight.int ?? 0 > 0 }
                _ = Self.messages(manager, for: .zero)
                var fed = 0
                var times: [ContinuousClock.Instant] = []
                let end = ContinuousClock.now + Self.watchdog * 5
                var status = ""
                while ContinuousClock.now < end, let message = manager.next(within: Self.watchdog) {
                    if message["WATCHDOG"] == "1" {
                        fed += 1
                        times.append(.now)
                    }
                    status = message["STATUS"] ?? status
                }
                #expect(fed >= 8)
                for (one, next) in zip(times, times.dropFirst()) { #expect(next - one < Self.watchdog) }
                #expect(status.hasPrefix("accepting events; "), "\(status)")
                #expect(status.contains("20 deliveries pending, the oldest for "), "\(status)")
            }
        }

        @Test func onlyRootsFileCounts() throws {
            try Lab.run { lab in
                let manager = try NotifySocket(in: lab.directory)
                let faults = "\(lab.directory.path)/fault"
                let daemon = try lab.idleDaemon()
                let child = try daemon.launch(environment: Self.variables(manager, faults))
                _ = try manager.messages(until: "READY", within: .seconds(20))
                func isFed(_ what: Comment) throws {
                    let messages = Self.messages(manager, for: .seconds(1.5))
                    #expect(messages.count { $0["WATCHDOG"] == "1" } >= 3, what)
                    #expect(!child.errors.contains("fault file"), what)
                }
                try "ingest".write(toFile: faults, atomically: true, encoding: .utf8)
                chmod(faults, 0o620)
                try isFed("group may write")
                unlink(faults)
                try "ingest".write(toFile: faults + ".own", atomically: true, encoding: .utf8)
                chown(faults + ".own", 65_534, 0)
                rename(faults + ".own", faults)
                try isFed("somebody else's")
                unlink(faults)
                try "ingest".write(toFile: faults + ".real", atomically: true, encoding: .utf8)
                symlink(faults + ".real", faults)
                try isFed("a symbolic link")
                unlink(faults)
                try "everything".write(toFile: faults, atomically: true, encoding: .utf8)
                try isFed("no loop's name")
                rename(faults + ".real", faults)
                try eventually("it hangs") { child.errors.contains("fault file") }
                child.finish()
            }
        }
    }
}
