import Foundation
import Testing

extension EndToEnd {
    /// `hookline journal`: looking into a state directory without a daemon.
    @Suite struct JournalCommandTests {
        private struct Stamp: Equatable {
            let name: String
            let size: Int
            let modified: Date?
        }

        private func stamps(_ daemon: Daemon) throws -> [Stamp] {
            let path = daemon.stateDirectory
            return try FileManager.default.subpathsOfDirectory(atPath: path).sorted().map {
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\($0)")
                return Stamp(
                    name: $0, size: attributes[.size] as? Int ?? -1, modified: attributes[.modificationDate] as? Date)
            }
        }

        private func segments(_ daemon: Daemon) throws -> [String] {
            let path = "\(daemon.stateDirectory)/journal"
            return try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".seg") }.sorted()
                .map { "\(path)/\($0)" }
        }

        private func flip(_ path: String, at offset: Int) throws {
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            try file.seek(toOffset: UInt64(offset))
            let byte = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: UInt64(offset))
            try file.write(contentsOf: [byte ^ 0x20])
            try file.close()
        }

        private func check(_ daemon: Daemon, _ lab: Lab) throws -> (end: Child.End?, json: JSON) {
            let child = try lab.hookline(["journal", "check", "--json", "--state-dir", daemon.stateDirectory])
            return (child.end, try JSON(child.output))
        }

        private func fill(_ daemon: Daemon, _ prefix: String, count: Int = 600) throws {
            let lines = (0..<count).map {
                event(id: "\(prefix)\($0)", data: "{\"n\": \($0), \"t\":\"SECRET-DATA\"}") + "\n"
            }
            #expect(try daemon.send(lines.joined()).allSatisfy { $0.ok.bool == true })
        }

        @Test func looksBesideTheDaemonAndChangesNothing() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[journal]\nmax-bytes = \"1MiB\"")
                let webhook = try daemon.webhook("http://127.0.0.1:\(try Lab.freePort())/", isActive: false)
                for round in 0..<4 { try fill(daemon, "r\(round)-") }
                var found = try check(daemon, lab)
                #expect(found.end == .exited(0), "\(found.json)")
                #expect(found.json.ok.bool == true)
                #expect(found.json.events.int == 2_400)
                #expect(try daemon.stop() == .exited(0))
                let before = try stamps(daemon)
                found = try check(daemon, lab)
                #expect(found.end == .exited(0), "\(found.json)")
                let inspected = try lab.hookline(["journal", "inspect", "--json", "--state-dir", daemon.stateDirectory])
                let json = try JSON(inspected.output)
                #expect(json.webhooks[0].id.string == webhook.id)
                #expect(json.webhooks[0].pending.int == 2_400)
                #expect(json.events.byTenant.acme.int == 2_400)
                #expect(json.segments.array.count > 2)
                let plain = try lab.hookline(["journal", "inspect", "--state-dir", daemon.stateDirectory])
                #expect(plain.output.contains(webhook.id))
                let listed = try lab.hookline(
                    ["journal", "inspect", "--segment", "2", "--state-dir", daemon.stateDirectory])
                #expect(listed.output.contains("kind=event"))
                for output in [inspected.output, plain.output, listed.output] {
                    #expect(!output.contains("SECRET-DATA"))
                    #expect(!output.contains("whsec_"))
                }
                #expect(try stamps(daemon) == before)
            }
        }

        @Test func whatIsExportedCanBeSentAgain() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[journal]\nmax-bytes = \"1MiB\"")
                try fill(daemon, "e", count: 900)
                try daemon.accept(
                    event(tenant: "other", data: "{\"a\" : [1, 2]}", timestamp: "2026-05-02T14:32:10+02:00"))
                let exported = try lab.hookline(["journal", "export", "--state-dir", daemon.stateDirectory])
                #expect(exported.end == .exited(0), "\(exported.errors)")
                #expect(exported.output.split(separator: "\n").count == 901)
                #expect(exported.output.contains("\"data\":{\"a\" : [1, 2]}"))
                let second = try lab.daemon()
                let path = try lab.directory.write("exported", exported.output)
                let sent = try lab.hookline(["send", path, "--socket", second.eventsSocket])
                #expect(sent.end == .exited(0), "\(sent.errors)")
                let again = try lab.hookline(["journal", "export", "--state-dir", second.stateDirectory])
                #expect(again.output == exported.output)

                func count(_ filter: [String]) throws -> Int {
                    let child = try lab.hookline(["journal", "export", "--state-dir", daemon.stateDirectory] + filter)
                    #expect(child.end == .exited(0), "\(child.errors)")
                    return child.output.split(separator: "\n").count
                }
                #expect(try count(["--tenant", "other"]) == 1)
                #expect(try count(["--id", "e17"]) == 1)
                #expect(try count(["--event", "application.*"]) == 0)
                #expect(try count(["--since", "1h"]) == 901)
                #expect(try count(["--until", "2026-01-01T00:00:00Z"]) == 0)
                #expect(try count(["--pending"]) == 0)
                #expect(try lab.hookline(["journal", "export", "--event", "no pattern!"]).end == .exited(64))
            }
        }

        @Test func tellsWhatIsDamagedMissingAndInTheWay() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[journal]\nmax-bytes = \"1MiB\"")
                _ = try daemon.webhook("http://127.0.0.1:\(try Lab.freePort())/", isActive: false)
                for round in 0..<4 { try fill(daemon, "r\(round)-") }
                #expect(try daemon.stop() == .exited(0))
                let files = try segments(daemon)
                try flip(files[1], at: 12_000)
                try flip(files[2], at: 20)
                try FileManager.default.copyItem(atPath: files[1], toPath: "\(daemon.stateDirectory)/journal/copy.seg")
                var found = try check(daemon, lab)
                #expect(found.end == .exited(1))
                var kinds = Set(found.json.findings.array.compactMap(\.kind.string))
                #expect(kinds == ["bytes", "header", "foreign"], "\(found.json)")
                let bytes = try #require(found.json.findings.array.first { $0.kind.string == "bytes" })
                #expect(bytes.path.string == files[1])
                #expect(
                    (bytes.offset.int ?? .max) <= 12_000 && 12_000 < (bytes.offset.int ?? 0) + (bytes.bytes.int ?? 0))
                #expect(bytes.firstEvent.int == bytes.lastEvent.int && bytes.firstEvent.int != nil)
                #expect(found.json.wouldStart.bool == true)
                let exported = try lab.hookline(["journal", "export", "--state-dir", daemon.stateDirectory])
                #expect(exported.end == .exited(1))
                #expect(exported.output.split(separator: "\n").count == 2_399)
                #expect(exported.errors.contains(files[1]))

                // The daemon starts all the same, has lost that one alone, and says so.
                try daemon.start()
                #expect(daemon.log.contains("journal damaged"))
                let metrics = try daemon.api.call("GET", "/metrics").body
                let text = String(decoding: metrics, as: UTF8.self)
                #expect(text.contains("hookline_journal_damage_total{kind=\"header\"} 1"), "\(text)")
                #expect(try daemon.stop() == .exited(0))

                chmod(files[3], 0o644)
                found = try check(daemon, lab)
                kinds = Set(found.json.findings.array.compactMap(\.kind.string))
                #expect(kinds.contains("refusal"), "\(found.json)")
                #expect(found.json.wouldStart.bool == false)
                let child = try daemon.launch()
                #expect(try child.wait(within: .seconds(10)) == .exited(1))
                #expect(child.errors.contains("chmod 600 \(files[3])"))
                chmod(files[3], 0o600)

                try FileManager.default.removeItem(atPath: files[3])
                found = try check(daemon, lab)
                kinds = Set(found.json.findings.array.compactMap(\.kind.string))
                #expect(kinds.contains("missing"), "\(found.json)")
                try daemon.start()
                #expect(daemon.log.contains("journal incomplete"))
            }
        }

        @Test func tellsWhatIsLeftOfTheEnd() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                try fill(daemon, "e")
                try daemon.kill()
                let last = try #require(try segments(daemon).last)
                let bytes = contents(last)
                let end = try #require(bytes.lastIndex { $0 != 0 })
                // The last record has arrived in part; what follows are the zeros of space taken beforehand.
                try flip(last, at: end - 20)
                let found = try check(daemon, lab)
                #expect(found.end == .exited(0), "\(found.json)")
                #expect(found.json.findings[0].kind.string == "tail")
                #expect(found.json.events.int == 599)
                truncate(last, off_t(end - 20))
                #expect(try check(daemon, lab).json.findings[0].kind.string == "tail")
                let exported = try lab.hookline(["journal", "export", "--state-dir", daemon.stateDirectory])
                #expect(exported.output.split(separator: "\n").count == 599)
                try daemon.start()
                #expect(daemon.log.contains("end was cut off"))
                #expect(try daemon.stop() == .exited(0))
                #expect(try check(daemon, lab).json.findings.array.isEmpty)
            }
        }

        @Test func tellsWhyAStartWouldFail() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                _ = try daemon.webhook("https://hooks.example.com/", isActive: false)
                try fill(daemon, "e", count: 10)
                #expect(try daemon.stop() == .exited(0))
                #expect(try check(daemon, lab).end == .exited(0))
                let good = contents(daemon.registrations)
                var flipped = good
                flipped[good.count / 2] ^= 1
                try Data(flipped).write(to: URL(fileURLWithPath: daemon.registrations))
                var found = try check(daemon, lab)
                #expect(found.end == .exited(1) && found.json.wouldStart.bool == false)
                #expect(found.json.findings[0].path.string == daemon.registrations)
                #expect(found.json.findings[0].text.string?.contains("checksum") == true)
                // The journal itself is all there.
                #expect(found.json.events.int == 10)
                try Data(good).write(to: URL(fileURLWithPath: daemon.registrations))

                let journal = "\(daemon.stateDirectory)/journal"
                chmod(journal, 0o755)
                found = try check(daemon, lab)
                #expect(found.json.findings[0].text.string?.contains("chmod 700 \(journal)") == true, "\(found.json)")
                #expect(try daemon.launch().wait() == .exited(1))
                chmod(journal, 0o700)

                let away = "\(lab.directory.path)/away"
                try FileManager.default.moveItem(atPath: journal, toPath: away)
                try FileManager.default.createDirectory(
                    atPath: journal, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
                found = try check(daemon, lab)
                #expect(found.end == .exited(1) && found.json.wouldStart.bool == false)
                #expect(found.json.findings[0].text.string?.contains("--without-journal") == true)
            }
        }

        @Test func looksWhileSegmentsComeAndGo() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(
                    """
                    [ingest]
                    dedupe-window = "100ms"
                    [journal]
                    max-bytes = "1MiB"
                    retention = "0s"
                    """)
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url(), events: ["job.closed"])
                _ = try daemon.webhook("http://127.0.0.1:\(try Lab.freePort())/", events: ["job.created"])
                let first = try #require(try segments(daemon).first)
                let padding = String(repeating: "x", count: 500)
                let lines = (0..<8_000).map { number in
                    // A few that stay pending pin segments, which are written anew then.
                    let type = number % 200 == 0 ? "job.created" : "job.closed"
                    return event(type, id: "l\(number)", data: "{\"x\":\"\(padding)\"}") + "\n"
                }
                let path = try lab.directory.write("lines", lines.joined())
                let sending = try lab.start([Package.executable, "send", path, "--socket", daemon.eventsSocket])
                var looks = 0
                repeat {
                    let found = try check(daemon, lab)
                    #expect(found.end == .exited(0), "\(found.json)")
                    let exported = try lab.hookline(["journal", "export", "--state-dir", daemon.stateDirectory])
                    #expect(exported.end == .exited(0), "\(exported.errors)")
                    for line in exported.output.split(separator: "\n").suffix(3) { _ = try JSON(Array(line.utf8)) }
                    looks += 1
                } while sending.isRunning
                #expect(sending.end == .exited(0), "\(sending.errors)")
                #expect(looks > 2)
                #expect(!exists(first), "segments were removed meanwhile")
                #expect(try daemon.stop() == .exited(0))
                #expect(try check(daemon, lab).end == .exited(0))
            }
        }

        @Test func tellsWhatBecameOfEachDelivery() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"50ms\"]")
                let receiver = try lab.receiver()
                let good = try daemon.webhook(receiver.url(), events: ["job.closed"])
                let bad = try daemon.webhook(receiver.url("/status/503"), events: ["job.closed"])
                let paused = try daemon.webhook(receiver.url("/later"), events: ["job.closed"], isActive: false)
                try daemon.accept(event("job.closed", id: "told", data: "{\"v\": 1.50}"))
                try daemon.accept(event("job.created", id: "unwanted"))
                try eventually("one is delivered, one given up") {
                    try daemon.show(good).health.delivered.int == 1 && daemon.show(bad).health.givenUp.int == 1
                }
                usleep(150_000)
                func export(_ options: [String]) throws -> [JSON] {
                    let child = try lab.hookline(["journal", "export", "--state-dir", daemon.stateDirectory] + options)
                    #expect(child.end == .exited(0), "\(child.errors)")
                    return try child.output.split(separator: "\n").map { try JSON(Array($0.utf8)) }
                }
                let told = try export(["--details", "--id", "told"])
                #expect(told.count == 1)
                let hooks = told[0].webhooks.array
                #expect(hooks.map(\.id.string) == [good.id, bad.id, paused.id])
                #expect(hooks.map(\.status.string) == ["delivered", "given_up", "pending"])
                #expect(hooks[1].reason.string == "tries_used_up" && hooks[1].attempts.int == 2)
                #expect(told[0].producer.uid.int == Int(geteuid()))
                #expect(told[0].sequence.int == 1)
                #expect(try export(["--pending"]).map(\.id.string) == ["told"])
                #expect(try export(["--details", "--event", "job.created"])[0].webhooks.array.isEmpty)

                let inspected = try lab.hookline(["journal", "inspect", "--json", "--state-dir", daemon.stateDirectory])
                let webhooks = try JSON(inspected.output).webhooks.array
                let counts = try #require(webhooks.first { $0.id.string == bad.id })
                #expect(counts.givenUp.int == 1 && counts.inJournal.tries_used_up.int == 1)
            }
        }

        @Test func noSecretIsShown() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let webhook = try daemon.webhook(
                    "https://hooks.example.com/TOKEN-IN-PATH", isActive: false,
                    more: "\"headers\":{\"Authorization\":\"Bearer HEADER-SECRET\"}")
                try fill(daemon, "e", count: 20)
                let journal = try segments(daemon).map { String(decoding: contents($0), as: UTF8.self) }.joined()
                #expect(journal.contains("whsec_") && journal.contains("HEADER-SECRET"))
                var outputs: [String] = []
                for options in [["check"], ["check", "--json"], ["inspect"], ["inspect", "--json"]]
                    + (1...4).flatMap({
                        [["inspect", "--segment", "\($0)"], ["inspect", "--json", "--segment", "\($0)"]]
                    })
                {
                    let child = try lab.hookline(["journal"] + options + ["--state-dir", daemon.stateDirectory])
                    outputs.append(child.output + child.errors)
                }
                #expect(outputs.contains { $0.contains("kind=registration") && $0.contains(webhook.id) })
                #expect(outputs.allSatisfy { !$0.contains("SECRET-DATA") && !$0.contains("TOKEN-IN-PATH") })
                let exported = try lab.hookline([
                    "journal", "export", "--details", "--state-dir", daemon.stateDirectory,
                ])
                #expect(exported.output.contains("SECRET-DATA") && !exported.errors.contains("SECRET-DATA"))
                for output in outputs + [exported.output, exported.errors] {
                    #expect(!output.contains("whsec_") && !output.contains("HEADER-SECRET"))
                }
            }
        }

        @Test func anExportThatCantBeWritten() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                for round in 0..<10 { try fill(daemon, "r\(round)-") }
                func shell(_ line: String) throws -> Child {
                    try lab.run(
                        ["bash", "-c", "set -o pipefail; " + line],
                        environment: ["H": Package.executable, "S": daemon.stateDirectory])
                }
                // A reader that has seen enough: no word about it.
                let head = try shell("\"$H\" journal export --state-dir \"$S\" | head -1")
                #expect(head.output.split(separator: "\n").count == 1 && head.errors.isEmpty, "\(head.errors)")
                let ignoring = try shell("trap '' PIPE; \"$H\" journal export --state-dir \"$S\" | head -1")
                #expect(ignoring.output.split(separator: "\n").count == 1)
                #expect(!ignoring.errors.contains("hookline"), "\(ignoring.errors)")
                // A disk that is full: what is not there must not look as if it were all.
                let full = try shell("\"$H\" journal export --state-dir \"$S\" > /dev/full")
                #expect(full.end == .exited(1))
                #expect(full.errors.contains("No space left on device"))
            }
        }

        @Test(.enabled(if: geteuid() == 0, "only root can be somebody else"))
        func looksAsSomebodyElse() throws {
            try Lab.run { lab in
                let nobody: UInt32 = 65_534
                let through = ["setpriv", "--reuid=\(nobody)", "--regid=\(nobody)", "--clear-groups"]
                let daemon = try lab.idleDaemon("[journal]\nmax-bytes = \"1MiB\"")
                chmod(lab.directory.path, 0o711)
                chmod(daemon.configurationPath, 0o644)
                for directory in [daemon.stateDirectory, daemon.runtimeDirectory] {
                    mkdir(directory, 0o700)
                    chown(directory, nobody, nobody)
                }
                try daemon.start(through: through)
                for round in 0..<3 { try fill(daemon, "r\(round)-") }
                var found = try check(daemon, lab)
                #expect(found.end == .exited(0), "\(found.json)")
                #expect(found.json.events.int == 1_800)
                #expect(try daemon.stop() == .exited(0))

                // A file that is root's by mistake keeps the daemon from starting, and is read all the same.
                let first = try segments(daemon)[0]
                chown(first, 0, 0)
                found = try check(daemon, lab)
                #expect(found.end == .exited(1) && found.json.events.int == 1_800)
                #expect(found.json.findings[0].text.string?.contains("chown \(nobody) \(first)") == true)
                #expect(try daemon.launch(through: through).wait() == .exited(1))
                chown(first, nobody, nobody)

                let own = try lab.daemon()
                try fill(own, "o", count: 5)
                for command in ["check", "inspect", "export"] {
                    let child = try lab.run(
                        through + [Package.executable, "journal", command, "--state-dir", own.stateDirectory])
                    #expect(child.end == .exited(1))
                    #expect(child.errors.contains("as root or as the daemon's own user"), "\(child.errors)")
                    #expect(child.output.isEmpty)
                }
            }
        }

        @Test func saysWhatIsNotThere() throws {
            try Lab.run { lab in
                for command in ["check", "inspect", "export"] {
                    let child = try lab.hookline(["journal", command, "--state-dir", "\(lab.directory.path)/nowhere"])
                    #expect(child.end == .exited(1))
                    #expect(child.errors.contains("--state-dir"))
                }
                // A state directory without a journal, and wrong usage.
                let empty = "\(lab.directory.path)/empty"
                mkdir(empty, 0o700)
                let child = try lab.hookline(["journal", "check", "--state-dir", empty])
                #expect(child.end == .exited(1) && child.errors.contains(empty))
                #expect(try FileManager.default.contentsOfDirectory(atPath: empty).isEmpty)
                for arguments in [["inspect", "--segment", "x"], ["export", "--since", "soon"], ["mend"]] {
                    #expect(try lab.hookline(["journal"] + arguments).end == .exited(64))
                }
                mkdir("\(empty)/journal", 0o700)
                #expect(try lab.hookline(["journal", "check", "--state-dir", empty]).end == .exited(0))
                let listed = try lab.hookline(["journal", "inspect", "--segment", "1", "--state-dir", empty])
                #expect(listed.end == .exited(1) && listed.errors.contains("no segment 1"))
            }
        }
    }
}
