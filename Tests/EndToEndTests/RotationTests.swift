import Foundation
import Synchronization
import Testing

extension EndToEnd {
    /// Rotation of secrets with a grace period: the procedure of `Rotation.md`, played by receivers of every kind.
    @Suite struct RotationTests {
        static func secret(_ seed: UInt8) -> String {
            "whsec_" + Data((0..<32).map { seed &+ $0 &* 3 }).base64EncodedString()
        }

        static func rotate(_ daemon: Daemon, _ webhook: Daemon.Registration, _ body: String) throws -> JSON {
            try daemon.api.json("POST", "/api/v1/webhooks/\(webhook.id)/rotate-secret", body)
        }

        /// Unix milliseconds.
        static func time(_ json: JSON) throws -> Int {
            let formatter = ISO8601DateFormatter()
            formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
            guard let date = formatter.date(from: json.string ?? "") else { throw Unmet("no time: \(json)") }
            return Int((date.timeIntervalSince1970 * 1000).rounded())
        }

        static var now: Int { Int(Date().timeIntervalSince1970 * 1000) }

        static func wait(until time: Int) { if time > now { usleep(UInt32((time - now) * 1000)) } }

        /// Files of the state that hold a secret, as text or as its bytes.
        static func files(_ daemon: Daemon, holding secret: String) throws -> [String] {
            let base64 = String(secret.dropFirst("whsec_".count))
            guard let bytes = Data(base64Encoded: base64) else { throw Unmet("no secret") }
            return try FileManager.default.subpathsOfDirectory(atPath: daemon.stateDirectory).sorted().filter { name in
                let contents = Data(contents("\(daemon.stateDirectory)/\(name)"))
                return contents.range(of: Data(base64.utf8)) != nil || contents.range(of: bytes) != nil
            }
        }

        static func masterKey(_ lab: Lab) throws -> [String: String] {
            let directory = "\(lab.directory.path)/credentials"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data(1...32).write(to: URL(fileURLWithPath: "\(directory)/hookline.master-key"))
            return ["CREDENTIALS_DIRECTORY": directory]
        }

        // MARK: The procedure

        /// A producer that goes on whatever becomes of the daemon.
        private final class Traffic: Sendable {
            private let isEnding = Mutex(false)

            func end() { isEnding.withLock { $0 = true } }

            /// - Returns: the ids of all events that were accepted.
            func run(_ socket: String) -> [String] {
                var ids: [String] = []
                while !isEnding.withLock({ $0 }) {
                    let id = "e-\(ids.count)"
                    // While the daemon is down, and when it goes down half-way: the same one again.
                    if (try? Self.send(id, socket)) == true { ids.append(id) }
                    usleep(25_000)
                }
                return ids
            }

            private static func send(_ id: String, _ socket: String) throws -> Bool {
                let connection = try UnixSocketClient(socket)
                defer { connection.close() }
                try connection.send(event(id: id) + "\n")
                connection.endWriting()
                return try connection.readToEnd(within: .seconds(5)).starts(with: Array("{\"ok\":true".utf8))
            }
        }

        /// What a receiver checks.
        private enum Header: String, CaseIterable {
            case body, standard
        }

        /// A receiver that answers 401 to what it can't verify, with a webhook of its own.
        private struct Party {
            let name: String
            let header: Header
            let receiver: Receiver
            let webhook: Daemon.Registration
            let old: String
            let new: String

            init(_ name: String, _ header: Header, _ seed: UInt8, _ lab: Lab, _ daemon: Daemon) throws {
                (self.name, self.header) = (name, header)
                (old, new) = (RotationTests.secret(seed), RotationTests.secret(seed + 1))
                receiver = try lab.receiver()
                webhook = try daemon.webhook(
                    receiver.url("/check/\(header.rawValue)"), more: "\"secret\":\(quoted(old))")
                try receiver.use(secret: old)
            }

            func isVerified(_ delivery: Receiver.Delivery) -> Bool {
                switch header {
                case .body: delivery.bodySecret >= 0
                case .standard: delivery.standardSecrets.contains { $0 >= 0 }
                }
            }
        }

        private static let tables = """
            [delivery]
            timeout = "1s"
            retry-schedule = ["200ms", "500ms", "1s", "1s", "1s", "1s", "1s"]
            drain-timeout = "2s"
            """

        /// Pauses a webhook, and waits until nothing is on its way any more.
        private func pause(_ daemon: Daemon, _ webhook: Daemon.Registration) throws {
            try daemon.api.json("PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"isActive\":false}")
            try eventually("nothing is in flight") { try daemon.show(webhook).backlog.inFlight.int == 0 }
        }

        private func resume(_ daemon: Daemon, _ webhook: Daemon.Registration) throws {
            try daemon.api.json("PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"isActive\":true}")
        }

        private func more(_ parties: [Party]) throws {
            for party in parties {
                let before = party.receiver.count
                try eventually("\(party.name) gets more", within: .seconds(20)) { party.receiver.count > before + 5 }
            }
        }

        @Test(arguments: [false, true]) func noReceiverMissesADelivery(isSealed: Bool) throws {
            try Lab.run { lab in
                let environment = isSealed ? try Self.masterKey(lab) : [:]
                let daemon = try lab.idleDaemon(Self.tables)
                try daemon.start(environment: environment)
                var parties: [String: Party] = [:]
                for (index, kind) in ["both", "old", "new"].enumerated() {
                    for (offset, header) in Header.allCases.enumerated() {
                        let name = "\(kind) \(header)"
                        parties[name] = try Party(
                            name, header, UInt8(10 + index * 60 + offset * 30), lab, daemon)
                    }
                }
                let all = Array(parties.values)
                func party(_ name: String) throws -> Party { try #require(parties[name]) }
                // These take either all along.
                for name in ["both body", "both standard"] {
                    let both = try party(name)
                    try both.receiver.use(secrets: [both.old, both.new])
                }
                let traffic = Traffic()
                let socket = daemon.eventsSocket
                let producer = Background { traffic.run(socket) }
                defer { traffic.end() }
                try more(all)

                // The rotation. One that knows one secret and checks the header with one value is held back meanwhile.
                let held = try party("new body")
                try pause(daemon, held.webhook)
                let rotated = try Self.rotate(
                    daemon, held.webhook, "{\"graceSeconds\":0,\"secret\":\(quoted(held.new))}")
                #expect(rotated.previousSecretExpiresAt.isNull)
                try held.receiver.use(secret: held.new)
                try resume(daemon, held.webhook)
                let begin = Self.now
                var end = 0
                for party in all where party.name != held.name {
                    let answer = try Self.rotate(
                        daemon, party.webhook, "{\"graceSeconds\":14,\"secret\":\(quoted(party.new))}")
                    #expect(answer.secret.string == party.new)
                    let own = try Self.time(answer.previousSecretExpiresAt)
                    #expect(end == 0 || own - end < 2000)
                    end = max(end, own)
                }
                let rotatedAt = Self.now
                // What was signed before may be on its way for as long as an attempt takes.
                Self.wait(until: rotatedAt + 1100)
                let early = try party("new standard")
                try early.receiver.use(secret: early.new)
                try more(all)
                #expect(try daemon.stop() == .exited(0))
                try daemon.start(environment: environment)
                try more(all)
                try daemon.kill()
                try daemon.start(environment: environment)
                try more(all)
                for party in all where party.name != held.name {
                    #expect(try Self.time(try daemon.show(party.webhook).previousSecretExpiresAt) <= end)
                }
                guard Self.now < end - 2500 else { throw Unmet("this machine is too slow for this grace") }

                // The end of the grace.
                Self.wait(until: end - 2500)
                let late = try party("old standard")
                try late.receiver.use(secret: late.new)
                let single = try party("old body")
                try pause(daemon, single.webhook)
                Self.wait(until: end)
                try single.receiver.use(secret: single.new)
                try resume(daemon, single.webhook)
                try more(all)
                try daemon.kill()
                try daemon.start(environment: environment)
                try more(all)
                traffic.end()
                let ids = try producer.value()
                #expect(ids.count > 100)

                for party in all {
                    try eventually("\(party.name) has all", within: .seconds(20)) {
                        Set(try party.receiver.deliveries().map(\.id)).isSuperset(of: ids)
                    }
                    let deliveries = try party.receiver.deliveries()
                    let unverified = deliveries.filter { !party.isVerified($0) }
                    #expect(
                        unverified.isEmpty,
                        "\(party.name): \(unverified.map { "\($0.id) at \($0.at), rotated \(begin)...\(end)" })")
                    #expect(try daemon.show(party.webhook).health.givenUp.int == 0)
                    try eventually("the old secret is dropped") {
                        try daemon.show(party.webhook).previousSecretExpiresAt.isNull
                    }
                    #expect(!daemon.log.contains(party.old) && !daemon.log.contains(party.new))
                    let snapshot = String(decoding: contents(daemon.registrations), as: UTF8.self)
                    #expect(!snapshot.contains(party.old) && snapshot.contains(party.new) == !isSealed)
                    if isSealed {
                        for secret in [party.old, party.new] { #expect(try Self.files(daemon, holding: secret) == []) }
                    }
                    #expect(
                        daemon.log.split(separator: "\n").count {
                            $0.contains("webhook secret rotated") && $0.contains(party.webhook.id)
                        } == 1)
                }
                // By whom each header was signed, by the time of the attempt.
                let (body, standard) = (try party("both body"), try party("both standard"))
                for party in [body, standard] {
                    for delivery in try party.receiver.deliveries() {
                        guard let seconds = Int(delivery.header("webhook-timestamp") ?? "") else {
                            throw Unmet("no time")
                        }
                        let what = "\(party.name): \(delivery.id) of \(seconds)"
                        if (seconds + 1) * 1000 <= begin {
                            #expect(delivery.bodySecret == 0 && delivery.standardSecrets == [0], "\(what)")
                        } else if seconds * 1000 > rotatedAt, (seconds + 3) * 1000 < end {
                            #expect(delivery.bodySecret == 0 && delivery.standardSecrets == [1, 0], "\(what)")
                        } else if seconds * 1000 >= end {
                            #expect(delivery.bodySecret == 1 && delivery.standardSecrets == [1], "\(what)")
                        }
                    }
                }
            }
        }

        // MARK: Parts

        @Test func aRotationDuringRetriesCountsForTheNextAttempt() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"500ms\", \"500ms\", \"500ms\"]")
                let receiver = try lab.receiver()
                let (old, new) = (Self.secret(1), Self.secret(2))
                try receiver.use(secrets: [old, new])
                try receiver.answer(500)
                let webhook = try daemon.webhook(receiver.url("/wish"), more: "\"secret\":\(quoted(old))")
                try daemon.accept(event(id: "one"))
                try eventually("it is tried") { receiver.count == 1 }
                _ = try Self.rotate(daemon, webhook, "{\"graceSeconds\":0,\"secret\":\(quoted(new))}")
                try receiver.answer(nil)
                try eventually("it is delivered") { try daemon.show(webhook).health.delivered.int == 1 }
                let deliveries = try receiver.deliveries()
                #expect(deliveries.first?.bodySecret == 0 && deliveries.first?.standardSecrets == [0])
                #expect(deliveries.last?.bodySecret == 1 && deliveries.last?.standardSecrets == [1])
                #expect(Set(deliveries.map(\.id)) == ["one"])
            }
        }

        @Test func aSecondRotationDropsTheOldestAndLibrariesTakeBothOthers() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url())
                let second = try Self.rotate(daemon, webhook, "{}").secret.string ?? ""
                let third = try Self.rotate(daemon, webhook, "{\"graceSeconds\":60}").secret.string ?? ""
                #expect(Set([webhook.secret, second, third]).count == 3)
                try receiver.use(secrets: [webhook.secret, second, third])
                try daemon.kill()
                try daemon.start()
                try daemon.accept(event(id: "one"))
                try eventually("it is delivered") { receiver.count == 1 }
                let delivery = try receiver.deliveries()[0]
                #expect(delivery.bodySecret == 1 && delivery.standardSecrets == [2, 1])
                for library in SignatureLibrary.allCases {
                    for secret in [second, third] {
                        #expect(try library.verdicts(lab, on: receiver, secret: secret) == ["ok one"], "\(library)")
                    }
                    let first = try library.verdicts(lab, on: receiver, secret: webhook.secret)
                    #expect(first.first?.hasPrefix("failed one") == true, "\(library)")
                }
            }
        }

        @Test(arguments: [false, true]) func aGraceThatEndsWhileTheDaemonIsDown(isSealed: Bool) throws {
            try Lab.run { lab in
                let environment = isSealed ? try Self.masterKey(lab) : [:]
                let daemon = try lab.idleDaemon()
                try daemon.start(environment: environment)
                let receiver = try lab.receiver()
                let (old, new) = (Self.secret(1), Self.secret(2))
                try receiver.use(secrets: [old, new])
                let webhook = try daemon.webhook(receiver.url(), more: "\"secret\":\(quoted(old))")
                let answer = try Self.rotate(daemon, webhook, "{\"graceSeconds\":1,\"secret\":\(quoted(new))}")
                try daemon.kill()
                #expect(try Self.files(daemon, holding: old).isEmpty == isSealed)
                Self.wait(until: try Self.time(answer.previousSecretExpiresAt))
                try daemon.start(environment: environment)
                try daemon.accept(event(id: "one"))
                try eventually("it is delivered") { receiver.count == 1 }
                #expect(try receiver.deliveries()[0].standardSecrets == [1])
                #expect(try receiver.deliveries()[0].bodySecret == 1)
                try eventually("the old one is dropped") {
                    try daemon.show(webhook).previousSecretExpiresAt.isNull
                        && !String(decoding: contents(daemon.registrations), as: UTF8.self).contains(old)
                }
                #expect(try daemon.stop() == .exited(0))
                // It stays dropped, and the new one stays.
                try daemon.start(environment: environment)
                #expect(try daemon.show(webhook).previousSecretExpiresAt.isNull)
                try daemon.accept(event(id: "two"))
                try eventually("it is delivered") { receiver.count == 2 }
                #expect(try receiver.deliveries()[1].standardSecrets == [1])
            }
        }

        @Test func manyGracesThatEndAtOnce() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let webhooks = try (0..<100).map { _ in try daemon.webhook("https://hooks.example/") }
                for webhook in webhooks { _ = try Self.rotate(daemon, webhook, "{\"graceSeconds\":1}") }
                try eventually("all are over") {
                    try daemon.api.json("GET", "/api/v1/webhooks?limit=200").data.array.allSatisfy {
                        $0.previousSecretExpiresAt.isNull
                    }
                }
                let snapshot = { String(decoding: contents(daemon.registrations), as: UTF8.self) }
                try eventually("the snapshot follows") { !snapshot().contains("previousSecret") }
                for webhook in webhooks { #expect(!snapshot().contains(webhook.secret)) }
            }
        }
    }
}
