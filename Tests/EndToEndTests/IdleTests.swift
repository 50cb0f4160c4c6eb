import Foundation
import Testing

extension EndToEnd {
    /// A daemon with nothing to do.
    @Suite struct IdleTests {
        /// How often each thread has gone to sleep, proc(5) `voluntary_ctxt_switches`.
        private static func sleeps(_ process: Child) throws -> [String: Int] {
            let directory = "/proc/\(process.pid)/task"
            var counts: [String: Int] = [:]
            for thread in try FileManager.default.contentsOfDirectory(atPath: directory) {
                // A thread may end meanwhile.
                guard
                    let status = try? String(contentsOfFile: "\(directory)/\(thread)/status", encoding: .utf8),
                    let line = status.split(separator: "\n").first(where: { $0.hasPrefix("voluntary_ctxt_switches:") }),
                    let count = line.split(separator: "\t").last.flatMap({ Int($0) })
                else { continue }
                counts[thread] = count
            }
            return counts
        }

        @Test func nothingWakesUpByItself() throws {
            try Lab.run { lab in
                let receiver = try lab.receiver()
                let daemon = try lab.daemon()
                // All of its parts have done something.
                let webhook = try daemon.webhook(receiver.url())
                _ = try daemon.accept(event(id: "one"))
                try eventually("the event is delivered") { try receiver.deliveries().count == 1 }
                _ = try daemon.show(webhook)
                try daemon.reload()
                _ = try daemon.api.call("GET", "/metrics")
                // Its timers run out meanwhile: what is saved, and who has not said anything for long.
                Thread.sleep(forTimeInterval: 1)
                let before = try Self.sleeps(daemon.running())
                Thread.sleep(forTimeInterval: 6)
                let after = try Self.sleeps(daemon.running())
                // A connection that is kept is looked at every few seconds, for half a minute; a clock that ticks every
                // second would show six times.
                for (thread, count) in after { #expect(count - before[thread, default: 0] <= 2, "thread \(thread)") }
            }
        }

        @Test func whatItTookGoesBackWhenAllIsQuiet() throws {
            try Lab.run { lab in
                let receiver = try lab.receiver()
                let daemon = try lab.daemon()
                _ = try daemon.webhook(receiver.url())
                for number in 0..<50 { _ = try daemon.accept(event(id: "event-\(number)")) }
                try eventually("all is delivered") { try receiver.deliveries().count == 50 }
                let process = try daemon.running()
                let before = try process.memory("RssFile")
                // Connections are kept for half a minute.
                try eventually("its code is let go", within: .seconds(60)) {
                    try process.memory("RssFile") < before * 3 / 4
                }
                _ = try daemon.accept(event(id: "later"))
                try eventually("it goes on") { try receiver.deliveries().count == 51 }
            }
        }
    }
}
