import Foundation
import Testing

extension EndToEnd {
    /// systemd's protocol for sockets that outlive the daemon: sd_listen_fds(3).
    @Suite struct ActivationTests {
        private func activate(_ daemon: Daemon, names: String = "events:api") throws -> Child {
            try FileManager.default.createDirectory(
                atPath: daemon.runtimeDirectory, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            let activator = [
                "/usr/bin/python3", Package.receiver("activate.py"), daemon.eventsSocket, daemon.apiSocket,
            ]
            return try daemon.launch(environment: ["NAMES": names], through: activator)
        }

        private func waitUntilReady(_ daemon: Daemon) throws {
            try eventually("the daemon is ready", within: .seconds(20)) {
                (try? daemon.api.call("GET", "/readyz").status) == 200
            }
        }

        /// Sends an event as a producer does: a connection that ends without a reply is one that the daemon had taken when
        /// it was killed, and the event is sent again. A connection that is refused is an error.
        private func accept(_ line: String, _ daemon: Daemon) throws {
            for _ in 0..<2 {
                let connection = try daemon.connect()
                defer { connection.close() }
                // Its peer may die at any moment.
                guard (try? connection.send(line + "\n")) != nil, let reply = try connection.readLine() else {
                    continue
                }
                guard reply.contains("\"ok\":true") else { throw Unmet("not accepted: \(reply)") }
                return
            }
            throw Unmet("two connections in a row ended without a reply")
        }

        @Test func noConnectionIsRefusedWhileItIsKilledAndStartedAnew() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon()
                let child = try activate(daemon)
                try waitUntilReady(daemon)
                #expect(daemon.log.contains("events=\"from systemd\""))
                for round in 0..<5 {
                    child.signal(SIGUSR1)
                    // At once: these wait in the socket until the next daemon takes them.
                    for number in 0..<20 { try accept(event(id: "round-\(round)-\(number)"), daemon) }
                    #expect(try daemon.api.call("GET", "/readyz").status == 200)
                }
                #expect(child.output.split(separator: "\n").count >= 6)
                child.signal(SIGTERM)
                #expect(try child.wait() == .exited(0))
                // What somebody else has made is not removed.
                #expect(FileManager.default.fileExists(atPath: daemon.eventsSocket))
                #expect(FileManager.default.fileExists(atPath: daemon.apiSocket))
            }
        }

        @Test func eachSocketIsTakenByItsName() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon()
                // The names stand the other way round: so are the sockets.
                _ = try activate(daemon, names: "api:events")
                let swapped = APIClient(socket: daemon.eventsSocket)
                try eventually("the daemon is ready", within: .seconds(20)) {
                    (try? swapped.call("GET", "/readyz").status) == 200
                }
            }
        }

        @Test func aSocketOfAnotherNameIsRefusedAndTheOwnOneIsMade() throws {
            try Lab.run { lab in
                let daemon = try lab.idleDaemon()
                _ = try activate(daemon, names: "events:other")
                try eventually("it says so") { daemon.log.contains("other: the name is none of api, events") }
                // The socket at the API's path is the activator's, who listens on it.
                try eventually("it ends") { daemon.log.contains("is in use: another process listens on it") }
            }
        }
    }
}
