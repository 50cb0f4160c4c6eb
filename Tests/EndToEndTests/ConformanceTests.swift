import Foundation
import Testing

extension EndToEnd {
    /// What Standard Webhooks 1.0.0 asks of a sender: one test for each requirement, named after it, against the whole
    /// daemon. The table of them is in the documentation (Conformance.md).
    @Suite struct ConformanceTests {
        static let body = "{ \"b\": [1.0, 2e3],\t\"a\" : \"\\u00e9\" }"

        /// A delivery to a webhook that answers as the path says, and its attempts so far.
        static func deliver(
            _ path: String = "/", tables: String = "", attempts: Int = 1, data: String = "{}",
            _ check: (Lab, Daemon, Daemon.Registration, Receiver, [Receiver.Delivery]) throws -> Void
        ) throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(tables)
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url(path))
                try receiver.use(secret: webhook.secret)
                try daemon.accept(event(id: "one", data: data, timestamp: "2026-05-02T14:32:10Z"))
                try eventually("\(attempts) attempts", within: .seconds(15)) { receiver.count >= attempts }
                try check(lab, daemon, webhook, receiver, try receiver.deliveries())
            }
        }

        // MARK: Payload

        @Test func thePayloadIsTheBodyOfAPost() throws {
            try Self.deliver(data: Self.body) { (_, _, _, _, deliveries) throws in
                #expect(deliveries[0].method == "POST")
                #expect(deliveries[0].body.contains(Self.body))
                #expect(deliveries[0].path == "/")
            }
        }

        @Test func thePayloadIsJSON() throws {
            try Self.deliver(data: Self.body) { (_, _, _, _, deliveries) throws in
                #expect(deliveries[0].header("Content-Type") == "application/json")
                #expect(try JSON(deliveries[0].body).data.names == ["a", "b"])
            }
        }

        @Test func thePayloadHasTypeTimestampAndData() throws {
            try Self.deliver(data: "{\"n\":1}") { (_, _, _, _, deliveries) throws in
                // The type's key is `event`: the format is older than the standard.
                let payload = try JSON(deliveries[0].body)
                #expect(payload.names == ["event", "timestamp", "tenantId", "data"])
                #expect(payload.event.string == "job.created")
                #expect(payload.timestamp.string == "2026-05-02T14:32:10Z")
                #expect(payload.data.n.int == 1)
            }
        }

        @Test func everyEventTypeHasAnExample() throws {
            try Lab.run { lab in
                let types = try lab.daemon().api.json("GET", "/api/v1/event-types").data.array
                #expect(types.count >= 6)
                for type in types {
                    #expect(type.sample.event.string == type.event.string)
                    #expect(type.sample.data.isThere && type.sample.timestamp.string != nil)
                }
            }
        }

        @Test func thePayloadIsNoLargerThanItMustBe() throws {
            try Self.deliver { (_, _, _, _, deliveries) throws in
                // Nothing is added but what the receiver needs, and no white space.
                #expect(
                    deliveries[0].body == "{\"event\":\"job.created\",\"timestamp\":\"2026-05-02T14:32:10Z\","
                        + "\"tenantId\":\"acme\",\"data\":{}}")
            }
        }

        // MARK: Event types

        @Test func eventTypesAreHierarchicalAndOfFewCharacters() throws {
            try Lab.run { lab in
                let types = try lab.daemon().api.json("GET", "/api/v1/event-types").data.array.compactMap(
                    \.event.string)
                #expect(types.allSatisfy { $0.wholeMatch(of: /[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)+/) != nil }, "\(types)")
                for bad in ["invoice paid", "invoice..paid", "invoice.", "faktura.bezahlt€"] {
                    let daemon = try lab.idleDaemon("[events]\nextra = [\(quoted(bad))]")
                    #expect(try daemon.launch().wait() == .exited(78), "\(bad)")
                }
            }
        }

        @Test func receiversChooseTheirEventTypesAndTheSenderFilters() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url("/jobs"), events: ["job.closed"])
                _ = try daemon.webhook(receiver.url("/all"), events: ["*"])
                try daemon.accept(event("application.scored", id: "a"))
                try daemon.accept(event("job.closed", id: "b"))
                try eventually("three deliveries") { receiver.count >= 3 }
                #expect(try receiver.deliveries("/jobs").map(\.id) == ["b"])
                #expect(Set(try receiver.deliveries("/all").map(\.id)) == ["a", "b"])
            }
        }

        // MARK: Success and failure

        @Test func everyStatusOf2xxIsSuccess() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhooks = try [200, 201, 202, 204, 226, 299].map {
                    try daemon.webhook(receiver.url("/status/\($0)"))
                }
                try daemon.accept(event())
                for webhook in webhooks {
                    try eventually("it is delivered") { try daemon.show(webhook).health.delivered.int == 1 }
                    #expect(try daemon.show(webhook).health.lastFailure.isNull)
                }
            }
        }

        @Test func everythingElseIsFailure() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\ntimeout = \"1s\"\nretry-schedule = [\"1h\"]")
                let receiver = try lab.receiver()
                let paths =
                    [300, 301, 304, 400, 401, 404, 409, 422, 429, 500, 501, 502, 503, 504].map { "/status/\($0)" }
                    + ["/reset", "/hang"]
                let urls = paths.map { receiver.url($0) } + ["http://127.0.0.1:\(try Lab.freePort())/"]
                let webhooks = try urls.map { try daemon.webhook($0) }
                try daemon.accept(event())
                for (url, webhook) in zip(urls, webhooks) {
                    try eventually("\(url) fails") { try daemon.show(webhook).health.lastFailure.string != nil }
                    #expect(try daemon.show(webhook).health.delivered.int == 0)
                    #expect(try daemon.show(webhook).backlog.pending.int == 1, "\(url)")
                }
            }
        }

        @Test func redirectsAreFailuresAndNotFollowed() throws {
            try Self.deliver("/redirect", tables: "[delivery]\nretry-schedule = []") {
                (_, daemon, webhook, receiver, _) throws in
                try eventually("it is given up") { try daemon.show(webhook).health.givenUp.int == 1 }
                #expect(try receiver.deliveries("/redirected").isEmpty)
            }
        }

        // MARK: Retries

        @Test func failedDeliveriesAreRetriedUntilTheySucceed() throws {
            let tables = "[delivery]\nretry-schedule = [\"100ms\", \"100ms\", \"100ms\", \"100ms\"]"
            try Self.deliver("/fail/3", tables: tables, attempts: 4) { (_, daemon, webhook, receiver, _) throws in
                try eventually("it is delivered") { try daemon.show(webhook).health.delivered.int == 1 }
                try throughout(.milliseconds(300), "it is not delivered again") { receiver.count == 4 }
            }
        }

        @Test func theWaitsGrow() throws {
            let tables = "[delivery]\nretry-schedule = [\"200ms\", \"800ms\", \"1600ms\"]"
            try Self.deliver("/fail/3", tables: tables, attempts: 4) { (_, _, _, _, deliveries) throws in
                let waits = zip(deliveries, deliveries.dropFirst()).map { $1.at - $0.at }
                for (wait, planned) in zip(waits, [200, 800, 1600]) {
                    #expect(Double(wait) >= Double(planned) * 0.8 - 5 && wait < planned * 12 / 10 + 200, "\(waits)")
                }
            }
        }

        @Test func withoutSettingsTheFirstRetryComesSoon() throws {
            try Self.deliver("/status/500") { (_, daemon, webhook, _, _) throws in
                try eventually("the first failure is told") {
                    try daemon.show(webhook).health.lastFailure.string != nil
                }
                let path = "/api/v1/webhooks/\(webhook.id)/deliveries"
                let delivery = try daemon.api.json("GET", path).data[0]
                #expect(delivery.status.string == "pending")
                let next = try Date(#require(delivery.nextAttemptAt.string), strategy: Self.time)
                let accepted = try Date(#require(delivery.acceptedAt.string), strategy: Self.time)
                #expect((3.9...6.5).contains(next.timeIntervalSince(accepted)))
            }
        }

        private static let time = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

        @Test func retriesAreSpreadByChance() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"2s\"]")
                let receiver = try lab.receiver()
                // A webhook each: what one receiver's lane does to its own pace is not asked here.
                for _ in 0..<30 { _ = try daemon.webhook(receiver.url("/fail/1/\(UUID().uuidString)")) }
                try daemon.accept(event(id: "one"))
                try eventually("all are tried twice") { receiver.count >= 60 }
                let byPath = Dictionary(grouping: try receiver.deliveries(), by: \.path).values
                let waits = byPath.map { $0[1].at - $0[0].at }.sorted()
                #expect(waits.allSatisfy { (1_590...2_700).contains($0) }, "\(waits)")
                // ±20 % of 2 s is a range of 800 ms.
                #expect(waits[29] - waits[0] > 300, "\(waits)")
                #expect(Set(waits).count > 15, "\(waits)")
            }
        }

        @Test func retryAfterIsTakenIntoAccount() throws {
            let tables = "[delivery]\nretry-schedule = [\"100ms\", \"100ms\"]"
            try Self.deliver("/later/2", tables: tables, attempts: 2) { (_, _, _, _, deliveries) throws in
                #expect((2_000...3_000).contains(deliveries[1].at - deliveries[0].at))
            }
        }

        @Test func receiversHaveFifteenSecondsUnlessSetOtherwise() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let slow = try daemon.webhook(receiver.url("/delay/13500"))
                let silent = try daemon.webhook(receiver.url("/hang"))
                let begun = ContinuousClock.now
                try daemon.accept(event())
                try eventually("the slow one is delivered", within: .seconds(15)) {
                    try daemon.show(slow).health.delivered.int == 1
                }
                try eventually("the silent one has failed", within: .seconds(18)) {
                    try daemon.show(silent).health.lastFailure.string != nil
                }
                let time = ContinuousClock.now - begun
                #expect(time >= .seconds(15) && time < .seconds(17))
            }
        }
    }
}
