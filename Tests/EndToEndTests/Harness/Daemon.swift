import Foundation

/// `hookline serve` with its state and its sockets in a temporary directory.
final class Daemon {
    let directory: TemporaryDirectory
    let name: String
    private(set) var process: Child?

    var stateDirectory: String { "\(directory.path)/\(name)" }
    var runtimeDirectory: String { "\(directory.path)/\(name)-run" }
    var eventsSocket: String { "\(runtimeDirectory)/events.sock" }
    var apiSocket: String { "\(runtimeDirectory)/api.sock" }
    var configurationPath: String { "\(directory.path)/\(name).toml" }
    var registrations: String { "\(stateDirectory)/registrations.json" }

    static let loopback = "allow = [\"127.0.0.1/32\", \"::1/128\"]"
    static let localReceivers = "allow = [\"127.0.0.1/32\"]"

    /// - Parameters:
    ///   - tables: TOML without `[egress]`.
    ///   - egress: what is in that table.
    init(_ tables: String, egress: String = localReceivers, in directory: TemporaryDirectory, name: String) throws {
        self.directory = directory
        self.name = name
        try configure(tables, egress: egress)
    }

    func configure(_ tables: String, egress: String = localReceivers) throws {
        try directory.write("\(name).toml", "\(tables)\n[egress]\n\(egress)\n")
    }

    // MARK: Life

    /// Starts it without waiting for anything.
    @discardableResult
    func launch(_ options: [String] = [], environment: [String: String] = [:], through: [String] = []) throws -> Child {
        let arguments =
            through + [
                Package.executable, "serve", "--config", configurationPath, "--state-dir", stateDirectory,
                "--runtime-dir", runtimeDirectory,
            ]
        let child = try Child(arguments + options, in: directory, name: "\(name)-log", environment: environment)
        process = child
        return child
    }

    /// Starts it and waits until it is ready.
    func start(_ options: [String] = [], environment: [String: String] = [:], through: [String] = []) throws {
        let child = try launch(options, environment: environment, through: through)
        try eventually("the daemon is ready", within: .seconds(20)) {
            guard child.isRunning else { throw Unmet("the daemon has ended: \(child.errors)") }
            // Until there is a socket every call fails.
            return (try? api.call("GET", "/readyz").status) == 200
        }
    }

    /// SIGTERM, and how it ends.
    @discardableResult
    func stop() throws -> Child.End {
        let child = try running()
        child.signal(SIGTERM)
        return try child.wait(within: .seconds(20))
    }

    /// As a power cut would end it.
    func kill() throws {
        let child = try running()
        child.signal(SIGKILL)
        try child.wait()
    }

    /// Reads the configuration again and waits until it has said something about it.
    func reload() throws {
        let before = log.utf8.count
        try running().signal(SIGHUP)
        try eventually("the daemon speaks of the configuration") {
            String(decoding: log.utf8.dropFirst(before), as: UTF8.self).contains("reloaded")
        }
    }

    func running() throws -> Child {
        guard let process else { throw Unmet("the daemon was not started") }
        return process
    }

    var log: String { process?.errors ?? "" }

    // MARK: Sockets

    var api: APIClient { APIClient(socket: apiSocket) }

    func connect() throws -> UnixSocketClient { try UnixSocketClient(eventsSocket) }

    /// Sends text on a connection of its own, ends the input, and returns the replies.
    @discardableResult
    func send(_ text: String, within limit: Duration = .seconds(10)) throws -> [JSON] {
        try send(Array(text.utf8), within: limit)
    }

    @discardableResult
    func send(_ bytes: [UInt8], within limit: Duration = .seconds(10)) throws -> [JSON] {
        let connection = try connect()
        defer { connection.close() }
        try connection.send(bytes)
        connection.endWriting()
        return try connection.readToEnd(within: limit).split(separator: 0x0A).map { try JSON(Array($0)) }
    }

    /// Sends one event that must be accepted.
    @discardableResult
    func accept(_ line: String) throws -> JSON {
        let replies = try send(line + "\n")
        guard replies.count == 1, replies[0].ok.bool == true else { throw Unmet("not accepted: \(replies)") }
        return replies[0]
    }

    /// Waits until the status counts so many events: it follows the replies by a moment.
    ///
    /// - Parameter name: `accepted`, `refused`, `duplicates` or `blankLines`.
    func waitUntil(events name: String, count: Int) throws {
        var last: Int?
        do {
            try eventually("\(count) \(name)", within: .seconds(5)) {
                last = try status().events[name].int
                return last == count
            }
        } catch is Unmet {
            throw Unmet("the status counts \(last.map { "\($0)" } ?? "no") events \(name), not \(count)")
        }
    }

    func status() throws -> JSON { try api.json("GET", "/api/v1/status") }

    struct Registration {
        let id: String
        let secret: String
    }

    /// Registers a webhook.
    ///
    /// - Parameter more: further members, such as `"timeoutMs":1000`.
    func webhook(
        _ url: String, events: [String] = ["*"], tenant: String = "acme", isActive: Bool = true, more: String = ""
    ) throws -> Registration {
        let patterns = events.map(quoted).joined(separator: ",")
        let json = try api.json(
            "POST", "/api/v1/webhooks",
            """
            {"url":\(quoted(url)),"events":[\(patterns)],"isActive":\(isActive),"tenantId":\(quoted(tenant))\
            \(more.isEmpty ? "" : ",\(more)")}
            """)
        guard let id = json.id.string, let secret = json.secret.string else { throw Unmet("no webhook: \(json)") }
        return Registration(id: id, secret: secret)
    }

    func show(_ webhook: Registration) throws -> JSON { try api.json("GET", "/api/v1/webhooks/\(webhook.id)") }
}

/// A line for `events.sock`, without its LF.
func event(
    _ type: String = "job.created", tenant: String = "acme", id: String? = nil, data: String = "{}",
    timestamp: String? = nil
) -> String {
    var line = "{\"event\":\(quoted(type)),\"tenantId\":\(quoted(tenant))"
    if let id { line += ",\"id\":\(quoted(id))" }
    if let timestamp { line += ",\"timestamp\":\(quoted(timestamp))" }
    return line + ",\"data\":\(data)}"
}
