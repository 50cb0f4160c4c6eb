import Foundation
import Testing

extension EndToEnd {
    /// Order, rate and age of one webhook's deliveries.
    @Suite struct OrderingTests {
        private static let fastRetries = "[delivery]\nretry-schedule = [\"40ms\",\"40ms\",\"40ms\"]"

        private func lines(_ ids: [String], data: (Int) -> String = { "{\"n\":\($0)}" }) -> String {
            ids.enumerated().map { event(id: $1, data: data($0)) + "\n" }.joined()
        }

        /// Ids in the order of their first coming.
        private func firsts(_ receiver: Receiver) throws -> [String] {
            var seen: Set<String> = []
            return try receiver.deliveries().map(\.id).filter { seen.insert($0).inserted }
        }

        @Test func anOrderedWebhookGetsOneAfterTheOther() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(Self.fastRetries)
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/fail/2"), more: "\"ordering\":\"webhook\"")
                try receiver.use(secret: webhook.secret)
                #expect(try daemon.show(webhook).ordering.string == "webhook")
                let ids = (0..<15).map { "o\($0)" }
                try daemon.send(lines(ids))
                try eventually("all are delivered", within: .seconds(20)) {
                    try daemon.show(webhook).health.delivered.int == ids.count
                }
                #expect(try receiver.deliveries().map(\.id) == ids.flatMap { [$0, $0, $0] })
                #expect(try receiver.deliveries().allSatisfy(\.isGenuine))
            }
        }

        @Test func orderIsKeptOverKills() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(Self.fastRetries)
                let receiver = try lab.receiver()
                let whole = try daemon.webhook(receiver.url("/delay/1"), more: "\"ordering\":\"webhook\"")
                let byKey = try daemon.webhook(
                    receiver.url("/fail/1"), more: "\"ordering\":{\"key\":\"/data/applicationId\"}")
                let ids = (0..<400).map { "k\($0)" }
                try daemon.send(lines(ids) { "{\"applicationId\":\"a\($0 % 7)\"}" })
                for round in 1...3 {
                    try eventually("some have come", within: .seconds(20)) { receiver.count > round * 150 }
                    try daemon.kill()
                    try daemon.start()
                }
                try eventually("nothing is pending", within: .seconds(60)) {
                    try daemon.show(whole).backlog.pending.int == 0 && daemon.show(byKey).backlog.pending.int == 0
                }
                var seen: Set<String> = []
                let inOrder = try receiver.deliveries("/delay/1").map(\.id).filter { seen.insert($0).inserted }
                #expect(inOrder == ids)
                let attempts = try receiver.deliveries("/fail/1").map(\.id)
                for application in 0..<7 {
                    // The first attempt of each event fails: none may begin before its predecessor's second one has ended.
                    let own = attempts.filter { Int($0.dropFirst()).map { $0 % 7 } == application }
                    var known: Set<String> = []
                    let firsts = own.filter { known.insert($0).inserted }
                    #expect(firsts == ids.indices.filter { $0 % 7 == application }.map { ids[$0] })
                    for (one, next) in zip(firsts, firsts.dropFirst()) {
                        let begun = own.firstIndex(of: next) ?? 0
                        #expect(own[..<begun].count { $0 == one } >= 2, "\(next) came before \(one) had succeeded")
                    }
                }
            }
        }

        @Test func aValueThatBlocksHoldsBackNoOther() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"30m\"]")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(
                    receiver.url("/poison"), more: "\"ordering\":{\"key\":\"/data/applicationId\"}")
                try daemon.accept(event(id: "bad", data: "{\"applicationId\":\"a\",\"poison\":true}"))
                try eventually("it has failed") { try daemon.show(webhook).health.consecutiveFailures.int == 1 }
                let ids = (0..<60).map { "p\($0)" }
                try daemon.send(lines(ids) { "{\"applicationId\":\"\($0 % 3 == 0 ? "a" : "b")\"}" })
                try daemon.accept(event(id: "free", data: "{}"))
                try eventually("the others come") { try Set(firsts(receiver)).count == 42 }
                try daemon.kill()
                try daemon.start()
                try daemon.accept(event(id: "later", data: "{\"applicationId\":\"a\"}"))
                try throughout(.milliseconds(300), "those behind it wait") { try Set(firsts(receiver)).count == 42 }
                let waiting = try daemon.api.json(
                    "GET", "/api/v1/webhooks/\(webhook.id)/deliveries?status=pending&limit=100"
                ).data.array
                #expect(waiting.count == 22)
                #expect(waiting.filter { $0.waitsFor.string == "order" }.count == 21)
                #expect(waiting.last?.eventId.string == "bad" && waiting.last?.waitsFor.string == "retry")

                let other = try daemon.api.json(
                    "PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"ordering\":\"none\"}")
                #expect(other.ordering.string == "none")
                try eventually("without an order all go") { try Set(firsts(receiver)).count == 63 }
                #expect(try daemon.show(webhook).backlog.pending.int == 1)
            }
        }

        @Test func faultyOrdersAndRatesAreRefused() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let webhook = try daemon.webhook("http://127.0.0.1:9/", more: "\"ordering\":{\"key\":\"/data/a~1b/0\"}")
                for (field, value) in [
                    ("ordering", "\"fifo\""), ("ordering", "{\"key\":\"/applicationId\"}"),
                    ("ordering", "{\"key\":\"\"}"),
                    ("rateLimit", "{\"perSecond\":0,\"burst\":1}"), ("rateLimit", "5"),
                ] {
                    let answer = try daemon.api.call(
                        "PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"\(field)\":\(value)}")
                    #expect(answer.status == 422)
                    #expect(try answer.json.errors.array.map(\.field.string) == [field])
                }
                try daemon.api.json(
                    "PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"rateLimit\":{\"perSecond\":0.5,\"burst\":3}}")
                for _ in 0..<2 {
                    let shown = try daemon.show(webhook)
                    #expect(shown.ordering.key.string == "/data/a~1b/0")
                    #expect("\(shown.rateLimit.perSecond)" == "0.5" && shown.rateLimit.burst.int == 3)
                    try daemon.stop()
                    try daemon.start()
                }
            }
        }

        @Test func theCommandLineHasThemToo() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let socket = ["--api-socket", daemon.apiSocket]
                let added = try lab.hookline(
                    [
                        "webhooks", "add", "http://127.0.0.1:9/", "--tenant", "acme", "--event", "*", "--ordering",
                        "/data/applicationId", "--rate-limit", "2.5,4", "--json",
                    ] + socket)
                #expect(added.end == .exited(0), "\(added.errors)")
                let id = try JSON(added.output).id.string ?? ""
                let shown = try lab.hookline(["webhooks", "show", id] + socket).output
                #expect(shown.contains("by /data/applicationId") && shown.contains("2.5 a second, 4 at once"))
                let refused = try lab.hookline(["webhooks", "edit", id, "--ordering", "/applicationId"] + socket)
                #expect(refused.end == .exited(1) && refused.errors.contains("ordering"))
                let wrong = try lab.hookline(["webhooks", "edit", id, "--ordering", "fifo"] + socket)
                #expect(wrong.end == .exited(64))
                let plain = try lab.hookline(
                    ["webhooks", "edit", id, "--unset", "ordering", "--unset", "rate-limit", "--json"] + socket)
                #expect(try JSON(plain.output).ordering.string == "none")
                #expect(try JSON(plain.output).rateLimit.isNull)
            }
        }

        @Test func aRateLimitIsKept() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(
                    receiver.url(), more: "\"rateLimit\":{\"perSecond\":20,\"burst\":5}")
                let other = try daemon.webhook(receiver.url("/other"))
                try daemon.send(lines((0..<25).map { "r\($0)" }))
                try eventually("the other one is not held back", within: .seconds(1)) {
                    try daemon.show(other).health.delivered.int == 25
                }
                try eventually("all come") { try daemon.show(webhook).health.delivered.int == 25 }
                let times = try receiver.deliveries("/").map(\.at)
                #expect(times.count == 25)
                // Node tells when it had read the request: a little late, never early.
                let first = try #require(times.first)
                let last = try #require(times.last)
                #expect((900...2_000).contains(last - first), "20 of them wait for 50 ms each")
                #expect(times[4] - first < 100, "five come at once")
                #expect(times[9] - first >= 200)
            }
        }

        @Test func aWebhookHasItsOwnAge() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"100ms\",\"30m\"]")
                let receiver = try lab.receiver()
                let schedule = (0..<20).map { _ in "\"200ms\"" }.joined(separator: ",")
                let short = try daemon.webhook(
                    receiver.url("/status/500"), more: "\"maxAgeSeconds\":3,\"retrySchedule\":[\(schedule)]")
                let long = try daemon.webhook(receiver.url("/status/503"))
                try daemon.accept(event(id: "old"))
                try daemon.kill()
                try daemon.start()
                try eventually("it is given up") { try daemon.show(short).health.givenUp.int == 1 }
                var ended = try JSON("null")
                try eventually("it is on record") {
                    ended = try daemon.api.json(
                        "GET", "/api/v1/webhooks/\(short.id)/deliveries?status=given_up"
                    ).data[0]
                    return ended.reason.isThere
                }
                #expect(ended.reason.string == "too_old" && (3...18).contains(ended.attempts.int ?? 0))
                #expect(try daemon.show(long).backlog.pending.int == 1)
            }
        }

        @Test func replaysAndLiveDeliveriesTakeTurns() throws {
            for ordering in ["\"none\"", "\"webhook\"", "{\"key\":\"/data/applicationId\"}"] {
                try Lab.run { lab in
                    let daemon = try lab.daemon()
                    let receiver = try lab.receiver()
                    let webhook = try daemon.webhook(
                        receiver.url("/delay/4"), more: "\"maxInFlight\":1,\"ordering\":\(ordering)")
                    let old = (0..<150).map { "old\($0)" }
                    try daemon.send(lines(old) { _ in "{\"applicationId\":1}" })
                    try eventually("all come", within: .seconds(20)) {
                        try daemon.show(webhook).health.delivered.int == 150
                    }
                    try daemon.api.json("POST", "/api/v1/webhooks/\(webhook.id)/replay", "{\"status\":\"any\"}")
                    try eventually("the first are replayed") { receiver.count > 155 }
                    let before = receiver.count
                    let live = (0..<20).map { "live\($0)" }
                    try daemon.send(lines(live) { _ in "{\"applicationId\":1}" })
                    try eventually("all are replayed", within: .seconds(20)) { receiver.count == 320 }
                    let after = try receiver.deliveries().dropFirst(before).map(\.id)
                    let places = after.indices.filter { after[$0].hasPrefix("live") }
                    #expect(places.map { after[$0] } == live, "\(ordering)")
                    for (one, next) in zip(places, places.dropFirst()) { #expect(next - one <= 2, "\(ordering)") }
                    #expect(try receiver.deliveries().map(\.id).dropFirst(150).filter { $0.hasPrefix("old") } == old)
                }
            }
        }
    }
}
