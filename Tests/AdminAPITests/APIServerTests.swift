import Logging
import NIOCore
import NIOPosix
import RelayCore
import Testing

@testable import AdminAPI

@Suite struct APIServerTests {
    // MARK: Bodies and routes

    @Test func malformedBodies() async throws {
        try await APIHarness.run { api in
            func post(_ body: String, _ headers: String = "") async throws -> Answer {
                try Answer(
                    try await api.exchange(
                        "POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(headers)"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"))
            }
            let malformed = try await post("{\"url\":}")
            #expect(malformed.status == 400)
            #expect(try malformed.json["detail"] == "The body is not JSON: unexpected '}' at byte 7.")
            #expect(try await post("").status == 400)
            #expect(try await post("[]").status == 422)
            #expect(try await post("{}").status == 422)
            let form = try await post("a=b", "Content-Type: application/x-www-form-urlencoded\r\n")
            #expect(form.status == 415)
            #expect(form.headers["content-type"] == "application/problem+json")
            #expect(try await post("{}", "Content-Type: Application/JSON; charset=utf-8\r\n").status == 422)
        }
    }

    @Test func bodySize() async throws {
        try await APIHarness.run { api in
            func post(_ size: Int, chunked: Bool) async throws -> Int {
                let body = "{}" + String(repeating: " ", count: size - 2)
                let framing = chunked ? "Transfer-Encoding: chunked" : "Content-Length: \(size)"
                let payload = chunked ? "\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n" : body
                return try Answer(
                    try await api.exchange(
                        "POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(framing)\r\n\r\n\(payload)"
                    )
                ).status
            }
            for chunked in [false, true] {
                let largest = try await post(Limits.apiBodyBytes, chunked: chunked)
                #expect(largest == 422)
                let tooLarge = try await post(Limits.apiBodyBytes + 1, chunked: chunked)
                #expect(tooLarge == 413)
            }
        }
    }

    @Test func unknownRoutes() async throws {
        try await APIHarness.run { api in
            for path in ["/", "/api/v1", "/api/v1/webhook", "/api/v1/webhooks/a/b", "/api/v2/webhooks"] {
                let answer = try await api.call("GET", path)
                #expect(answer.status == 404)
                #expect(answer.headers["content-type"] == "application/problem+json")
            }
        }
    }

    @Test(arguments: [
        ("PUT", "/api/v1/webhooks", "GET, HEAD, POST"), ("POST", "/api/v1/webhooks/wh_1", "DELETE, GET, HEAD, PATCH"),
        ("DELETE", "/api/v1/status", "GET, HEAD"), ("PURGE", "/healthz", "GET, HEAD"),
    ])
    func otherMethods(method: String, path: String, allowed: String) async throws {
        try await APIHarness.run { api in
            let answer = try await api.call(method, path)
            #expect(answer.status == 405)
            #expect(answer.headers["allow"] == allowed)
        }
    }

    @Test func probes() async throws {
        try await APIHarness.run { api in
            #expect(try await api.call("GET", "/healthz").status == 200)
            let head = try await api.call("HEAD", "/healthz")
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            api.administration.edit { $0.status.trouble = "the journal can't be written: no space left" }
            let starting = try await api.call("GET", "/readyz")
            #expect(starting.status == 503)
            #expect(try starting.json["detail"] == "the journal can't be written: no space left")
            api.administration.edit { $0.status.isReady = true }
            #expect(try await api.call("GET", "/readyz").status == 200)
        }
    }

    @Test func statusAndEventTypes() async throws {
        try await APIHarness.run(MemoryAdministration(rules: .forTests(extra: ["invoice.paid"]))) { api in
            api.administration.edit {
                $0.status.accepted = 12
                $0.status.startedAt = 1_777_732_330_000
            }
            let status = try await api.call("GET", "/api/v1/status").json
            #expect(status["version"] == "1.2.3")
            #expect(status["events"]?["accepted"] == 12)
            #expect(status["startedAt"] == "2026-05-02T14:32:10.000Z")
            let types = try await api.call("GET", "/api/v1/event-types").json["data"]?.arrayValue ?? []
            #expect(
                types.compactMap { $0["event"]?.stringValue }
                    == EventCatalogue.builtIn + ["invoice.paid"] + EventCatalogue.operational)
            for type in types {
                #expect(type["sample"]?["event"] == type["event"])
                #expect(type["sample"]?["data"]?.objectValue != nil)
                let isOwn = type["event"] != "invoice.paid"
                #expect(type["sample"]?["data"]?.objectValue?.members.isEmpty == !isOwn)
            }
        }
    }

    // MARK: Connections

    @Test func severalRequestsOnAConnection() async throws {
        try await APIHarness.run { api in
            let get = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
            let last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            let text = try await api.exchange(get + get + last)
            #expect(text.split(separator: "HTTP/1.1 200 OK").count == 3)
        }
    }

    @Test func aClientThatHasFinishedSendingGetsItsAnswer() async throws {
        try await APIHarness.run(MemoryAdministration(delay: .milliseconds(50))) { api in
            let body = #"{"url":"https://a.example/","events":["*"],"tenantId":"t"}"#
            let text = try await api.exchange(
                "POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)",
                halfClose: true)
            #expect(try Answer(text).status == 201)
        }
    }

    @Test func aBrokenConnectionIsItsOwnTrouble() async throws {
        try await APIHarness.run { api in
            #expect(try await api.exchange("\u{0}\u{1}garbage\r\n\r\n").hasPrefix("HTTP/1.1 400"))
            let many = (0..<100).map { "X-\($0): v\r\n" }.joined()
            #expect(try await api.exchange("GET /healthz HTTP/1.1\r\nHost: x\r\n\(many)\r\n").hasPrefix("HTTP/1.1 400"))
            // Gone in the middle of a body.
            try await api.connect().executeThenClose { _, outbound in
                try await outbound.write(
                    ByteBuffer(string: "POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"))
            }
            #expect(try await api.call("GET", "/healthz").status == 200)
        }
    }

    @Test func aLengthThatIsTooLargeIsRefusedBeforeTheBody() async throws {
        try await APIHarness.run { api in
            let text = try await api.exchange(
                "POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 999999999\r\n\r\n",
                halfClose: true)
            #expect(try Answer(text).status == 413)
        }
    }

    @Test func manyClientsAtOnce() async throws {
        try await APIHarness.run { api in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        let body = WebhookRoutesTests.body(tenant: "tenant_\(index % 7)")
                        return try await api.call("POST", "/api/v1/webhooks", body).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 201, count: 100))
            let listed = try await api.call("GET", "/api/v1/webhooks?limit=200").json
            #expect(listed["data"]?.arrayValue?.count == 100)
        }
    }

    @Test func slowClientsAreClosed() async throws {
        let limits = APILimits(idleTime: .milliseconds(150), transferTime: .milliseconds(150))
        try await APIHarness.run(limits: limits) { api in
            for text in [
                "", "GET /healthz HT", "POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
            ] {
                do {
                    #expect(try await !api.exchange(text).contains("200 OK"))
                } catch ChannelError.ioOnClosedChannel {
                    // On a busy machine the server has closed it before anything was sent.
                }
            }
            let after = try await api.call("GET", "/healthz")
            #expect(after.status == 200)
        }
    }

    /// A head that comes byte by byte has no more time than one that does not come.
    @Test(.timeLimit(.minutes(5)))
    func aHeadThatDrips() async throws {
        try await APIHarness.run(limits: APILimits(idleTime: .milliseconds(200))) { api in
            try await api.connect().executeThenClose { inbound, outbound in
                let dripping = Task {
                    // It fails once the server has closed, as it is to.
                    try await outbound.write(ByteBuffer(string: "GET /healthz HTTP/1.1\r\nX-A: "))
                    while !Task.isCancelled {
                        try await outbound.write(ByteBuffer(string: "x"))
                        try await Task.sleep(for: .milliseconds(20))
                    }
                }
                // Ends when the server closes, and not before: with an end or, where bytes were under way, a reset.
                do {
                    for try await _ in inbound {}
                } catch is IOError {}
                dripping.cancel()
            }
        }
    }

    /// Requests one after the other begin anew each time.
    @Test(.timeLimit(.minutes(5)))
    func requestsOneAfterTheOther() async throws {
        let idleTime = Duration.seconds(1)
        try await APIHarness.run(limits: APILimits(idleTime: .seconds(1))) { api in
            var isDone = false
            // A machine that is too busy to keep the pauses short shows nothing, and gets another try.
            while !isDone { isDone = try await Self.makeFiveRequests(api, pause: idleTime / 4, longest: idleTime / 2) }
        }
    }

    /// - Returns: false if a pause was longer than the longest that is meant.
    private static func makeFiveRequests(_ api: APIHarness, pause: Duration, longest: Duration) async throws -> Bool {
        let clock = ContinuousClock()
        var wasBusy = false
        var last = clock.now
        do {
            try await api.connect().executeThenClose { inbound, outbound in
                var parts = inbound.makeAsyncIterator()
                for _ in 0..<5 {
                    try await outbound.write(ByteBuffer(string: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
                    wasBusy = wasBusy || clock.now - last > longest
                    var answer = ""
                    while !answer.hasSuffix("}"), let part = try await parts.next() { answer += String(buffer: part) }
                    wasBusy = wasBusy || clock.now - last > longest
                    if !wasBusy { #expect(answer.hasPrefix("HTTP/1.1 200")) }
                    last = clock.now
                    try await Task.sleep(for: pause)
                }
            }
        } catch  where wasBusy || clock.now - last > longest {
            return false
        }
        return !wasBusy
    }

    @Test func connectionsAreBounded() async throws {
        try await APIHarness.run(limits: APILimits(connections: 2, idleTime: .seconds(60))) { api in
            let ping = ByteBuffer(string: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            let held = try await [api.connect(), api.connect()]
            try await held[0].executeThenClose { first, firstOut in
                try await held[1].executeThenClose { second, secondOut in
                    for (inbound, outbound) in [(first, firstOut), (second, secondOut)] {
                        try await outbound.write(ping)
                        for try await _ in inbound { break }
                    }
                    // The third waits in the backlog until one of the two is gone.
                    try await withThrowingTaskGroup(of: Int.self) { group in
                        group.addTask { try await api.call("GET", "/healthz").status }
                        group.addTask {
                            try await Task.sleep(for: .milliseconds(150))
                            return 0
                        }
                        let early = try await group.next()
                        #expect(early == 0)
                        held[1].channel.close(promise: nil)
                        let late = try await group.next()
                        #expect(late == 200)
                    }
                }
            }
        }
    }

    @Test func cancellationAnswersWhatHasArrived() async throws {
        let (started, start) = AsyncStream.makeStream(of: APIHarness.self)
        async let statuses: [Int] = {
            var statuses: [Int] = []
            for await api in started {
                let body = WebhookRoutesTests.body(tenant: "acme")
                statuses.append(try await api.call("POST", "/api/v1/webhooks", body).status)
            }
            return statuses
        }()
        try await APIHarness.run(MemoryAdministration(delay: .milliseconds(200))) { api in
            start.yield(api)
            start.finish()
            while api.administration.edit({ $0.begun }) == 0 { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(try await statuses == [201])
    }

    @Test func noSocket() async throws {
        let server = APIServer(
            administration: MemoryAdministration(), answers: MemoryAnswers(), version: "",
            logger: Logger(label: "test"), group: MultiThreadedEventLoopGroup.singleton, door: .socket)
        // None at all, and standard input.
        for descriptor: Int32 in [-1, 0] {
            await #expect(throws: APIServerError.notListening) { try await server.run(listening: descriptor) }
        }
    }
}
