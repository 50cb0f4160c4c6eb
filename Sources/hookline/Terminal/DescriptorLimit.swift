import Glibc

/// How many descriptors the process may have.
enum DescriptorLimit {
    /// Takes as many as the service manager or the shell allows.
    static func raise() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        // With fewer it works as well, as long as they suffice.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
