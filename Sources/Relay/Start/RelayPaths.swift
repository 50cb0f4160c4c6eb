import Glibc

/// Where the daemon keeps its state and its sockets.
package struct RelayPaths: Equatable, Sendable {
    package var stateDirectory: String
    package var runtimeDirectory: String
    /// Whether the runtime directory is one that we make in a place for everybody (`/tmp/hookline-UID`): ours alone, or
    /// refused.
    package var isRuntimeShared = false

    package init(stateDirectory: String, runtimeDirectory: String) {
        self.stateDirectory = stateDirectory
        self.runtimeDirectory = runtimeDirectory
    }

    package var eventsSocket: String { "\(runtimeDirectory)/events.sock" }
    package var apiSocket: String { "\(runtimeDirectory)/api.sock" }

    /// From the first that names them: flags, `HOOKLINE_…`, systemd's variables, XDG's, the home directory and `/tmp`.
    package static func find(
        stateDirectory: String?, runtimeDirectory: String?, environment: [String: String]
    ) -> RelayPaths {
        func variable(_ name: String) -> String? {
            guard let value = environment[name], !value.isEmpty else { return nil }
            return value
        }
        // systemd separates several directories by colons: the first one is meant.
        func systemd(_ name: String) -> String? {
            variable(name)?.split(separator: ":").first.map(String.init)
        }
        let home = variable("HOME") ?? "/"
        let state =
            stateDirectory ?? variable("HOOKLINE_STATE_DIR") ?? systemd("STATE_DIRECTORY")
            ?? variable("XDG_STATE_HOME").map { "\($0)/hookline" } ?? "\(home)/.local/state/hookline"
        let runtime =
            runtimeDirectory ?? variable("HOOKLINE_RUNTIME_DIR") ?? systemd("RUNTIME_DIRECTORY")
            ?? variable("XDG_RUNTIME_DIR").map { "\($0)/hookline" }
        var paths = RelayPaths(stateDirectory: state, runtimeDirectory: runtime ?? "/tmp/hookline-\(getuid())")
        paths.isRuntimeShared = runtime == nil
        return paths
    }
}
