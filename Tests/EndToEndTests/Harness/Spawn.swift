import Foundation

/// posix_spawn(3).
enum Spawn {
    /// Two connected descriptors that other children don't inherit.
    static func pipe() -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        precondition(socketpair(AF_UNIX, type, 0, &ends) == 0, "no descriptors to be had")
        return (ends[0], ends[1])
    }

    /// Writes to such a descriptor; if nobody reads there any more there is nothing to do.
    static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Starts a program, in a process group of its own, with no variables but those that are named.
    ///
    /// - Parameter standard: descriptors for input, output and error; -1 is `/dev/null`.
    static func start(
        _ arguments: [String], environment: [String: String], standard: (Int32, Int32, Int32),
        hasOwnSession: Bool = false
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, descriptor) in [standard.0, standard.1, standard.2].enumerated() {
            if descriptor < 0 {
                posix_spawn_file_actions_addopen(&actions, Int32(number), "/dev/null", O_RDWR, 0)
            } else {
                posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
            }
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let group = hasOwnSession ? Int32(0x80) : Int32(POSIX_SPAWN_SETPGROUP)  // POSIX_SPAWN_SETSID
        posix_spawnattr_setflags(
            &attributes, Int16(group | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)))

        var variables = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"]
        variables.merge(environment) { $1 }
        var pid: pid_t = 0
        let code = withStrings(arguments) { argv in
            withStrings(variables.map { "\($0)=\($1)" }) { envp in
                posix_spawnp(&pid, arguments[0], &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else { throw Unmet("\(arguments[0]) can't be started: \(String(cString: strerror(code)))") }
        return pid
    }

    private static func withStrings<R>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R
    ) -> R {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
