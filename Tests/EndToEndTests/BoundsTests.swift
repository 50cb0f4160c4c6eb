import Foundation
import Testing

extension EndToEnd {
    /// The journal stays within its bounds, and no producer is refused because of one dead receiver.
    @Suite struct BoundsTests {
        private func journalBytes(_ daemon: Daemon) throws -> Int {
            let path = "\(daemon.stateDirectory)/journal"
            return try FileManager.default.contentsOfDirectory(atPath: path).reduce(0) {
                // A segment may be removed in between.
                let attributes = try? FileManager.default.attributesOfItem(atPath: "\(path)/\($1)")
                return $0 + ((attributes?[.size] as? Int) ?? 0)
            }
        }

        private func lines(_ prefix: String, _ numbers: Range<Int>, dead: Int) -> String {
            let padding = String(repeating: "x", count: 300)
            return numbers.map {
                let type = $0.isMultiple(of: dead) ? "job.closed" : "job.created"
                return event(type, id: "\(prefix)\($0)", data: "{\"n\":\($0),\"text\":\"\(padding)\"}") + "\n"
            }.joined()
        }

        @Test func aDeadReceiverFillsNoDisk() throws {
            try Lab.run { lab in
                let schedule = Array(repeating: "\"1s\"", count: 64).joined(separator: ",")
                let daemon = try lab.daemon(
                    "[journal]\nmax-bytes = \"2MiB\"\n[delivery]\nretry-schedule = [\(schedule)]")
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url(), events: ["job.created"])
                let port = try Lab.freePort()
                let dead = try daemon.webhook("http://127.0.0.1:\(port)/", events: ["job.closed"])
                var waiting: Set<String> = []
                for round in 0..<12 {
                    // A twentieth of the events waits for the dead one: 250 KiB of 5 MiB.
                    let numbers = round * 1_000..<(round + 1) * 1_000
                    let replies = try daemon.send(lines("e", numbers, dead: 20))
                    #expect(replies.allSatisfy { $0.ok.bool == true }, "round \(round)")
                    waiting.formUnion(numbers.filter { $0.isMultiple(of: 20) }.map { "e\($0)" })
                    try eventually("the healthy one has all", within: .seconds(20)) {
                        receiver.count >= (round + 1) * 950
                    }
                    try eventually("the journal is within its bound", within: .seconds(10)) {
                        try journalBytes(daemon) < 3 << 20
                    }
                }
                // What waits for it was written anew, over and over, and is all there: also after a kill.
                #expect(try daemon.show(dead).health.givenUp.int == 0)
                #expect(try daemon.show(dead).backlog.pending.int == waiting.count)
                try daemon.kill()
                let late = try lab.receiver(port: port)
                try daemon.start()
                try eventually("all that waited is delivered", within: .seconds(40)) {
                    Set(try late.deliveries().map(\.id)) == waiting
                }
                #expect(receiver.count <= 12 * 950 + 100)
            }
        }

        @Test func aBacklogPastItsShareLosesItsOldestOnRecord() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(
                    """
                    [journal]
                    max-bytes = "16MiB"
                    webhook-backlog-max-bytes = "64KiB"
                    """)
                let paused = try daemon.webhook("http://127.0.0.1:\(try Lab.freePort())/", isActive: false)
                let replies = try daemon.send(lines("b", 0..<1_000, dead: 2))
                #expect(replies.allSatisfy { $0.ok.bool == true })
                try eventually("the oldest are given up") {
                    let webhook = try daemon.show(paused)
                    let (pending, givenUp) = (webhook.backlog.pending.int ?? 0, webhook.health.givenUp.int ?? 0)
                    // 420 bytes each: 64 KiB are some 155.
                    return pending + givenUp == 1_000 && pending < 170 && pending > 100
                }
                #expect(daemon.log.contains("webhook-backlog-max-bytes"))
                let before = try daemon.show(paused).backlog.pending.int ?? 0
                // The newest are those that are left, and it is the same after a kill.
                usleep(200_000)
                try daemon.kill()
                try daemon.start()
                #expect(try daemon.show(paused).backlog.pending.int == before)
                let receiver = try lab.receiver()
                try daemon.api.json(
                    "PATCH", "/api/v1/webhooks/\(paused.id)", "{\"url\":\(quoted(receiver.url())),\"isActive\":true}")
                try eventually("the rest is delivered") { receiver.count == before }
                let expected = Set((1_000 - before..<1_000).map { "b\($0)" })
                #expect(Set(try receiver.deliveries().map(\.id)) == expected)
            }
        }

        @Test func settledHistoryGoesAfterItsRetention() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(
                    """
                    [ingest]
                    dedupe-window = "1s"
                    [journal]
                    max-bytes = "2MiB"
                    retention = "1s"
                    """)
                for round in 0..<6 { try daemon.send(lines("r\(round)-", 0..<500, dead: 2)) }
                sleep(2)
                // The next segment's beginning is when the others are looked at.
                for round in 6..<8 { try daemon.send(lines("r\(round)-", 0..<500, dead: 2)) }
                try eventually("old segments are removed", within: .seconds(10)) {
                    try journalBytes(daemon) < 1 << 20
                }
                #expect(try daemon.send(event("job.created", id: "r0-1") + "\n").first?.duplicate.bool != true)
            }
        }

        @Test func idsAreRememberedOverRestartsAndPastTheLimitTheOldestGo() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(
                    """
                    [ingest]
                    dedupe-max-ids = 2000
                    [journal]
                    max-bytes = "16MiB"
                    """)
                let first = lines("first", 0..<1_500, dead: 2)
                #expect(try daemon.send(first).allSatisfy { $0.ok.bool == true && $0.duplicate.bool != true })
                #expect(try daemon.send(first).allSatisfy { $0.duplicate.bool == true })
                try daemon.kill()
                try daemon.start()
                #expect(try daemon.send(first).allSatisfy { $0.duplicate.bool == true })
                let second = lines("second", 0..<4_000, dead: 2)
                try daemon.send(second)
                // The newest two thousand are known, the first ones are not, and come anew.
                #expect(
                    try daemon.send(lines("second", 2_000..<4_000, dead: 2)).allSatisfy { $0.duplicate.bool == true })
                let again = try daemon.send(lines("first", 0..<100, dead: 2))
                #expect(again.allSatisfy { $0.ok.bool == true && $0.duplicate.bool != true })
                let metrics = try daemon.api.call("GET", "/metrics").body
                let text = String(decoding: metrics, as: UTF8.self)
                let forgotten = text.split(separator: "\n").first { $0.hasPrefix("hookline_ids_forgotten_total ") }
                #expect(forgotten.flatMap { Double($0.split(separator: " ")[1]) } ?? 0 > 0)
            }
        }
    }
}
