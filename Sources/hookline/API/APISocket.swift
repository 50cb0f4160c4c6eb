import Glibc

/// Where the daemon's `api.sock` is.
enum APISocket {
    /// The first of: the option, `HOOKLINE_API_SOCKET`, `/run/hookline` if it is there, `HOOKLINE_RUNTIME_DIR`,
    /// `$XDG_RUNTIME_DIR/hookline`, `/tmp/hookline-UID`.
    static func path(
        option: String?, environment: (String) -> String? = Console.environment,
        isDirectory: (String) -> Bool = EventsSocket.isDirectory, uid: uid_t = getuid()
    ) -> String {
        if let named = option ?? environment("HOOKLINE_API_SOCKET") { return named }
        if isDirectory("/run/hookline") { return "/run/hookline/api.sock" }
        if let directory = environment("HOOKLINE_RUNTIME_DIR") { return directory + "/api.sock" }
        if let directory = environment("XDG_RUNTIME_DIR") { return directory + "/hookline/api.sock" }
        return "/tmp/hookline-\(uid)/api.sock"
    }
}
