import Foundation

/// The service manager's end of sd_notify(3).
final class NotifySocket {
    let path: String
    private let descriptor: Int32

    init(in directory: TemporaryDirectory) throws {
        path = "\(directory.path)/notify"
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let bound = UnixSocketClient.withAddress(path) { bind(descriptor, $0, $1) }
        guard bound == 0 else { throw Unmet("bind: \(String(cString: strerror(errno)))") }
    }

    deinit {
        close(descriptor)
    }

    /// The variables of the next message; nil if none comes in time.
    func next(within limit: Duration) -> [String: String]? {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, Int32(max(.zero, limit) / .milliseconds(1))) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        var variables: [String: String] = [:]
        for line in String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            variables[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        return variables
    }

    /// Messages up to the first one that has a variable.
    func messages(until name: String, within limit: Duration = .seconds(10)) throws -> [[String: String]] {
        let deadline = ContinuousClock.now + limit
        var messages: [[String: String]] = []
        while let message = next(within: deadline - ContinuousClock.now) {
            messages.append(message)
            if message[name] != nil { return messages }
        }
        throw Unmet("no \(name) within \(limit): \(messages)")
    }
}
