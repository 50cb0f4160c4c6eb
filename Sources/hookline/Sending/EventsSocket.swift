import Glibc

/// Finding and opening the relay's `events.sock`.
enum EventsSocket {
    /// Why the relay can't be reached, and what to do about it.
    struct Unreachable: Error, Equatable, CustomStringConvertible {
        let path: String
        let code: Int32

        /// Whether another try may go better without anyone doing something.
        var isPassing: Bool { code != EACCES && code != ENAMETOOLONG && code != ENOTSOCK && code != EPERM }

        var description: String {
            switch code {
            case ENOENT:
                "there is no \(path): is the daemon running? Start it with \"hookline serve\", or "
                    + "\"systemctl start hookline\"; --socket names another path"
            case ECONNREFUSED:
                "nobody listens on \(path): the daemon is not running. Start it with \"hookline serve\", or "
                    + "\"systemctl start hookline\""
            case EACCES, EPERM:
                "\(path) may not be opened by this user: only members of the group hookline-clients may send events "
                    + "(\"adduser USER hookline-clients\", then log in again)"
            case ENAMETOOLONG:
                "\(path) is too long: a socket's path has at most \(EventsSocket.pathBytesMax) bytes"
            default: "\(path) can't be reached: \(SystemProblem.reason(code))"
            }
        }
    }

    /// `sun_path` holds 108 bytes with its NUL (unix(7)).
    static let pathBytesMax = 107

    /// The first of: the option, `HOOKLINE_EVENTS_SOCKET`, `/run/hookline` if it is there, `HOOKLINE_RUNTIME_DIR`,
    /// `$XDG_RUNTIME_DIR/hookline`, `/tmp/hookline-UID`.
    static func path(
        option: String?, environment: (String) -> String? = Console.environment,
        isDirectory: (String) -> Bool = isDirectory, uid: uid_t = getuid()
    ) -> String {
        if let named = option ?? environment("HOOKLINE_EVENTS_SOCKET") { return named }
        if isDirectory("/run/hookline") { return "/run/hookline/events.sock" }
        if let directory = environment("HOOKLINE_RUNTIME_DIR") { return directory + "/events.sock" }
        if let directory = environment("XDG_RUNTIME_DIR") { return directory + "/hookline/events.sock" }
        return "/tmp/hookline-\(uid)/events.sock"
    }

    /// Connects, waiting if the relay's listen backlog is full.
    ///
    /// - Returns: a blocking descriptor, the caller's to close.
    static func connect(_ path: String) throws(Unreachable) -> Int32 {
        guard path.utf8.count <= pathBytesMax else { throw Unreachable(path: path, code: ENAMETOOLONG) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Unreachable(path: path, code: errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, size) }
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw Unreachable(path: path, code: code)
        }
        return descriptor
    }

    /// Whether there is a directory, though perhaps one that this user may not enter.
    static func isDirectory(_ path: String) -> Bool {
        access(path + "/", F_OK) == 0 || errno == EACCES
    }
}
