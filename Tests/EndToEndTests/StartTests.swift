import Foundation
import Testing

extension EndToEnd {
    /// What stands in the way of a start, and what is said about it.
    @Suite struct StartTests {
        @Test func twoDaemonsDontShareAState() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let second = try lab.run([
                    Package.executable, "serve", "--config", daemon.configurationPath, "--state-dir",
                    daemon.stateDirectory, "--runtime-dir", "\(lab.directory.path)/elsewhere",
                ])
                #expect(second.end == .exited(1))
                #expect(second.errors.contains("pid \(try daemon.running().pid)"))
                #expect(second.errors.contains(daemon.stateDirectory))
                try daemon.accept(event())
            }
        }

        @Test func socketsInUseAreLeftAlone() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let second = try lab.run([
                    Package.executable, "serve", "--config", daemon.configurationPath, "--state-dir",
                    "\(lab.directory.path)/other", "--runtime-dir", daemon.runtimeDirectory,
                ])
                #expect(second.end == .exited(1))
                #expect(second.errors.contains(daemon.eventsSocket))
                try daemon.accept(event())
                try daemon.waitUntil(events: "accepted", count: 1)
            }
        }

        @Test func aStaleSocketIsReplaced() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                try daemon.kill()
                #expect(exists(daemon.eventsSocket))
                try daemon.start()
                try daemon.accept(event())
            }
        }

        @Test func aFileInTheSocketsPlaceIsLeftAlone() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon()
                for socket in [daemon.eventsSocket, daemon.apiSocket] {
                    try FileManager.default.createDirectory(
                        atPath: daemon.runtimeDirectory, withIntermediateDirectories: true)
                    try "precious".write(toFile: socket, atomically: false, encoding: .utf8)
                    let child = try daemon.launch()
                    #expect(try child.wait() == .exited(1))
                    #expect(child.errors.contains(socket))
                    #expect(text(socket) == "precious")
                    try FileManager.default.removeItem(atPath: socket)
                }
                try daemon.start()
                try daemon.accept(event())
            }
        }

        @Test func damagedRegistrationsStopTheStart() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let webhook = try daemon.webhook("https://hooks.example.com/")
                #expect(try daemon.stop() == .exited(0))
                let good = contents(daemon.registrations)
                #expect(String(decoding: good, as: UTF8.self).contains(webhook.id))
                var flipped = good
                flipped[good.count / 2] ^= 1
                let damaged: [[UInt8]] = [
                    flipped, Array(good.dropLast(10)), [], Array("{}".utf8), good + Array("x".utf8),
                ]
                for bytes in damaged {
                    try Data(bytes).write(to: URL(fileURLWithPath: daemon.registrations))
                    let child = try daemon.launch()
                    #expect(try child.wait() == .exited(1))
                    #expect(child.errors.contains(daemon.registrations))
                    #expect(child.errors.contains("backup"))
                    #expect(child.errors.contains("--without-registrations"))
                    #expect(contents(daemon.registrations) == bytes)
                    #expect(!exists(daemon.eventsSocket))
                }
                try Data(good).write(to: URL(fileURLWithPath: daemon.registrations))
                try daemon.start()
                #expect(try daemon.show(webhook).state.string == "active")
            }
        }

        @Test func missingRegistrationsStopTheStart() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[journal]\nmax-bytes = \"1MiB\"\nretention = \"0s\"")
                _ = try daemon.webhook("https://hooks.example.com/", tenant: "other")
                // The journal's own records of the change go with the segments that they are in.
                let journal = "\(daemon.stateDirectory)/journal"
                let first = try FileManager.default.contentsOfDirectory(atPath: journal).sorted()[0]
                let line = event(data: "{\"a\":\"\(String(repeating: "x", count: 8_000))\"}") + "\n"
                try eventually("the first segment is removed") {
                    try daemon.send(String(repeating: line, count: 10))
                    return !exists("\(journal)/\(first)")
                }
                try daemon.accept(event(id: "kept"))
                #expect(try daemon.stop() == .exited(0))
                try FileManager.default.removeItem(atPath: daemon.registrations)
                let child = try daemon.launch()
                #expect(try child.wait() == .exited(1))
                #expect(child.errors.contains(daemon.registrations))
                #expect(child.errors.contains("--without-registrations"))
                try daemon.start(["--without-registrations"])
                #expect(try daemon.api.json("GET", "/api/v1/webhooks").data.array.isEmpty)
                #expect(try daemon.accept(event(id: "kept")).duplicate.bool == true)
                _ = try daemon.webhook("https://hooks.example.com/")
                #expect(try daemon.stop() == .exited(0))
                try daemon.start()
                #expect(try daemon.api.json("GET", "/api/v1/webhooks").data.array.count == 1)
            }
        }

        @Test func configurationErrorsAreAllNamed() throws {
            try Lab.run { lab in
                let file = try lab.directory.write(
                    "wrong.toml",
                    """
                    [ingest]
                    max-line-bytes = "lots"
                    max-conections = 5
                    [delivery]
                    timeout = 15
                    retry-schedule = ["5s", "soon"]
                    [egress]
                    allow = ["10.0.0.0/33"]
                    [signing]
                    header = "Host"
                    [colours]
                    red = true
                    """)
                let keys = [
                    "ingest.max-line-bytes", "ingest.max-conections", "delivery.timeout", "delivery.retry-schedule",
                    "egress.allow", "signing.header", "colours",
                ]
                let served = try lab.run([
                    Package.executable, "serve", "--config", file, "--state-dir", "\(lab.directory.path)/state",
                    "--runtime-dir", "\(lab.directory.path)/run",
                ])
                let checked = try lab.hookline(["check", "--config", file])
                for child in [served, checked] {
                    #expect(child.end == .exited(78))
                    for key in keys { #expect(child.errors.contains(key), "\(key) is not in \(child.errors)") }
                    #expect(child.errors.contains(file))
                }
                #expect(!exists("\(lab.directory.path)/state"))
                let json = try lab.hookline(["check", "--json", "--config", file])
                #expect(json.end == .exited(78))
                #expect(try JSON(json.output).ok.bool == false)
                #expect(try JSON(json.output).errors.array.count >= keys.count)
            }
        }

        @Test func whatCheckSaysOfOtherFiles() throws {
            try Lab.run { lab in
                let good = try lab.directory.write("good.toml", "[log]\nlevel = \"debug\"\n")
                #expect(try lab.hookline(["check", "--config", good]).end == .exited(0))
                let empty = try lab.directory.write("empty.toml", "")
                #expect(try lab.hookline(["check", "--config", empty]).end == .exited(0))
                let broken = try lab.directory.write("broken.toml", "[log\nlevel = 1\n")
                let syntax = try lab.hookline(["check", "--config", broken])
                #expect(syntax.end == .exited(78))
                #expect(syntax.errors.contains("broken.toml:1"))
                let missing = try lab.hookline(["check", "--config", "\(lab.directory.path)/none.toml"])
                #expect(missing.end == .exited(78))
                #expect(missing.errors.contains("none.toml"))
                let variable = try lab.hookline(
                    ["check", "--config", good], environment: ["HOOKLINE_DELIVERY_TIMEOUT": "soon"])
                #expect(variable.end == .exited(78))
                #expect(variable.errors.contains("HOOKLINE_DELIVERY_TIMEOUT"))
            }
        }

        @Test func aRuntimeDirectoryWithTooLongAName() throws {
            try Lab.run { lab in
                let directory = "\(lab.directory.path)/\(String(repeating: "d", count: 100))"
                let child = try lab.run([
                    Package.executable, "serve", "--config", try lab.directory.write("c.toml", ""), "--state-dir",
                    "\(lab.directory.path)/state", "--runtime-dir", directory,
                ])
                #expect(child.end == .exited(1))
                #expect(child.errors.contains("107"))
            }
        }
    }
}
