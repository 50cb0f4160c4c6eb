import Foundation
import Testing

extension EndToEnd {
    /// Every refusal, over the real socket.
    @Suite struct RefusalTests {
        @Test func faultsOfOneLine() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let valid = "\"event\":\"job.closed\",\"tenantId\":\"acme\",\"data\":{}"
                let deep = { (depth: Int) in
                    "{\"a\":" + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1)
                        + "}"
                }
                let long = { (count: Int) in String(repeating: "i", count: count) }
                let cases: [(line: String, error: String?, id: String?)] = [
                    ("{\(valid)}", nil, nil),
                    ("{\(valid)", "invalid_json", nil),
                    ("[{\(valid)}]", "invalid_json", nil),
                    ("\"text\"", "invalid_json", nil),
                    ("{\(valid)} {}", "invalid_json", nil),
                    ("{\(valid),}", "invalid_json", nil),
                    ("{'event':1}", "invalid_json", nil),
                    ("{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"data\":{\"a\":01}}", "invalid_json", nil),
                    ("{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"data\":{\"a\":NaN}}", "invalid_json", nil),
                    ("{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"data\":\(deep(128))}", nil, nil),
                    ("{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"data\":\(deep(129))}", "invalid_json", nil),
                    ("{}", "missing_field", nil),
                    ("{\"tenantId\":\"acme\",\"data\":{},\"id\":\"no-event\"}", "missing_field", "no-event"),
                    ("{\"event\":\"job.closed\",\"data\":{},\"id\":\"no-tenant\"}", "missing_field", "no-tenant"),
                    ("{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"id\":\"no-data\"}", "missing_field", "no-data"),
                    ("{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"data\":[]}", "invalid_field", nil),
                    ("{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"data\":null}", "invalid_field", nil),
                    ("{\"event\":7,\"tenantId\":\"acme\",\"data\":{}}", "invalid_field", nil),
                    ("{\(valid),\"id\":\"\(long(64))\"}", nil, long(64)),
                    ("{\(valid),\"id\":\"\(long(65))\"}", "invalid_field", nil),
                    ("{\(valid),\"id\":\"\"}", "invalid_field", nil),
                    ("{\(valid),\"id\":\"a b\"}", "invalid_field", nil),
                    (event(tenant: long(64)), nil, nil),
                    (event(tenant: long(65), id: "t65"), "invalid_field", "t65"),
                    (event(id: "time", timestamp: "2026-02-29T00:00:00Z"), "invalid_field", "time"),
                    (event(id: "time", timestamp: "yesterday"), "invalid_field", "time"),
                    ("{\(valid),\"datum\":1,\"id\":\"more\"}", "unknown_field", "more"),
                    ("{\(valid),\"event\":\"job.closed\"}", "duplicate_field", nil),
                    ("{\(valid),\"\\u0065vent\":\"job.closed\"}", "duplicate_field", nil),
                    (event("job.opened", id: "unknown"), "unknown_event", "unknown"),
                    (event("webhook.failing"), "unknown_event", nil),
                    (event("application.*"), "unknown_event", nil),
                ]
                let replies = try daemon.send(cases.map { $0.line + "\n" }.joined())
                try #require(replies.count == cases.count)
                for (index, expected) in cases.enumerated() {
                    let reply = replies[index]
                    #expect(reply.ok.bool == (expected.error == nil), "\(expected.line) → \(reply)")
                    #expect(reply.error.string == expected.error, "\(expected.line) → \(reply)")
                    if let id = expected.id { #expect(reply.id.string == id) }
                    if expected.error != nil {
                        #expect(reply.line.int == index + 1)
                        #expect(reply.message.string?.isEmpty == false)
                        #expect(expected.id != nil || !reply.id.isThere)
                        #expect(!reply.retryAfterMs.isThere)
                    }
                }
                let accepted = cases.count { $0.error == nil }
                try daemon.waitUntil(events: "accepted", count: accepted)
                try daemon.waitUntil(events: "refused", count: cases.count - accepted)
            }
        }

        @Test func invalidUTF8() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let head = Array("{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"data\":{\"a\":\"".utf8)
                let tail = Array("\"}}\n".utf8)
                // A lone continuation, an overlong slash, a surrogate, beyond Unicode, a sequence cut short.
                let bad: [[UInt8]] = [
                    [0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82],
                ]
                let replies = try daemon.send(
                    bad.flatMap { head + $0 + tail } + head + [0xF4, 0x8F, 0xBF, 0xBF] + tail)
                #expect(replies.map(\.error.string) == Array(repeating: "invalid_utf8", count: 5) + [nil])
                #expect(replies.last?.ok.bool == true)
            }
        }

        @Test func theEndOfTheInput() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                #expect(try daemon.send(event()).map(\.ok.bool) == [true])
                let replies = try daemon.send(event() + "\n" + event().dropLast(1))
                #expect(replies.map(\.error.string) == [nil, "truncated"])
                #expect(replies.last?.line.int == 2)
                #expect(try daemon.send("").isEmpty)
                #expect(try daemon.send("  ").isEmpty)
            }
        }

        @Test func theLengthOfALine() throws {
            try Lab.run { lab in
                for (setting, limit) in [("", 256 * 1024), ("[ingest]\nmax-line-bytes = \"1KiB\"", 1024)] {
                    let daemon = try lab.daemon(setting)
                    func line(_ length: Int) -> String {
                        let frame = event(data: "{\"a\":\"\"}").utf8.count
                        return event(data: "{\"a\":\"\(String(repeating: "x", count: length - frame))\"}")
                    }
                    #expect(line(limit).utf8.count == limit)
                    let text = line(limit) + "\n" + line(limit + 1) + "\n" + line(limit - 1) + "\n" + event() + "\n"
                    let replies = try daemon.send(text)
                    #expect(replies.map(\.error.string) == [nil, "line_too_long", nil, nil])
                    #expect(replies[1].line.int == 2)
                    // In pieces, as a slow writer sends it.
                    let connection = try daemon.connect()
                    for piece in [Array(text.utf8.prefix(700)), Array(text.utf8.dropFirst(700))] {
                        try connection.send(piece)
                        usleep(20_000)
                    }
                    connection.endWriting()
                    let again = try connection.readToEnd().split(separator: 0x0A).map { try JSON(Array($0)) }
                    #expect(again.map(\.error.string) == [nil, "line_too_long", nil, nil])
                }
            }
        }

        @Test func theSameIDAgain() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url())
                let time = "2026-05-02T14:32:10.000Z"
                let first = event(id: "same", data: "{\"n\":1}", timestamp: time)
                let lines = [
                    first, first, event(id: "same", data: "{\"n\":1}"), event(id: "same", data: "{\"n\": 1}"),
                    event("job.closed", id: "same", data: "{\"n\":1}"),
                    event(id: "same", data: "{\"n\":1}", timestamp: "2026-05-02T14:32:10.001Z"),
                    event(tenant: "other", id: "same", data: "{\"n\":2}"),
                ]
                let replies = try daemon.send(lines.joined(separator: "\n") + "\n")
                #expect(
                    replies.map(\.error.string) == [nil, nil, nil, "id_conflict", "id_conflict", "id_conflict", nil])
                #expect(replies.map(\.duplicate.bool) == [nil, true, true, nil, nil, nil, nil])
                #expect(replies.map(\.id.string) == Array(repeating: "same", count: 7))
                try eventually("a delivery") { receiver.count >= 1 }
                // Also the id that Hookline made.
                let made = try #require(try daemon.accept(event(data: "{\"n\":3}")).id.string)
                #expect(try daemon.accept(event(id: made, data: "{\"n\":3}")).duplicate.bool == true)
                try eventually("a second delivery") { receiver.count >= 2 }
                try throughout(.milliseconds(200), "nothing is delivered twice") { receiver.count == 2 }
            }
        }

        @Test func aFullJournalRefusesUntilThereIsRoom() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(
                    "[journal]\nmax-bytes = \"1MiB\"\nretention = \"0s\"\n[delivery]\nretry-schedule = [\"1s\"]")
                let receiver = try lab.receiver()
                let data = "{\"a\":\"\(String(repeating: "x", count: 4_000))\"}"
                func fill() throws -> JSON {
                    for _ in 0..<4_000 {
                        let reply = try #require(try daemon.send(event(id: nil, data: data) + "\n").first)
                        if reply.ok.bool == false { return reply }
                    }
                    throw Unmet("nothing was refused")
                }
                func isTaken() throws -> Bool { try daemon.send(event(data: data) + "\n").first?.ok.bool == true }

                // Resumed: what waits is delivered and makes room.
                let paused = try daemon.webhook(receiver.url("/first"), isActive: false)
                let refusal = try fill()
                #expect(refusal.error.string == "backlog_full")
                #expect((refusal.retryAfterMs.int ?? 0) > 0)
                #expect(try daemon.api.call("GET", "/readyz").status == 503)
                #expect(try daemon.status().trouble.string?.contains("max-bytes") == true)
                let waiting = try #require(try daemon.show(paused).backlog.pending.int)
                try daemon.api.json("PATCH", "/api/v1/webhooks/\(paused.id)", "{\"isActive\":true}")
                try eventually("events are taken after the resumption", within: .seconds(15)) { try isTaken() }
                try eventually("all that waited is delivered", within: .seconds(15)) {
                    try receiver.deliveries("/first").count >= waiting
                }
                #expect(try daemon.api.call("GET", "/readyz").status == 200)

                // More is allowed: the reload is enough.
                func configuration(_ size: String) -> String {
                    "[journal]\nmax-bytes = \"\(size)\"\nretention = \"0s\"\n[delivery]\nretry-schedule = [\"1s\"]"
                }
                try daemon.api.json("PATCH", "/api/v1/webhooks/\(paused.id)", "{\"isActive\":false}")
                _ = try fill()
                try daemon.configure(configuration("2MiB"))
                try daemon.reload()
                try eventually("events are taken after the reload") { try isTaken() }
                try daemon.configure(configuration("1MiB"))
                try daemon.reload()
                try eventually("the lower bound counts") { try !isTaken() }

                // Deleted: nobody needs what waits.
                try daemon.api.json("DELETE", "/api/v1/webhooks/\(paused.id)")
                try eventually("events are taken after the removal", within: .seconds(15)) { try isTaken() }
                let second = try daemon.webhook(receiver.url("/second"), isActive: false)
                _ = try fill()
                try daemon.api.json("DELETE", "/api/v1/webhooks/\(second.id)")
                try eventually("events are taken after the removal", within: .seconds(15)) { try isTaken() }
                #expect(try receiver.deliveries("/second").isEmpty)
            }
        }

        @Test func aDiskThatRefusesIsAStorageError() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon()
                // A write beyond the limit on files fails then, instead of ending the process.
                try daemon.start(through: ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"])
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url())
                try daemon.accept(event(id: "before"))
                func limitFiles(_ bytes: String) throws {
                    let changed = try lab.run(
                        ["prlimit", "--pid", "\(try daemon.running().pid)", "--fsize=\(bytes):unlimited"])
                    #expect(changed.end == .exited(0), "\(changed.errors)")
                }
                try limitFiles("64")
                let reply = try #require(try daemon.send(event(id: "during") + "\n").first)
                #expect(reply.error.string == "storage_error")
                #expect(reply.id.string == "during")
                #expect((reply.retryAfterMs.int ?? 0) > 0)
                #expect(try daemon.api.call("GET", "/readyz").status == 503)
                #expect(try daemon.status().trouble.string?.isEmpty == false)
                let refused = try daemon.api.call(
                    "POST", "/api/v1/webhooks", "{\"url\":\"\(receiver.url())\",\"events\":[\"*\"],\"tenantId\":\"b\"}")
                #expect(refused.status == 503)

                try limitFiles("unlimited")
                try eventually("events are taken again") {
                    try daemon.send(event(id: "during") + "\n").first?.ok.bool == true
                }
                #expect(try daemon.api.call("GET", "/readyz").status == 200)
                try eventually("both are delivered") {
                    Set(try receiver.deliveries().map(\.id)) == ["before", "during"]
                }
                // What was refused has left nothing behind, what was accepted is there.
                try daemon.kill()
                try daemon.start()
                #expect(try daemon.accept(event(id: "before")).duplicate.bool == true)
                #expect(try daemon.accept(event(id: "during")).duplicate.bool == true)
            }
        }
    }
}
