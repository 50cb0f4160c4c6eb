import Foundation

/// Cleans up when the tests themselves are killed: a shell outside of their process group that ends what is left when its
/// standard input does.
final class Reaper: Sendable {
    static let shared = Reaper()

    private let input: Int32

    private static let script = """
        declare -A left
        while read -r sign entry; do
            case $sign in
                +) left[$entry]=1 ;;
                -) unset "left[$entry]" ;;
            esac
        done
        for entry in "${!left[@]}"; do case $entry in /*) ;; *) kill -KILL -- "-$entry" ;; esac; done
        for entry in "${!left[@]}"; do case $entry in /tmp/hl-*) rm -rf "$entry" ;; esac; done
        """

    private init() {
        let ends = Spawn.pipe()
        input = ends.write
        // Without it only the clean-up after a crash of the tests is lost.
        _ = try? Spawn.start(
            ["bash", "-c", Self.script], environment: [:], standard: (ends.read, -1, -1), hasOwnSession: true)
        close(ends.read)
    }

    /// Remembers a process group or a directory.
    func add(_ entry: some CustomStringConvertible) { tell("+", entry) }
    func remove(_ entry: some CustomStringConvertible) { tell("-", entry) }

    private func tell(_ sign: String, _ entry: some CustomStringConvertible) {
        Spawn.write("\(sign) \(entry)\n", to: input)
    }
}
