import Foundation

/// journald's end of sd_journal_sendv(3), for a daemon in a mount namespace of its own: it finds this socket at
/// `/run/systemd/journal/socket`, where the host has its own or none.
final class JournalSocket {
    private let directory: String
    private let descriptor: Int32

    init(in directory: TemporaryDirectory) throws {
        self.directory = "\(directory.path)/journal.d"
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let bound = UnixSocketClient.withAddress("\(self.directory)/socket") { bind(descriptor, $0, $1) }
        guard bound == 0 else { throw Unmet("bind: \(String(cString: strerror(errno)))") }
    }

    deinit {
        close(descriptor)
    }

    /// What starts a program that finds it.
    var through: [String] { Self.through("mount --bind '\(directory)' /run/systemd/journal") }

    /// What starts a program for which there is no journald.
    static var none: [String] { through("true") }

    private static func through(_ command: String) -> [String] {
        // A /run of its own: nothing is made in the host's.
        let script = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && \(command) && exec \"$@\""
        return ["unshare", "--mount", "sh", "-c", script, "sh"]
    }

    /// The variable of a daemon whose standard error is the file at a path; it is made if it is not there.
    static func variable(standardError path: String) throws -> [String: String] {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Unmet("fstat: \(path)") }
        return ["JOURNAL_STREAM": "\(status.st_dev):\(status.st_ino)"]
    }

    /// The fields of the next entry; nil if none comes in time.
    func next(within limit: Duration = .seconds(5)) -> [String: String]? {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, Int32(max(.zero, limit) / .milliseconds(1))) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        var fields: [String: String] = [:]
        // Values with line ends would come in another form: none of ours has any.
        for line in String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[String(parts[0])] = parts.count > 1 ? String(parts[1]) : nil
        }
        return fields
    }

    /// The next entry whose message begins with a text.
    func entry(_ text: String, within limit: Duration = .seconds(10)) throws -> [String: String] {
        let deadline = ContinuousClock.now + limit
        var seen: [String] = []
        while let fields = next(within: deadline - ContinuousClock.now) {
            let message = fields["MESSAGE"] ?? ""
            if message.hasPrefix(text) { return fields }
            seen.append(message)
        }
        throw Unmet("no entry \(text): \(seen)")
    }

    /// All that is there.
    func drain() -> [[String: String]] {
        var entries: [[String: String]] = []
        while let fields = next(within: .milliseconds(100)) { entries.append(fields) }
        return entries
    }
}
