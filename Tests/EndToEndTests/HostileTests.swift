import Foundation
import Synchronization
import Testing

extension EndToEnd {
    /// Many misbehaving receivers for a long time: descriptors and memory stay as they are.
    @Suite struct HostileTests {
        /// How many exchanges; `HOOKLINE_HOSTILE_EXCHANGES=100000` is the long run.
        private static let exchanges =
            ProcessInfo.processInfo.environment["HOOKLINE_HOSTILE_EXCHANGES"].flatMap { Int($0) } ?? 5_000

        private static let paths = [
            "good", "close", "http-1.0", "chunks", "continue", "endless-success", "endless-chunks", "endless-trailers",
            "bad-chunks", "short-success", "reset-success", "bomb-success", "two-answers", "late-bytes",
            "endless-failure", "short-failure", "reset-failure", "bomb-failure", "switch", "redirect-302", "silence",
            "close-at-once", "close-in-head", "reset-at-once", "reset-in-head", "other-protocol", "http-2",
            "bad-status", "endless-status-line", "endless-field", "endless-fields", "many-fields", "endless-interim",
            "length-and-encoding", "two-lengths", "bare-line-feeds", "folded-field", "second-closes", "second-resets",
            "early-success", "early-failure",
        ]
        private static let pathsOverTLS = [
            "good", "close", "endless-success", "cut-success", "cut-failure", "cut-at-once", "cut-in-head",
            "reset-at-once", "reset-in-head", "second-cut", "silence", "early-failure",
        ]
        private static let ports = [
            ("reset-on-connect", "http"), ("close-on-connect", "http"), ("banner", "http"), ("tls-silence", "https"),
            ("tls-stall", "https"), ("tls-garbage", "https"), ("tls-plain", "https"), ("tls-alert", "https"),
            ("tls-close", "https"), ("tls-reset", "https"), ("tls-endless", "https"),
        ]

        @Test func descriptorsAndMemoryStayFlat() throws {
            try Lab.run { lab in
                let web = try WebServer(lab)
                try web.addSite("zoo", names: "DNS:localhost", authority: "authority")
                let zoo = try Zoo(lab, web: web)
                let daemon = try lab.daemon(
                    "[delivery]\nretry-schedule = []\n[journal]\nmax-bytes = \"64MiB\"\n[log]\nlevel = \"error\"",
                    egress: Daemon.loopback + "\nca-file = \(quoted(web.authority))")
                var urls = try Self.paths.map { try zoo.url($0) }
                urls += try Self.pathsOverTLS.map { try zoo.url($0, tls: true) }
                urls += try Self.ports.map { "\($1)://127.0.0.1:\(try zoo.port($0))/" }
                let webhooks = try urls.map { try daemon.webhook($0, more: "\"timeoutMs\":150").id }
                let process = try daemon.running()
                let rounds = max(10, Self.exchanges / urls.count + 1)
                // Pools and allocators have their size after the first of them.
                try run(rounds / 4, webhooks, daemon)
                let before = try settled(process)
                try run(rounds - rounds / 4, webhooks, daemon)
                let after = try settled(process)
                #expect(after.descriptors <= before.descriptors + 2)
                #expect(after.memory <= before.memory + 8 * 1024 * 1024)
                let done = rounds * urls.count
                print(
                    "hostile exchanges: \(done); descriptors \(before.descriptors), at the end \(after.descriptors); "
                        + "memory \(before.memory / 1024) KiB, at the end \(after.memory / 1024) KiB, "
                        + "peak \(try process.memory("VmHWM") / 1024) KiB")
            }
        }

        /// Sends each webhook so many tests, all webhooks at the same time: their breakers would stop events.
        private func run(_ count: Int, _ webhooks: [String], _ daemon: Daemon) throws {
            let api = daemon.api
            let failure = Mutex<(any Error)?>(nil)
            let threads = DispatchGroup()
            for webhook in webhooks {
                threads.enter()
                Thread.detachNewThread {
                    defer { threads.leave() }
                    do {
                        for _ in 0..<count { try api.json("POST", "/api/v1/webhooks/\(webhook)/test") }
                    } catch {
                        failure.withLock { $0 = error }
                    }
                }
            }
            threads.wait()
            if let failure = failure.withLock({ $0 }) { throw failure }
        }

        /// What the daemon has once nothing is under way any more.
        private func settled(_ process: Child) throws -> (descriptors: Int, memory: Int) {
            // Answers of successes are read until the deadline.
            var last = process.descriptors
            try eventually("connections come to rest") {
                usleep(300_000)
                defer { last = process.descriptors }
                return process.descriptors == last
            }
            return (process.descriptors, try process.memory("VmRSS"))
        }
    }
}
