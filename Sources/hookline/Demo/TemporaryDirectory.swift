import FoundationEssentials
import Glibc

/// A directory of our own that is removed with all that is in it.
struct TemporaryDirectory: Sendable {
    let path: String

    /// Makes one, 0700, in `$TMPDIR` or `/tmp`. A socket's path must fit in 107 bytes, so a long `$TMPDIR` is not used.
    init(prefix: String) throws(SystemProblem) {
        var parent = Console.environment("TMPDIR") ?? "/tmp"
        while parent.utf8.count > 1 && parent.hasSuffix("/") { parent.removeLast() }
        if parent.utf8.count > 60 { parent = "/tmp" }
        var template = Array("\(parent)/\(prefix)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemProblem("make a directory in \(parent)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            Console.note("hookline: cannot remove \(path): \(error)")
        }
    }
}
