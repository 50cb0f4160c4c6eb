import Foundation
import Testing

extension EndToEnd {
    /// Secrets sealed on disk under the credential `hookline.master-key`.
    @Suite struct SecretsTests {
        private static let keyBytes = [UInt8](1...32)
        private static let otherBytes = [UInt8](101...132)
        private static let headers = "\"headers\":{\"Authorization\":\"Bearer HEADERTOKEN\"}"

        /// Where systemd would have put the credential.
        private func credentials(
            _ contents: [UInt8], _ lab: Lab, name: String = "credentials"
        ) throws -> [String: String] {
            let directory = "\(lab.directory.path)/\(name)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data(contents).write(to: URL(fileURLWithPath: "\(directory)/hookline.master-key"))
            return ["CREDENTIALS_DIRECTORY": directory]
        }

        private func keyFile(_ contents: [UInt8], _ lab: Lab, _ name: String) throws -> String {
            let path = "\(lab.directory.path)/\(name)"
            try Data(contents).write(to: URL(fileURLWithPath: path))
            return path
        }

        private func text(_ bytes: [UInt8]) -> [UInt8] { Array(Data(bytes).base64EncodedData()) }

        /// Files of the state that hold the secret, as text or as its bytes, or one of the tokens.
        private func leaks(_ daemon: Daemon, _ webhook: Daemon.Registration) throws -> [String] {
            let base64 = String(webhook.secret.dropFirst("whsec_".count))
            guard let bytes = Data(base64Encoded: base64), bytes.count == 32 else { throw Unmet("no secret") }
            // Also as a part of something else that is base64 would need three bytes' alignment: the bytes stand in for it.
            let needles = [Data(base64.utf8), bytes, Data("HEADERTOKEN".utf8), Data("PATHTOKEN".utf8)]
            let names = try FileManager.default.subpathsOfDirectory(atPath: daemon.stateDirectory).sorted()
            guard names.contains(where: { $0.hasSuffix(".seg") }) else { throw Unmet("no segments") }
            return names.filter { name in
                let contents = Data(contents("\(daemon.stateDirectory)/\(name)"))
                return needles.contains { contents.range(of: $0) != nil }
            }
        }

        private func register(_ daemon: Daemon, _ receiver: Receiver) throws -> Daemon.Registration {
            let webhook = try daemon.webhook(receiver.url("/PATHTOKEN"), more: Self.headers)
            try receiver.use(secret: webhook.secret)
            return webhook
        }

        /// An event is delivered, signed with the secret and with the header.
        private func deliver(_ daemon: Daemon, _ receiver: Receiver) throws {
            let before = receiver.count
            try daemon.accept(event())
            try eventually("it is delivered") { receiver.count == before + 1 }
            guard let delivery = try receiver.deliveries().last else { throw Unmet("no delivery") }
            #expect(delivery.isGenuine && delivery.path == "/PATHTOKEN")
            #expect(delivery.header("Authorization") ?? delivery.header("authorization") == "Bearer HEADERTOKEN")
        }

        @Test func noFileHasASecretAndDeliveriesAreSignedAfterACrash() throws {
            try Lab.run { lab in
                let key = try credentials(Self.keyBytes, lab)
                let daemon = try lab.idleDaemon()
                let receiver = try lab.receiver()
                try daemon.start(environment: key)
                let webhook = try register(daemon, receiver)
                #expect(try leaks(daemon, webhook) == [])
                try deliver(daemon, receiver)
                try daemon.kill()
                #expect(try leaks(daemon, webhook) == [])
                // The same key as text.
                let sameKey = try credentials(text(Self.keyBytes) + [0x0A], lab, name: "text")
                try daemon.start(environment: sameKey)
                try deliver(daemon, receiver)
                try daemon.api.json("PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"description\":\"changed\"}")
                try daemon.kill()
                #expect(try leaks(daemon, webhook) == [])
                try daemon.start(environment: key)
                try deliver(daemon, receiver)
                #expect(try daemon.stop() == .exited(0))
                #expect(try leaks(daemon, webhook) == [])
                #expect(!daemon.log.contains(webhook.secret) && !daemon.log.contains("TOKEN"))
                // Looking at it takes no key.
                let check = try lab.hookline(["journal", "check", "--state-dir", daemon.stateDirectory])
                #expect(check.end == .exited(0), "\(check.output)")
                let json = try lab.hookline(["journal", "inspect", "--json", "--state-dir", daemon.stateDirectory])
                #expect(try JSON(json.output).sealedUnder.string?.utf8.count == 16)
                #expect(try JSON(json.output).webhooks.array.first?.id.string == webhook.id)
                let export = try lab.hookline(["journal", "export", "--details", "--state-dir", daemon.stateDirectory])
                #expect(export.end == .exited(0) && export.output.contains(webhook.id))
                for child in [check, json, export] { #expect(!child.output.contains("TOKEN")) }
            }
        }

        @Test func aPlainStateIsSealedBeforeTheStartIsDone() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhook = try register(daemon, receiver)
                try deliver(daemon, receiver)
                try daemon.kill()
                #expect(try !leaks(daemon, webhook).isEmpty)
                try daemon.start(environment: try credentials(Self.keyBytes, lab))
                #expect(try leaks(daemon, webhook) == [])
                #expect(daemon.log.contains("secrets are sealed"))
                try deliver(daemon, receiver)
                #expect(try daemon.stop() == .exited(0))
                #expect(try leaks(daemon, webhook) == [])
            }
        }

        @Test func withoutTheKeyOrWithAnotherOneItDoesNotStart() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon()
                let receiver = try lab.receiver()
                let key = try credentials(Self.keyBytes, lab)
                try daemon.start(environment: key)
                _ = try register(daemon, receiver)
                #expect(try daemon.stop() == .exited(0))
                let before = contents(daemon.registrations)

                let without = try daemon.launch()
                #expect(try without.wait() == .exited(78))
                for word in [daemon.registrations, "hookline.master-key", "/etc/credstore", "--without-registrations"] {
                    #expect(without.errors.contains(word), "\(word) is not in \(without.errors)")
                }
                let wrong = try daemon.launch(environment: try credentials(Self.otherBytes, lab, name: "other"))
                #expect(try wrong.wait() == .exited(78))
                for word in [daemon.registrations, "hookline reseal"] {
                    #expect(wrong.errors.contains(word), "\(word) is not in \(wrong.errors)")
                }
                #expect(contents(daemon.registrations) == before)
                #expect(!exists(daemon.eventsSocket))
                try daemon.start(environment: key)
                try deliver(daemon, receiver)
                try daemon.kill()
                // The way out where the key is lost for good.
                try daemon.start(["--without-registrations"])
                #expect(try daemon.api.json("GET", "/api/v1/webhooks").data.array.isEmpty)
                let webhook = try register(daemon, receiver)
                #expect(try daemon.stop() == .exited(0))
                try daemon.start()
                #expect(try daemon.show(webhook).state.string == "active")
                try deliver(daemon, receiver)
            }
        }

        @Test func aKeyThatIsNoneIsAConfigurationError() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon()
                let key = Self.keyBytes
                let contents: [[UInt8]] = [
                    [], Array(key.dropLast()), key + [0x0A], Array(text(key).dropLast()), Array("no key at all\n".utf8),
                    [UInt8](repeating: 0, count: 32), [UInt8](repeating: 7, count: 5000),
                ]
                for bytes in contents {
                    let environment = try credentials(bytes, lab)
                    let child = try daemon.launch(environment: environment)
                    #expect(try child.wait() == .exited(78))
                    let path = "\(lab.directory.path)/credentials/hookline.master-key"
                    #expect(child.errors.contains(path), "\(child.errors)")
                    #expect(!child.errors.contains("no key at all"))
                    let check = try lab.hookline(
                        ["check", "--config", daemon.configurationPath], environment: environment)
                    #expect(check.end == .exited(78) && check.errors.contains(path))
                }
                #expect(!exists(daemon.stateDirectory))
                // A directory of other credentials has no key in it, and needs none.
                let environment = ["CREDENTIALS_DIRECTORY": "\(lab.directory.path)"]
                try daemon.start(environment: environment)
            }
        }

        // MARK: reseal

        private func reseal(_ lab: Lab, _ daemon: Daemon, _ arguments: [String]) throws -> Child {
            try lab.hookline(["reseal", "--state-dir", daemon.stateDirectory] + arguments)
        }

        @Test func anotherKeyIsOneCommand() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon()
                let receiver = try lab.receiver()
                let (old, new) = (try keyFile(Self.keyBytes, lab, "old"), try keyFile(Self.otherBytes, lab, "new"))
                try daemon.start(environment: try credentials(Self.keyBytes, lab))
                let webhook = try register(daemon, receiver)

                let running = try reseal(lab, daemon, ["--key", old, "--new-key", new])
                #expect(running.end == .exited(1))
                #expect(running.errors.contains("pid \(try daemon.running().pid)"))
                try daemon.kill()
                #expect(try reseal(lab, daemon, ["--new-key", new]).end == .exited(78))
                #expect(try reseal(lab, daemon, ["--key", new, "--new-key", old]).end == .exited(0))
                #expect(try reseal(lab, daemon, ["--key", "/dev/null", "--new-key", new]).end == .exited(78))

                let done = try reseal(lab, daemon, ["--key", old, "--new-key", new, "--json"])
                #expect(done.end == .exited(0), "\(done.errors)")
                let report = try JSON(done.output)
                #expect(report.changed.bool == true && report.webhooks.int == 1)
                #expect(report.keyBefore.string != report.key.string)
                let again = try reseal(lab, daemon, ["--new-key", new])
                #expect(again.end == .exited(0) && again.output.contains("already"))
                #expect(try leaks(daemon, webhook) == [])

                let stale = try daemon.launch(environment: try credentials(Self.keyBytes, lab))
                #expect(try stale.wait() == .exited(78))
                let key = try credentials(Self.otherBytes, lab, name: "other")
                try daemon.start(environment: key)
                try deliver(daemon, receiver)
                #expect(try daemon.stop() == .exited(0))

                // Back into the plain, and from there under a key, offline.
                #expect(try reseal(lab, daemon, ["--plain"]).end == .exited(78))
                #expect(try reseal(lab, daemon, ["--plain", "--key", new]).end == .exited(0))
                #expect(try leaks(daemon, webhook) == ["registrations.json"])
                try daemon.start()
                try deliver(daemon, receiver)
                #expect(try daemon.stop() == .exited(0))
                #expect(try reseal(lab, daemon, ["--new-key", new]).end == .exited(0))
                #expect(try leaks(daemon, webhook) == [])
                try daemon.start(environment: key)
                try deliver(daemon, receiver)
            }
        }

        @Test(.enabled(if: geteuid() == 0, "only root can be somebody else"))
        func rootLeavesTheFilesToTheirOwner() throws {
            try Lab.run { lab in
                let nobody: UInt32 = 65_534
                let through = ["setpriv", "--reuid=\(nobody)", "--regid=\(nobody)", "--clear-groups"]
                let daemon = try lab.idleDaemon()
                chmod(lab.directory.path, 0o711)
                chmod(daemon.configurationPath, 0o644)
                for directory in [daemon.stateDirectory, daemon.runtimeDirectory] {
                    mkdir(directory, 0o700)
                    chown(directory, nobody, nobody)
                }
                try daemon.start(through: through)
                let webhook = try daemon.webhook("https://hooks.example.com/PATHTOKEN", more: Self.headers)
                try daemon.kill()
                // Only root can read the key.
                let file = try keyFile(Self.keyBytes, lab, "key")
                chmod(file, 0o600)
                #expect(try reseal(lab, daemon, ["--new-key", file]).end == .exited(0))
                #expect(try leaks(daemon, webhook) == [])
                let key = try credentials(Self.keyBytes, lab)
                for path in [
                    key["CREDENTIALS_DIRECTORY"] ?? "", "\(key["CREDENTIALS_DIRECTORY"] ?? "")/hookline.master-key",
                ] {
                    chown(path, nobody, nobody)
                }
                try daemon.start(environment: key, through: through)
                #expect(try daemon.show(webhook).state.string == "active")
            }
        }

        @Test func usageOfReseal() throws {
            try Lab.run { lab in
                let new = try keyFile(Self.keyBytes, lab, "new")
                for arguments in [[], ["--plain", "--new-key", new], ["--key", "-", "--new-key", "-"]] {
                    #expect(try lab.hookline(["reseal"] + arguments).end == .exited(64))
                }
                let nowhere = try lab.hookline([
                    "reseal", "--new-key", new, "--state-dir", "\(lab.directory.path)/none",
                ])
                #expect(nowhere.end == .exited(1) && nowhere.errors.contains("--state-dir"))
                #expect(!exists("\(lab.directory.path)/none"))
                #expect(try lab.hookline(["reseal", "--help"]).output.contains("--new-key"))
            }
        }

        @Test func killedHalfWayItIsFinishedByTheNextOne() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[journal]\nmax-bytes = \"8MiB\"")
                let receiver = try lab.receiver()
                let webhook = try register(daemon, receiver)
                let line = event(
                    "job.closed", tenant: "other", data: "{\"a\":\"\(String(repeating: "x", count: 8_000))\"}")
                for index in 0..<8 {
                    try daemon.api.json("PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"description\":\"\(index)\"}")
                    try daemon.send(String(repeating: line + "\n", count: 80))
                }
                #expect(try daemon.stop() == .exited(0))
                let files = [try keyFile(Self.keyBytes, lab, "k0"), try keyFile(Self.otherBytes, lab, "k1")]
                var ends: Set<Int32> = []
                var current: Int?
                for round in 0..<12 {
                    let next = round % 2
                    let child = try lab.start(
                        [Package.executable, "reseal", "--state-dir", daemon.stateDirectory, "--new-key", files[next]]
                            + (current.map { ["--key", files[$0]] } ?? []))
                    usleep(UInt32.random(in: 0..<60_000))
                    child.signal(SIGKILL)
                    if case .exited(let status) = try child.wait() { ends.insert(status) }
                    // One of the two keys is the right one, whichever it is; the same command finishes it.
                    let finished = try reseal(
                        lab, daemon, ["--new-key", files[next]] + (current.map { ["--key", files[$0]] } ?? []))
                    #expect(finished.end == .exited(0), "round \(round): \(finished.errors)")
                    #expect(try leaks(daemon, webhook) == [], "round \(round)")
                    current = next
                }
                #expect(ends.isSubset(of: [0]))
                let check = try lab.hookline(["journal", "check", "--state-dir", daemon.stateDirectory])
                #expect(check.end == .exited(0), "\(check.output)")
                try daemon.start(environment: try credentials(Self.otherBytes, lab))
                try deliver(daemon, receiver)
            }
        }
    }
}
