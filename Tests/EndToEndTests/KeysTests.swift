import Foundation
import Testing

extension EndToEnd {
    /// The HTTP API over loopback TCP, with keys, as curl and the command line use it.
    @Suite struct KeysTests {
        private struct Shell {
            let lab: Lab
            let daemon: Daemon
            let port: Int
            var host = "127.0.0.1"

            struct Answer {
                let status: Int
                let body: JSON
                let head: String
            }

            func curl(
                _ method: String, _ path: String, _ body: String? = nil, key: String? = nil, _ more: [String] = []
            ) throws -> Answer {
                var arguments = [
                    "curl", "--silent", "--show-error", "--include", "--request", method,
                    "http://\(host):\(port)\(path)",
                ]
                if let key { arguments += ["--header", "Authorization: Bearer \(key)"] }
                if let body { arguments += ["--header", "Content-Type: application/json", "--data-binary", body] }
                let child = try lab.run(arguments + more)
                #expect(child.end == .exited(0), "\(child.errors)")
                guard let end = child.output.range(of: "\r\n\r\n") else { throw Unmet("no HTTP: \(child.output)") }
                let head = String(child.output[..<end.lowerBound])
                let text = String(child.output[end.upperBound...])
                let isJSON = head.lowercased().contains("json")
                return Answer(
                    status: Int(head.split(separator: " ")[1]) ?? 0, body: try JSON(isJSON ? text : "null"), head: head)
            }

            /// `hookline keys add`.
            func key(_ options: String...) throws -> (id: String, text: String) {
                let child = try lab.hookline(
                    ["keys", "add", "--json"] + options, environment: ["HOOKLINE_API_SOCKET": daemon.apiSocket])
                #expect(child.end == .exited(0), "\(child.errors)")
                let json = try JSON(child.output)
                return (try #require(json.id.string), try #require(json.key.string))
            }

            func revoke(_ id: String) throws {
                let child = try lab.hookline(
                    ["keys", "revoke", id], environment: ["HOOKLINE_API_SOCKET": daemon.apiSocket])
                #expect(child.end == .exited(0), "\(child.errors)")
            }
        }

        private func shell(
            _ lab: Lab, _ more: String = "", egress: String = Daemon.localReceivers, host: String = "127.0.0.1"
        ) throws -> Shell {
            let port = try Lab.freePort()
            let daemon = try lab.daemon("[api]\nlisten = \"\(host):\(port)\"\n\(more)", egress: egress)
            return Shell(lab: lab, daemon: daemon, port: port, host: host)
        }

        @Test func aTenantsDayOverTCP() throws {
            try Lab.run { lab in
                let rule = "allow = [\"127.0.0.1/32\", { to = \"127.0.0.1/32\", tenants = [\"acme\"] }]"
                let shell = try shell(lab, egress: rule)
                let receiver = try lab.receiver()
                let acme = try shell.key("--tenant", "acme", "--description", "the shop's").text
                let umbra = try shell.key("--tenant", "umbra").text
                let body = "{\"url\":\"\(receiver.url("/"))\",\"events\":[\"*\"]}"
                // What only an administrator's webhooks may reach is closed to a tenant that no rule names.
                let refused = try shell.curl("POST", "/api/v1/webhooks", body, key: umbra)
                #expect(refused.status == 422)
                let made = try shell.curl("POST", "/api/v1/webhooks", body, key: acme)
                #expect(made.status == 201)
                #expect(made.body.tenantId.string == "acme")
                let id = try #require(made.body.id.string)
                try receiver.use(secret: try #require(made.body.secret.string))
                try shell.daemon.accept(event())
                try eventually("a delivery") { receiver.count == 1 }
                #expect(try receiver.deliveries()[0].isGenuine)
                for path in ["", "/deliveries"] {
                    #expect(try shell.curl("GET", "/api/v1/webhooks/\(id)\(path)", key: acme).status == 200)
                    let foreign = try shell.curl("GET", "/api/v1/webhooks/\(id)\(path)", key: umbra)
                    #expect(foreign.status == 404)
                    #expect(foreign.body.detail.string == "There is no such webhook.")
                }
                #expect(try shell.curl("GET", "/api/v1/webhooks", key: umbra).body.data.array.isEmpty)
                #expect(try shell.curl("POST", "/api/v1/pause", key: acme).status == 404)
                // An event's id, and what was begun with it.
                let accepted = try shell.daemon.accept(event())
                let eventID = try #require(accepted.id.string)
                for (key, status) in [(umbra, 404), (acme, 202)] {
                    #expect(
                        try shell.curl("POST", "/api/v1/events/\(eventID)/replay", key: key).status == status)
                }
                let tasks = try shell.curl("GET", "/api/v1/tasks", key: acme).body.data.array
                #expect(tasks.count == 1)
                let number = try #require(tasks.first?.task.int)
                #expect(try shell.curl("GET", "/api/v1/tasks/\(number)", key: acme).status == 200)
                #expect(try shell.curl("GET", "/api/v1/tasks/\(number)", key: umbra).status == 404)
                #expect(try shell.curl("GET", "/api/v1/tasks", key: umbra).body.data.array.isEmpty)
                #expect(try shell.curl("DELETE", "/api/v1/events/\(eventID)", key: umbra).status == 404)
                #expect(try shell.curl("DELETE", "/api/v1/events/\(eventID)?tenantId=acme", key: umbra).status == 404)
            }
        }

        @Test(arguments: ["127.0.0.1", "[::1]"])
        func theDoor(host: String) throws {
            try Lab.run { lab in
                let shell = try shell(lab, host: host)
                let admin = try shell.key("--admin").text
                let bare = try shell.curl("GET", "/api/v1/status")
                #expect(bare.status == 401)
                #expect(bare.head.lowercased().contains("www-authenticate: bearer realm=\"hookline\""))
                #expect(bare.head.contains("application/problem+json"))
                #expect(try shell.curl("GET", "/api/v1/status", key: admin).status == 200)
                for path in ["/healthz", "/readyz", "/metrics"] {
                    #expect(try shell.curl("GET", path).status == 200)
                }
                for header in [
                    "Origin: https://hooks.example", "Host: hooks.example", "Host: hooks.example:\(shell.port)",
                ] {
                    #expect(
                        try shell.curl("GET", "/api/v1/status", key: admin, ["--header", header]).status == 403,
                        "\(header)")
                }
                #expect(
                    try shell.curl("GET", "/api/v1/status", key: admin, ["--header", "Host: localhost"]).status == 200)
                // On the socket a key counts too.
                let wrong = try lab.run([
                    "curl", "--silent", "--unix-socket", shell.daemon.apiSocket, "--header",
                    "Authorization: Bearer hlk_none", "--output", "/dev/null", "--write-out", "%{http_code}",
                    "http://localhost/api/v1/status",
                ])
                #expect(wrong.output == "401")
            }
        }

        @Test func keysAndTheirEndSurviveAKill() throws {
            try Lab.run { lab in
                let shell = try shell(lab)
                let kept = try shell.key("--admin")
                try shell.daemon.kill()
                try shell.daemon.start()
                #expect(try shell.curl("GET", "/api/v1/status", key: kept.text).status == 200)
                let revoked = try shell.key("--tenant", "acme")
                try eventually("the snapshot has it") {
                    String(decoding: contents(shell.daemon.registrations), as: UTF8.self).contains(revoked.id)
                }
                try shell.revoke(revoked.id)
                #expect(try shell.curl("GET", "/api/v1/webhooks", key: revoked.text).status == 401)
                try shell.daemon.kill()
                try shell.daemon.start()
                #expect(try shell.curl("GET", "/api/v1/status", key: kept.text).status == 200)
                #expect(try shell.curl("GET", "/api/v1/webhooks", key: revoked.text).status == 401)
                let listed = try lab.hookline(
                    ["keys", "list"], environment: ["HOOKLINE_API_SOCKET": shell.daemon.apiSocket])
                #expect(listed.output.contains(kept.id) && !listed.output.contains(revoked.id))
                // Neither what is on disk nor what was logged opens anything.
                for key in [kept, revoked] {
                    let secret = try #require(key.text.split(separator: "_").last)
                    for name in try FileManager.default.subpathsOfDirectory(atPath: shell.daemon.stateDirectory) {
                        let bytes = Data(contents("\(shell.daemon.stateDirectory)/\(name)"))
                        #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(name)")
                    }
                    #expect(!shell.daemon.log.contains(secret))
                }
                try shell.daemon.stop()
                let checked = try lab.hookline(["journal", "check", "--state-dir", shell.daemon.stateDirectory])
                #expect(checked.end == .exited(0), "\(checked.output)\(checked.errors)")
            }
        }

        @Test func everyChangeIsLoggedWithWhoMadeIt() throws {
            try Lab.run { lab in
                let shell = try shell(lab)
                let key = try shell.key("--tenant", "acme")
                let body = "{\"url\":\"https://hooks.example/PATHTOKEN\",\"events\":[\"*\"]}"
                let made = try shell.curl("POST", "/api/v1/webhooks", body, key: key.text)
                let (id, secret) = (try #require(made.body.id.string), try #require(made.body.secret.string))
                #expect(try shell.curl("GET", "/api/v1/webhooks/\(id)", key: key.text).status == 200)
                _ = try shell.daemon.api.json("DELETE", "/api/v1/webhooks/\(id)")
                let calls = shell.daemon.log.split(separator: "\n").filter { $0.contains("administrative call") }
                #expect(calls.count == 3, "\(calls)")
                let uid = getuid()
                #expect(calls.contains { $0.contains("/api/v1/api-keys/\(key.id)") && $0.contains("uid \(uid), pid ") })
                #expect(calls.contains { $0.contains("/api/v1/webhooks/\(id)") && $0.contains(key.id) })
                let removal = try #require(calls.first { $0.contains("DELETE") })
                #expect(removal.contains("uid \(uid), pid \(getpid())"))
                for text in [secret, "PATHTOKEN", String(key.text.dropFirst(4))] {
                    #expect(!shell.daemon.log.contains(text))
                }
            }
        }

        @Test func aPortThatIsTakenStopsTheStart() throws {
            try Lab.run { lab in
                let first = try shell(lab)
                let second = try lab.idleDaemon("[api]\nlisten = \"127.0.0.1:\(first.port)\"\n")
                let child = try second.launch()
                #expect(try child.wait(within: .seconds(20)) == .exited(1))
                #expect(child.errors.contains("api.listen"))
                #expect(child.errors.contains("\(first.port)"))
                #expect(child.errors.contains("is in use"))
                #expect(!FileManager.default.fileExists(atPath: second.apiSocket))
            }
        }

        @Test func anotherAddressCountsFromTheNextStart() throws {
            try Lab.run { lab in
                let shell = try shell(lab)
                let other = try Lab.freePort()
                try shell.daemon.configure("[api]\nlisten = \"127.0.0.1:\(other)\"\n")
                try shell.daemon.reload()
                #expect(shell.daemon.log.contains("api.listen"))
                #expect(Lab.isListening(shell.port) && !Lab.isListening(other))
                try shell.daemon.stop()
                #expect(!Lab.isListening(shell.port))
                // At once on the same port: lingering connections do not keep it.
                try shell.daemon.start()
                #expect(Lab.isListening(other))
            }
        }

        /// More connections than there may be, that say nothing or drip: nobody else waits.
        @Test func connectionsThatSayNothingHurtNobody() throws {
            try Lab.run { lab in
                let shell = try shell(lab)
                let receiver = try lab.receiver()
                let webhook = try shell.daemon.webhook(receiver.url("/"))
                try receiver.use(secret: webhook.secret)
                let script = """
                    import socket, sys, time
                    held = []
                    for index in range(400):
                        s = socket.socket(); s.settimeout(5)
                        s.connect(("127.0.0.1", int(sys.argv[1])))
                        s.sendall([b"", b"GET / HTTP/1.1\\r\\nX-A: "][index % 2]); held.append(s)
                    print("held", flush=True)
                    end = time.time() + 60
                    while time.time() < end:
                        for s in held:
                            try: s.sendall(b"x")
                            except OSError: pass
                        time.sleep(0.5)
                    """
                let crowd = try lab.start([Package.python, "-c", script, "\(shell.port)"])
                try eventually("they are connected") { crowd.output.contains("held") }
                for index in 0..<20 {
                    let start = ContinuousClock.now
                    try shell.daemon.accept(event())
                    #expect(try shell.daemon.api.call("GET", "/api/v1/status").status == 200)
                    try eventually("a delivery") { receiver.count == index + 1 }
                    #expect(ContinuousClock.now - start < .seconds(3))
                }
            }
        }
    }
}
