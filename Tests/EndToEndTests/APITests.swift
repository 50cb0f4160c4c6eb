import Foundation
import Testing

extension EndToEnd {
    /// The HTTP API as a person at a shell calls it, with curl.
    @Suite struct APITests {
        private struct Shell {
            let lab: Lab
            let daemon: Daemon

            /// - Returns: the status and the body.
            func curl(
                _ method: String, _ path: String, _ body: String? = nil, type: String = "application/json"
            ) throws -> (status: Int, body: JSON, type: String) {
                var arguments = [
                    "curl", "--silent", "--show-error", "--unix-socket", daemon.apiSocket, "--request", method,
                    "--write-out", "\n%{http_code} %{content_type}", "http://localhost\(path)",
                ]
                if let body { arguments += ["--header", "Content-Type: \(type)", "--data-binary", body] }
                let child = try lab.run(arguments)
                #expect(child.end == .exited(0), "\(child.errors)")
                var lines = child.output.split(separator: "\n", omittingEmptySubsequences: false)
                let last = lines.removeLast().split(separator: " ", maxSplits: 1)
                let text = lines.joined(separator: "\n")
                return (
                    Int(last[0]) ?? 0, try JSON(text.isEmpty ? "null" : text), last.count > 1 ? String(last[1]) : ""
                )
            }
        }

        @Test func theCreateCallOfExistingClients() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let shell = Shell(lab: lab, daemon: daemon)
                let url = "https://hooks.example.com/in"
                let created = try shell.curl(
                    "POST", "/api/v1/webhooks",
                    "{\"url\":\"\(url)\",\"events\":[\"application.scored\",\"job.*\"],\"isActive\":true,"
                        + "\"tenantId\":\"tenant_abc123\"}")
                #expect(created.status == 201)
                #expect(created.type.hasPrefix("application/json"))
                let id = try #require(created.body.id.string)
                let secret = try #require(created.body.secret.string)
                #expect(id.wholeMatch(of: /wh_[0-9A-Za-z]{10,60}/) != nil)
                #expect(secret.wholeMatch(of: /whsec_[A-Za-z0-9+\/]{43}=/) != nil)
                #expect(created.body.url.string == url)
                #expect(created.body.events.strings == ["application.scored", "job.*"])
                #expect(created.body.isActive.bool == true)
                #expect(created.body.tenantId.string == "tenant_abc123")

                let shown = try shell.curl("GET", "/api/v1/webhooks/\(id)")
                let listed = try shell.curl("GET", "/api/v1/webhooks?tenantId=tenant_abc123")
                let changed = try shell.curl("PATCH", "/api/v1/webhooks/\(id)", "{\"description\":\"ours\"}")
                for answer in [shown, listed, changed] { #expect(answer.status == 200) }
                for body in [shown.body, listed.body, changed.body] {
                    #expect(!"\(body)".contains("whsec_"))
                    #expect(!"\(body)".contains(secret.dropFirst(6)))
                }
                #expect(listed.body.data.array.map(\.id.string) == [id])
                #expect(listed.body.nextCursor.isNull)
                for name in ["state", "stateReason", "health", "backlog"] { #expect(shown.body.names.contains(name)) }
                #expect(shown.body.state.string == "active")
                #expect(shown.body.health.breaker.string == "closed")
                #expect(changed.body.description.contains("ours"))
                #expect(!daemon.log.contains(secret))
            }
        }

        @Test func listsComeInPages() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let made = try (0..<5).map { try daemon.webhook("https://hooks.example.com/\($0)").id }
                _ = try daemon.webhook("https://hooks.example.com/", tenant: "other")
                var seen: [String] = []
                var path = "/api/v1/webhooks?tenantId=acme&limit=2"
                for _ in 0..<3 {
                    let page = try daemon.api.json("GET", path)
                    seen += page.data.array.compactMap(\.id.string)
                    guard let cursor = page.nextCursor.string else { break }
                    path = "/api/v1/webhooks?tenantId=acme&limit=2&cursor=\(cursor)"
                }
                #expect(seen == made)
            }
        }

        @Test func mistakesAreNamed() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let shell = Shell(lab: lab, daemon: daemon)
                let path = "/api/v1/webhooks"
                let bad = try shell.curl(
                    "POST", path,
                    "{\"url\":\"ftp://x\",\"events\":[\"job.opened\"],\"isActive\":\"yes\",\"headers\":{\"Host\":\"a\"},"
                        + "\"timeoutMs\":-1,\"colour\":\"red\"}")
                #expect(bad.status == 422)
                #expect(bad.type.hasPrefix("application/problem+json"))
                let fields = Set(bad.body.errors.array.compactMap { $0.field.string?.split(separator: ".").first })
                #expect(
                    fields.map { String($0.prefix { $0 != "[" }) }.sorted()
                        == ["colour", "events", "headers", "isActive", "tenantId", "timeoutMs", "url"])
                #expect(bad.body.errors.array.allSatisfy { $0.message.string?.isEmpty == false })

                #expect(try shell.curl("GET", "\(path)/wh_NONE").status == 404)
                #expect(try shell.curl("PATCH", "\(path)/wh_NONE", "{}").status == 404)
                #expect(try shell.curl("DELETE", "\(path)/wh_NONE").status == 404)
                #expect(try shell.curl("GET", "/api/v1/nothing").status == 404)
                #expect(try shell.curl("POST", path, "{}", type: "text/plain").status == 415)
                #expect(try shell.curl("POST", path, "{").status == 400)
                #expect(try shell.curl("PUT", path, "{}").status == 405)
                let webhook = try daemon.webhook("https://hooks.example.com/")
                #expect(try shell.curl("GET", "\(path)/\(webhook.id)?tenantId=other").status == 404)
                #expect(try shell.curl("DELETE", "\(path)/\(webhook.id)?tenantId=other").status == 404)
                #expect(try shell.curl("GET", "\(path)?limit=0").status == 422)
                #expect(try daemon.api.json("GET", path).data.array.count == 1)
            }
        }

        @Test func changesCountForDeliveries() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let shell = Shell(lab: lab, daemon: daemon)
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/first"), events: ["job.*"])
                let path = "/api/v1/webhooks/\(webhook.id)"
                try daemon.accept(event(id: "a"))
                try eventually("the first delivery") { receiver.count == 1 }

                #expect(try shell.curl("PATCH", path, "{\"isActive\":false}").body.state.string == "paused")
                #expect(try daemon.accept(event(id: "b")).webhooks.int == 1)
                try throughout(.milliseconds(300), "a paused webhook gets nothing") { receiver.count == 1 }
                #expect(try daemon.show(webhook).backlog.pending.int == 1)

                // URL and headers are those at the time of the attempt.
                let change = "{\"url\":\"\(receiver.url("/second"))\",\"headers\":{\"X-Now\":\"1\"},\"isActive\":true}"
                #expect(try shell.curl("PATCH", path, change).body.state.string == "active")
                try eventually("what waited") { receiver.count == 2 }
                let second = try #require(try receiver.deliveries("/second").first)
                #expect(second.id == "b")
                #expect(second.header("X-Now") == "1")

                _ = try shell.curl("PATCH", path, "{\"events\":[\"application.*\"],\"headers\":null}")
                #expect(try daemon.accept(event(id: "c")).webhooks.int == 0)
                #expect(try daemon.accept(event("application.scored", id: "d")).webhooks.int == 1)
                try eventually("the other type") { receiver.count == 3 }
                #expect(try receiver.deliveries().last?.header("X-Now") == nil)

                _ = try shell.curl("PATCH", path, "{\"isActive\":false}")
                try daemon.accept(event("application.scored", id: "e"))
                #expect(try shell.curl("DELETE", path).status == 204)
                #expect(try daemon.accept(event("application.scored", id: "f")).webhooks.int == 0)
                #expect(try shell.curl("GET", path).status == 404)
                try throughout(.milliseconds(300), "a deleted webhook gets nothing") { receiver.count == 3 }
                #expect(try daemon.status().deliveries.pending.int == 0)
            }
        }

        @Test func theCommandLineDoesTheSame() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let environment = ["HOOKLINE_API_SOCKET": daemon.apiSocket]
                func webhooks(_ arguments: String...) throws -> Child {
                    let child = try lab.hookline(["webhooks"] + arguments, environment: environment)
                    #expect(child.end == .exited(0), "\(child.errors)")
                    return child
                }
                let added = try JSON(
                    try webhooks("add", receiver.url(), "--tenant", "acme", "--event", "job.*", "--paused", "--json")
                        .output)
                let id = try #require(added.id.string)
                try receiver.use(secret: try #require(added.secret.string))
                try daemon.accept(event())
                #expect(try webhooks("list").output.contains(id))
                #expect(try webhooks("show", id).output.contains("paused"))
                _ = try webhooks("edit", id, "--header", "X-A=b")
                _ = try webhooks("resume", id)
                try eventually("a delivery") { receiver.count == 1 }
                #expect(try receiver.deliveries()[0].header("X-A") == "b")
                #expect(try receiver.deliveries()[0].isGenuine)
                _ = try webhooks("pause", id)
                #expect(try webhooks("show", id, "--json").output.contains("\"paused\""))
                _ = try webhooks("remove", id)
                let gone = try lab.hookline(["webhooks", "show", id], environment: environment)
                #expect(gone.end == .exited(1))
                #expect(!gone.errors.isEmpty)

                let status = try lab.hookline(["status", "--json"], environment: environment)
                #expect(status.end == .exited(0))
                #expect(try JSON(status.output).events.accepted.int == 1)
                #expect(try daemon.stop() == .exited(0))
                let unreachable = try lab.hookline(["status"], environment: environment)
                #expect(unreachable.end == .exited(69))
            }
        }

        @Test func modesOfSocketsAndFiles() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                _ = try daemon.webhook("https://hooks.example.com/")
                try daemon.accept(event())
                #expect(mode(daemon.apiSocket) == 0o600)
                #expect(mode(daemon.eventsSocket) == 0o660)
                #expect(mode("\(daemon.stateDirectory)/journal") == 0o700)
                let segments = try FileManager.default.contentsOfDirectory(atPath: "\(daemon.stateDirectory)/journal")
                #expect(!segments.isEmpty)
                for segment in segments { #expect(mode("\(daemon.stateDirectory)/journal/\(segment)") == 0o600) }
                try eventually("the snapshot is written") { exists(daemon.registrations) }
                #expect(mode(daemon.registrations) == 0o600)
            }
        }
    }
}
