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
                #expect(listed.output.contains("kind=\"event\""))
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

        @Test func saysWhatIsNotThere() throws {
            try Lab.run { lab in
                for command in ["check", "inspect", "export"] {
                    let child = try lab.hookline(["journal", command, "--state-dir", "\(lab.directory.path)/nowhere"])
                    #expect(child.end == .exited(1))
                    #expect(child.errors.contains("--state-dir"))
                }
            }
        }
    }
}
