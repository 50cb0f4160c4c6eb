import Glibc
import NIOCore
import Testing

@testable import AdminAPI
@testable import RelayCore

@Suite struct EventLifeRoutesTests {
    private static func view(_ id: String, tenant: String) -> EventView {
        var view = EventView()
        view.id = id
        view.tenant = tenant
        view.type = "job.closed"
        view.acceptedAt = 1_777_732_330_000
        view.producer = PeerIdentity(uid: 1000, gid: 100, pid: 4711)
        view.data = Array(#"{"a":1,"a":"\ud800","data":{"n":1.50}}"#.utf8)
        var delivery = EventView.Delivery()
        delivery.webhookID = "wh_1"
        delivery.url = "https://hooks.example/,\"data\":"
        delivery.status = .givenUp
        delivery.reason = .triesUsedUp
        delivery.attempts = 2
        var phases = AttemptPhases()
        phases.connect = .microseconds(1_500)
        delivery.history = [
            EventLife.Attempt(
                at: 1_777_732_330_100, number: 1, repeats: 0, isDelivered: false, status: 503,
                duration: .milliseconds(20), kind: .status, reason: "HTTP 503", answer: "busy", phases: phases,
                nextAt: 1_777_732_335_100)
        ]
        view.deliveries = [delivery]
        view.unmatched = [
            EventView.Unmatched(
                webhookID: "wh_2", url: "https://hooks.example/2", reason: .pattern, patterns: [.type("job.created")])
        ]
        return view
    }

    private func administration() -> MemoryAdministration {
        let administration = MemoryAdministration()
        administration.edit { state in
            state.views = [
                Self.view("order-17", tenant: "acme"), Self.view("both", tenant: "acme"),
                Self.view("both", tenant: "bolt"),
            ]
        }
        return administration
    }

    @Test func anEventsLife() async throws {
        try await APIHarness.run(administration()) { api in
            let answer = try await api.call("GET", "/api/v1/events/order-17")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            let data = #","data":{"a":1,"a":"\ud800","data":{"n":1.50}}}"#
            #expect(answer.body.hasSuffix(data), "the data is what was sent, byte for byte")
            let json = try JSONParser.parse(Array((answer.body.dropLast(data.count) + "}").utf8))
            #expect(json["producer"] == ["uid": 1000, "gid": 100, "pid": 4711])
            #expect(json["acceptedAt"] == "2026-05-02T14:32:10.000Z")
            let delivery = json["deliveries"]?.arrayValue?.first
            #expect(delivery?["status"] == "given_up" && delivery?["reason"] == "tries_used_up")
            let attempt = delivery?["history"]?.arrayValue?.first
            #expect(attempt?["phases"]?["connectMs"] == .number(1.5) && attempt?["phases"]?["tlsMs"] == .null)
            #expect(attempt?["answer"] == "busy" && attempt?["decision"] == "retry" && attempt?["durationMs"] == 20)
            #expect(json["unmatched"]?.arrayValue?.first?["reason"] == "pattern")
        }
    }

    @Test(arguments: [
        ("GET", "/api/v1/events/nothing", 404), ("GET", "/api/v1/events/order-17?tenantId=bolt", 404),
        ("GET", "/api/v1/events/order-17?tenantId=a.b", 422), ("GET", "/api/v1/events/order-17?x=1", 422),
        ("GET", "/api/v1/events/both?tenantId=bolt", 200), ("HEAD", "/api/v1/events/order-17", 200),
        ("GET", "/api/v1/events", 422), ("GET", "/api/v1/events?follow=false", 422),
        ("GET", "/api/v1/events?follow=true&event=a..b", 422), ("GET", "/api/v1/events?follow=true&tenantId=.", 422),
        ("HEAD", "/api/v1/events?follow=true", 200), ("POST", "/api/v1/events", 405),
    ])
    func whatIsAnswered(_ method: String, _ path: String, _ status: Int) async throws {
        try await APIHarness.run(administration()) { api in
            let answer = try await api.call(method, path)
            #expect(answer.status == status)
        }
    }

    @Test func severalTenantsHaveTheID() async throws {
        try await APIHarness.run(administration()) { api in
            let answer = try await api.call("GET", "/api/v1/events/both")
            #expect(answer.status == 409)
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(try answer.json["tenants"] == ["acme", "bolt"])
        }
    }

    private static func accepted(_ number: Int) throws -> AcceptedEvent {
        let buffer = RecordBuffer()
        let offset = buffer.count
        let parts = ["job.closed", "2026-05-02T14:32:10.000Z", "acme", "id-\(number)", "{}"].map { Array($0.utf8) }
        parts[0].withUnsafeBytes { type in
            parts[1].withUnsafeBytes { time in
                parts[2].withUnsafeBytes { tenant in
                    parts[3].withUnsafeBytes { id in
                        parts[4].withUnsafeBytes { data in
                            EventRecord.append(
                                EventRecord.Parts(
                                    sequence: 1, acceptedAt: 1_777_732_330_000,
                                    producer: PeerIdentity(uid: 1, gid: 2, pid: 3), type: type, timestamp: time,
                                    isProducersTimestamp: false, tenant: tenant, id: id, data: data, webhooks: []),
                                to: buffer)
                        }
                    }
                }
            }
        }
        return AcceptedEvent(
            try #require(EventRecord(buffer: buffer, offset: offset)), journal: JournalID(high: 1, low: 2))
    }

    @Test func eventsAsTheyCome() async throws {
        let administration = administration()
        let events = [try Self.accepted(1), try Self.accepted(2)]
        administration.edit { state in
            state.followed = [.events(events), .idle, .dropped(3)]
            state.isFollowingOver = true
        }
        try await APIHarness.run(administration) { api in
            let answer = try await api.call("GET", "/api/v1/events?follow=true&tenantId=acme&event=job.*")
            #expect(answer.headers["content-type"] == "application/x-ndjson")
            #expect(answer.headers["transfer-encoding"] == "chunked")
            let lines = answer.body.split(whereSeparator: \.isNewline).filter { $0.first == "{" }
            #expect(lines.count == 3 && lines[2] == "{\"dropped\":3}")
            let first = try JSONParser.parse(Array(lines[0].utf8))
            #expect(first["id"] == "id-1" && first["tenantId"] == "acme" && first["webhooks"] == 0)
            #expect(administration.edit { $0.follows } == [FollowChoice(tenant: "acme", pattern: .prefix("job."))])
        }
    }

    /// Longer than an answer may take otherwise; and a stop ends it.
    @Test(.timeLimit(.minutes(5)))
    func itGoesOnUntilTheServerStops() async throws {
        var limits = APILimits()
        limits.transferTime = .milliseconds(50)
        limits.idleTime = .milliseconds(50)
        let administration = administration()
        let (stream, sink) = AsyncStream.makeStream(of: String.self)
        try await APIHarness.run(administration, limits: limits) { api in
            // It outlives this body: the server's stop is what ends it.
            Task {
                sink.yield(
                    try await api.exchange("GET /api/v1/events?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                sink.finish()
            }
            while administration.edit({ $0.follows.isEmpty }) { try await Task.sleep(for: .milliseconds(1)) }
            try await Task.sleep(for: .milliseconds(300))
            let late = try Self.accepted(7)
            administration.edit { $0.followed = [.events([late])] }
            while administration.edit({ !$0.followed.isEmpty }) { try await Task.sleep(for: .milliseconds(1)) }
        }
        for await text in stream {
            #expect(text.contains("\"id\":\"id-7\""))
            #expect(text.hasSuffix("0\r\n\r\n"), "it ends as a whole answer")
        }
    }

    /// Who takes nothing at all loses the connection.
    @Test(.timeLimit(.minutes(2)))
    func whoTakesNothingIsCutOff() async throws {
        var limits = APILimits()
        limits.standstillTime = .milliseconds(100)
        let administration = administration()
        // More than the socket holds, twice.
        let many = [AcceptedEvent](repeating: try Self.accepted(1), count: 4_000)
        administration.edit { state in state.followed = [.events(many), .events(many)] }
        try await APIHarness.run(administration, limits: limits) { api in
            let descriptor = try api.connectBlocking()
            defer { close(descriptor) }
            let request = Array("GET /api/v1/events?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
            #expect(write(descriptor, request, request.count) == request.count)
            var end = pollfd(fd: descriptor, events: 0, revents: 0)
            while poll(&end, 1, 0) == 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(Int32(end.revents) & Int32(POLLHUP) != 0)
            administration.edit { $0.isFollowingOver = true }
        }
    }
}
