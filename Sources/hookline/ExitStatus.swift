import ArgumentParser

/// What the process's exit status tells its caller; the numbers above 1 are those of sysexits(3).
enum ExitStatus {
    static let failed = ExitCode(1)
    /// The arguments make no sense together, or name something that can't be read (EX_USAGE).
    static let usage = ExitCode(64)
    /// The daemon can't be reached (EX_UNAVAILABLE).
    static let unavailable = ExitCode(69)
    /// The configuration is wrong (EX_CONFIG).
    static let configuration = ExitCode(78)
}
