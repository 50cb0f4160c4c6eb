import Foundation
import Testing

/// What one test has running; all of it is ended and removed with the test.
final class Lab {
    let directory: TemporaryDirectory
    private var daemons: [Daemon] = []
    private var receivers: [Receiver] = []
    private var children: [Child] = []

    private init() throws {
        directory = try TemporaryDirectory()
    }

    /// Runs a test's body, and afterwards ends what it has started. A daemon that has ended without having been told to is
    /// an issue in every test; a failure shows its log.
    static func run(_ body: (Lab) throws -> Void) throws {
        let lab = try Lab()
        defer { lab.end() }
        do {
            try body(lab)
            lab.checkDaemons()
        } catch {
            Issue.record("\(error)\n\(lab.logs())")
        }
    }

    /// A running daemon.
    func daemon(_ tables: String = "", egress: String = Daemon.localReceivers) throws -> Daemon {
        let daemon = try idleDaemon(tables, egress: egress)
        try daemon.start()
        return daemon
    }

    /// A daemon that is not started yet.
    func idleDaemon(_ tables: String = "", egress: String = Daemon.localReceivers) throws -> Daemon {
        let daemon = try Daemon(tables, egress: egress, in: directory, name: "d\(daemons.count)")
        daemons.append(daemon)
        return daemon
    }

    func receiver(port: Int = 0, through: [String] = []) throws -> Receiver {
        let receiver = try Receiver(in: directory, name: "r\(receivers.count)", port: port, through: through)
        receivers.append(receiver)
        return receiver
    }

    /// Starts a program.
    func start(
        _ arguments: [String], environment: [String: String] = [:], input: Child.Input = .nothing
    ) throws -> Child {
        let child = try Child(
            arguments, in: directory, name: "c\(children.count)", environment: environment, input: input)
        children.append(child)
        return child
    }

    /// Runs a program to its end.
    func run(
        _ arguments: [String], environment: [String: String] = [:], input: Child.Input = .nothing,
        within limit: Duration = .seconds(20)
    ) throws -> Child {
        let child = try start(arguments, environment: environment, input: input)
        try child.wait(within: limit)
        return child
    }

    /// Runs one of the executable's subcommands to its end.
    func hookline(
        _ arguments: [String], environment: [String: String] = [:], input: Child.Input = .nothing,
        within limit: Duration = .seconds(20)
    ) throws -> Child {
        try run([Package.executable] + arguments, environment: environment, input: input, within: limit)
    }

    /// A TCP port of 127.0.0.1 on which nobody listens.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard isBound else { throw Unmet("no port to be had") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Whether something listens on a port of 127.0.0.1.
    static func isListening(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    // MARK: The end

    private func checkDaemons() {
        for daemon in daemons {
            guard let process = daemon.process, !process.wasSignalled, !process.isRunning else { continue }
            if case .killed = process.end { Issue.record("the daemon has crashed: \(process.errors.suffix(4_000))") }
        }
    }

    private func logs() -> String {
        daemons.map {
            "--- \($0.name): \($0.process.map { "\($0.isRunning ? "runs" : "\($0.end as Any)")" } ?? "")\n\($0.log.suffix(4_000))"
        }
        .joined(separator: "\n")
    }

    private func end() {
        for daemon in daemons { daemon.process?.finish() }
        for receiver in receivers { receiver.stop() }
        for child in children { child.finish() }
        directory.remove()
    }
}
