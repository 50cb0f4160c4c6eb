import Foundation
import Testing

extension EndToEnd {
    /// Everything that writes to `events.sock`, and how badly it may behave.
    @Suite struct ProducerTests {
        // MARK: Programs

        @Test func socatShowsItsReplies() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let script = "printf '%s\\n%s' \"$1\" \"$2\" | socat - \"UNIX-CONNECT:$3\""
                let child = try lab.run(
                    ["sh", "-c", script, "sh", event(id: "one"), event(id: "two"), daemon.eventsSocket])
                #expect(child.end == .exited(0))
                // The second line has no LF and counts all the same.
                #expect(
                    child.output
                        == "{\"ok\":true,\"id\":\"one\",\"webhooks\":0}\n{\"ok\":true,\"id\":\"two\",\"webhooks\":0}\n")
            }
        }

        @Test func netcatShowsItsReplies() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let child = try lab.run(
                    ["nc", "-U", "-N", daemon.eventsSocket], input: .text(event(id: "one") + "\n{\n"))
                #expect(child.end == .exited(0))
                let replies = try child.output.split(separator: "\n").map { try JSON(String($0)) }
                #expect(replies.map(\.ok.bool) == [true, false])
                #expect(replies.last?.error.string == "invalid_json")
            }
        }

        @Test func pythonsSocketModule() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let script = """
                    import json, socket, sys
                    relay = socket.socket(socket.AF_UNIX)
                    relay.connect(sys.argv[1])
                    lines = relay.makefile("rw", encoding="utf-8", newline="\\n")
                    for index in range(100):
                        event = {"event": "job.closed", "tenantId": "acme", "id": f"p{index}", "data": {"name": "Łucja"}}
                        lines.write(json.dumps(event) + "\\n")
                        lines.flush()
                        reply = json.loads(lines.readline())
                        assert reply == {"ok": True, "id": f"p{index}", "webhooks": 0}, reply
                    """
                let child = try lab.run(["/usr/bin/python3", "-c", script, daemon.eventsSocket])
                #expect(child.end == .exited(0), "\(child.errors)")
                try daemon.waitUntil(events: "accepted", count: 100)
            }
        }

        // MARK: Bad behaviour

        @Test func aProducerKilledInMidLine() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let script = """
                    import socket, sys, time
                    relay = socket.socket(socket.AF_UNIX)
                    relay.connect(sys.argv[1])
                    relay.sendall(sys.argv[2].encode() + b"\\n" + sys.argv[2].encode()[:-3])
                    print("written", flush=True)
                    time.sleep(60)
                    """
                let child = try lab.start(["/usr/bin/python3", "-c", script, daemon.eventsSocket, event()])
                try eventually("the producer has written") { child.output.contains("written") }
                try eventually("its whole line is taken") { try daemon.status().events.accepted.int == 1 }
                child.signal(SIGKILL)
                try child.wait()
                try eventually("its half line is refused") { try daemon.status().events.refused.int == 1 }
                try daemon.waitUntil(events: "accepted", count: 1)
                try daemon.accept(event())
                try eventually("no connection is left") { try daemon.status().events.connections.int == 0 }
            }
        }

        @Test func tenThousandConnections() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                try daemon.accept(event())
                let process = try daemon.running()
                let before = process.descriptors
                for batch in 0..<40 {
                    let connections = try (0..<250).map { _ in try daemon.connect() }
                    // Some write and never read, some write half a line, most say nothing.
                    for index in 0..<10 { try connections[index].send(event(id: "c\(batch)-\(index)") + "\n") }
                    for index in 10..<20 { try connections[index].send("{\"event\":") }
                    for connection in connections { connection.close() }
                }
                try eventually("all lines are taken") { try daemon.status().events.accepted.int == 401 }
                try eventually("all connections are closed") { process.descriptors <= before }
                try daemon.waitUntil(events: "refused", count: 400)
                try daemon.accept(event())
            }
        }

        @Test func aLineOf100Megabytes() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                try daemon.accept(event())
                let process = try daemon.running()
                let before = try process.memory("VmRSS")
                let connection = try daemon.connect()
                let mebibyte = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
                for _ in 0..<100 { try connection.send(mebibyte) }
                try connection.send("\n" + event(id: "after") + "\n")
                let refusal = try JSON(try #require(try connection.readLine()))
                #expect(refusal.error.string == "line_too_long")
                #expect(refusal.line.int == 1)
                let reply = try JSON(try #require(try connection.readLine()))
                #expect(reply.id.string == "after")
                // The most that it ever had, not only what it has now.
                #expect(try process.memory("VmHWM") - before < 24 << 20)
                connection.endWriting()
                #expect(try connection.readToEnd().isEmpty)
            }
        }

        @Test func randomBytesForASecond() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let connection = try daemon.connect()
                let replies = Background { try connection.readToEnd(within: .seconds(30)) }
                var generator = SystemRandomNumberGenerator()
                let deadline = ContinuousClock.now + .seconds(1)
                while ContinuousClock.now < deadline {
                    var bytes: [UInt8] = []
                    for _ in 0..<512 { withUnsafeBytes(of: generator.next()) { bytes += $0 } }
                    try connection.send(bytes)
                }
                try connection.send("\n" + event(id: "sane") + "\n")
                connection.endWriting()
                let lines = try replies.value().split(separator: 0x0A).map { try JSON(Array($0)) }
                #expect(lines.count > 10)
                #expect(lines.last?.id.string == "sane")
                let codes = Set(lines.dropLast().compactMap(\.error.string))
                #expect(codes.isSubset(of: ["invalid_json", "invalid_utf8", "line_too_long"]), "\(codes)")
                let numbers = lines.dropLast().compactMap(\.line.int)
                #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
                try daemon.waitUntil(events: "accepted", count: 1)
            }
        }

        @Test func aProducerThatNeverReads() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let connection = try daemon.connect()
                let writing = Background {
                    for thousand in 0..<50 {
                        let lines = (0..<1_000).map { event(id: "n\(thousand)-\($0)", data: "{\"n\":\($0)}") + "\n" }
                        try connection.send(lines.joined())
                    }
                }
                var slowest = Duration.zero
                var asked = 0
                while !writing.isDone {
                    let begun = ContinuousClock.now
                    try daemon.accept(event())
                    slowest = max(slowest, ContinuousClock.now - begun)
                    asked += 1
                    usleep(20_000)
                }
                try writing.value()
                #expect(slowest < .seconds(1))
                try eventually("all lines are taken", within: .seconds(20)) {
                    try daemon.status().events.accepted.int == 50_000 + asked
                }
                try daemon.waitUntil(events: "refused", count: 0)
                // It reads at last: replies without a gap from the first one on, then the end.
                connection.endWriting()
                let replies = try connection.readToEnd()
                let lines = replies.split(separator: 0x0A)
                #expect(lines.count >= 256 * 1024 / 60 && lines.count < 50_000)
                for (index, line) in lines.enumerated() {
                    let expected = "{\"ok\":true,\"id\":\"n\(index / 1_000)-\(index % 1_000)\",\"webhooks\":0}"
                    // The last one may be cut short.
                    if index < lines.count - 1, !line.elementsEqual(expected.utf8) {
                        throw Unmet("reply \(index) is \(String(decoding: line, as: UTF8.self))")
                    }
                }
            }
        }

        @Test func blankLinesAreCountedAndNotAnswered() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let replies = try daemon.send("\n \t\r\n" + event() + "\n\n{\n")
                #expect(replies.map(\.ok.bool) == [true, false])
                #expect(replies.last?.line.int == 5)
                try daemon.waitUntil(events: "blankLines", count: 3)
            }
        }

        // MARK: hookline send

        @Test func sendFromAFileAndStandardInput() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let text = (0..<2_000).map { event(data: "{\"n\":\($0)}") + "\n" }.joined()
                let file = try lab.directory.write("events.ndjson", text)
                let first = try lab.hookline(["send", "--socket", daemon.eventsSocket, "--json", file])
                #expect(first.end == .exited(0), "\(first.errors)")
                #expect(first.output.split(separator: "\n").count == 2_000)
                let second = try lab.hookline(
                    ["send", "--json"], environment: ["HOOKLINE_EVENTS_SOCKET": daemon.eventsSocket],
                    input: .text(event(id: "mine")))
                #expect(second.end == .exited(0), "\(second.errors)")
                #expect(try JSON(second.output).id.string == "mine")
                try daemon.waitUntil(events: "accepted", count: 2_001)
            }
        }

        @Test func sendExitsWith1IfALineWasRefused() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let lines = [event(), event("nothing.known"), event()].map { $0 + "\n" }.joined()
                let sent = try lab.hookline(
                    ["send", "--socket", daemon.eventsSocket], input: .text(lines))
                #expect(sent.end == .exited(1))
                #expect(sent.errors.contains("line 2: unknown_event:"))
                try daemon.waitUntil(events: "accepted", count: 2)
            }
        }

        @Test func sendExitsWith69WithoutADaemon() throws {
            try Lab.run { lab in
                let sent = try lab.hookline(
                    ["send", "--socket", "\(lab.directory.path)/none.sock"], input: .text(event() + "\n"))
                #expect(sent.end == .exited(69))
                #expect(sent.errors.contains("none.sock"))
                #expect(sent.errors.contains("hookline serve"))
            }
        }

        @Test func sendGoesOnAfterARestart() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url())
                let sending = try lab.start(
                    [Package.executable, "send", "--socket", daemon.eventsSocket, "--json", "--retry-for", "20s"],
                    input: .open)
                for index in 0..<10 { sending.write(event(id: "r\(index)") + "\n") }
                try eventually("ten replies") { sending.output.split(separator: "\n").count == 10 }
                try daemon.kill()
                for index in 10..<20 { sending.write(event(id: "r\(index)") + "\n") }
                try daemon.start()
                sending.endInput()
                try sending.wait()
                #expect(sending.end == .exited(0), "\(sending.errors)")
                try eventually("all are delivered") {
                    Set(try receiver.deliveries().map(\.id)) == Set((0..<20).map { "r\($0)" })
                }
            }
        }
    }
}
