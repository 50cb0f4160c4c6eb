import Foundation
import Testing

extension EndToEnd {
    /// `[[producers]]`: who may send what, by the kernel's word.
    @Suite struct ProducerRulesTests {
        private static func rule(_ uid: uid_t, tenants: String, events: String = "\"*\"") -> String {
            "[[producers]]\nuid = \(uid)\ntenants = [\(tenants)]\nevents = [\(events)]\n"
        }

        @Test func onlyTheNamedMaySend() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(
                    Self.rule(getuid(), tenants: "\"acme\"", events: "\"application.*\"")
                        + Self.rule(getuid() + 1, tenants: "\"*\""))
                let replies = try daemon.send(
                    event("application.scored") + "\n" + event("job.created", id: "j") + "\n"
                        + event("application.scored", tenant: "other") + "\n"
                        + "{\"event\":\"application.rejected\",\"data\":{}}\n")
                #expect(replies.map(\.ok.bool) == [true, false, false, true])
                #expect(replies[1].error.string == "forbidden")
                #expect(replies[1].id.string == "j")
                #expect(replies[1].line.int == 2)
                #expect(replies[1].message.string?.contains("job.created") == true)
                #expect(replies[2].error.string == "forbidden")
                #expect(replies[2].message.string?.contains("other") == true)
            }
        }

        @Test func anotherUsersRuleAllowsNothing() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(Self.rule(getuid() + 1, tenants: "\"*\""))
                let replies = try daemon.send(event() + "\n")
                #expect(replies.map(\.error.string) == ["forbidden"])
            }
        }

        @Test func rulesOfAGroupCount() throws {
            try Lab.run { lab in
                let group = try #require(getgrgid(getgid()).map { String(cString: $0.pointee.gr_name) })
                let daemon = try lab.daemon(
                    "[[producers]]\ngroup = \(quoted(group))\ntenants = [\"*\"]\nevents = [\"job.*\"]\n"
                        + "[[producers]]\ngroup = \"no-such-group\"\ntenants = [\"*\"]\n")
                #expect(daemon.log.contains("no-such-group"))
                let replies = try daemon.send(event("job.closed") + "\n" + event("application.scored") + "\n")
                #expect(replies.map(\.ok.bool) == [true, false])
            }
        }

        @Test func theOnlyTenantIsTheDefault() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(Self.rule(getuid(), tenants: "\"acme\""))
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url())
                try daemon.accept("{\"event\":\"job.closed\",\"data\":{}}")
                try eventually("a delivery") { receiver.count == 1 }
                #expect(try receiver.deliveries()[0].body.contains("\"tenantId\":\"acme\",\"data\":{}}"))
                try daemon.configure(Self.rule(getuid(), tenants: "\"acme\",\"other\""))
                try daemon.reload()
                let replies = try daemon.send("{\"event\":\"job.closed\",\"data\":{}}\n")
                #expect(replies.map(\.error.string) == ["missing_field"])
            }
        }

        @Test func aReloadCountsFromTheNextLine() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(Self.rule(getuid(), tenants: "\"acme\""))
                let connection = try daemon.connect()
                func reply(_ tenant: String) throws -> JSON {
                    try connection.send(event(tenant: tenant) + "\n")
                    return try JSON(try #require(try connection.readLine()))
                }
                #expect(try reply("acme").ok.bool == true)
                #expect(try reply("other").error.string == "forbidden")

                try daemon.configure(Self.rule(getuid(), tenants: "\"other\""))
                try daemon.reload()
                #expect(try reply("acme").error.string == "forbidden")
                #expect(try reply("other").ok.bool == true)

                try daemon.configure("[ingest]\nmax-line-bytes = \"much\"\n")
                try daemon.reload()
                #expect(daemon.log.contains("not reloaded"))
                #expect(daemon.log.contains("ingest.max-line-bytes"))
                #expect(try reply("other").ok.bool == true)
                #expect(try reply("acme").error.string == "forbidden")
            }
        }

        @Test func aReloadNamesWhatNeedsARestart() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                try daemon.configure("[ingest]\ndedupe-window = \"1h\"\nmax-line-bytes = \"1KiB\"\n")
                try daemon.reload()
                #expect(daemon.log.contains("ingest.dedupe-window"))
                #expect(!daemon.log.contains("max-line-bytes"))
                let long = event(data: "{\"a\":\"\(String(repeating: "x", count: 1_024))\"}")
                #expect(try daemon.send(long + "\n").map(\.error.string) == ["line_too_long"])
            }
        }
    }
}
