import Foundation
import Testing

extension EndToEnd {
    /// `Idempotency-Key` over restarts, and what of it is on disk.
    @Suite struct IdempotencyTests {
        private func create(
            _ lab: Lab, _ daemon: Daemon, _ key: String, url: String = "https://hooks.example/PATHTOKEN"
        ) throws -> (status: Int, text: String) {
            let child = try lab.run([
                "curl", "--silent", "--show-error", "--unix-socket", daemon.apiSocket, "--header",
                "Idempotency-Key: \(key)", "--header", "Content-Type: application/json", "--data-binary",
                "{\"url\":\"\(url)\",\"events\":[\"*\"],\"tenantId\":\"acme\"}", "--write-out", "\n%{http_code}",
                "http://localhost/api/v1/webhooks",
            ])
            #expect(child.end == .exited(0), "\(child.errors)")
            let lines = child.output.split(separator: "\n", omittingEmptySubsequences: false)
            return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
        }

        private func credentials(_ first: UInt8, _ lab: Lab) throws -> (environment: [String: String], file: String) {
            let directory = "\(lab.directory.path)/credentials-\(first)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let file = "\(directory)/hookline.master-key"
            try Data([UInt8](first..<first + 32)).write(to: URL(fileURLWithPath: file))
            return (["CREDENTIALS_DIRECTORY": directory], file)
        }

        private func holds(_ daemon: Daemon, _ text: String) throws -> [String] {
            // A body stands in the file as base64, which has three forms of a text within it: the whole body is looked for.
            let needles = [Data(text.utf8), Data(Data(text.utf8).base64EncodedString().utf8)]
            return try FileManager.default.subpathsOfDirectory(atPath: daemon.stateDirectory).filter { name in
                let bytes = Data(contents("\(daemon.stateDirectory)/\(name)"))
                return needles.contains { bytes.range(of: $0) != nil }
            }
        }

        @Test func theSameAnswerAfterAKill() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let first = try create(lab, daemon, "signup-1")
                #expect(first.status == 201)
                for _ in 0..<2 {
                    let again = try create(lab, daemon, "signup-1")
                    #expect(again.status == 201)
                    #expect(again.text == first.text)
                    #expect(try create(lab, daemon, "signup-1", url: "https://other.example/").status == 422)
                    try daemon.kill()
                    try daemon.start()
                }
                #expect(mode("\(daemon.stateDirectory)/answers.log") == 0o600)
                #expect(try daemon.api.json("GET", "/api/v1/webhooks").data.array.count == 1)
            }
        }

        @Test func withAMasterKeyNoAnswerIsInThePlain() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon()
                let (one, oneFile) = try credentials(1, lab)
                let (two, twoFile) = try credentials(101, lab)
                // Begun in the plain: the first start with a key seals it.
                try daemon.start()
                let first = try create(lab, daemon, "signup-1")
                #expect(try holds(daemon, first.text) == ["answers.log"])
                try daemon.stop()
                try daemon.start(environment: one)
                #expect(try holds(daemon, first.text).isEmpty)
                #expect(try create(lab, daemon, "signup-1").text == first.text)
                let second = try create(lab, daemon, "signup-2")
                #expect(try holds(daemon, second.text).isEmpty)
                try daemon.stop()
                let resealed = try lab.hookline([
                    "reseal", "--state-dir", daemon.stateDirectory, "--key", oneFile, "--new-key", twoFile,
                ])
                #expect(resealed.end == .exited(0), "\(resealed.errors)")
                #expect(try holds(daemon, second.text).isEmpty)
                try daemon.start(environment: two)
                #expect(try create(lab, daemon, "signup-1").text == first.text)
                #expect(try create(lab, daemon, "signup-2").text == second.text)
                #expect(try daemon.api.json("GET", "/api/v1/webhooks").data.array.count == 2)
            }
        }

        /// Damage to the file is nobody's end.
        @Test func aFileOfGarbage() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let first = try create(lab, daemon, "signup-1")
                try daemon.stop()
                let path = "\(daemon.stateDirectory)/answers.log"
                var bytes = Data("garbage \u{0}\n".utf8) + Data(contents(path))
                bytes.append(Data("0000000".utf8))
                try bytes.write(to: URL(fileURLWithPath: path))
                try daemon.start()
                #expect(try create(lab, daemon, "signup-1").text == first.text)
                try daemon.stop()
                try Data([0xFF, 0x0A, 0x00]).write(to: URL(fileURLWithPath: path))
                try daemon.start()
                #expect(try create(lab, daemon, "signup-1").status == 201)
                #expect(try daemon.api.json("GET", "/api/v1/webhooks").data.array.count == 2)
            }
        }
    }
}
