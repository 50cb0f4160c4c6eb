import CLinuxShims
import Glibc
import RelayCore

/// Makes loops hang, to prove that the watchdog finds them: for tests, and for root alone.
///
/// The environment variable `HOOKLINE_FAULT_FILE` names a file; it need not be there from the start. It counts only if root
/// owns it and nobody else may write it, and no symbolic link is followed. What is in it names a ``CriticalLoop``.
struct FaultSwitch: Sendable {
    static let variable = "HOOKLINE_FAULT_FILE"

    let path: String

    /// Nil: the variable is not set, and nothing of this costs anything.
    init?(environment value: UnsafeMutablePointer<CChar>? = getenv(Self.variable)) {
        guard let value, value.pointee != 0 else { return nil }
        path = String(cString: value)
    }

    init(path: String) {
        self.path = path
    }

    /// The loop that is to hang; nil: none, or the file doesn't count.
    var loop: CriticalLoop? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = hookline_read_roots_file(path, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        guard let word = text.split(whereSeparator: \.isWhitespace).first else { return nil }
        return CriticalLoop(rawValue: String(word))
    }

    /// Blocks the thread that calls it for good.
    static func standStill() {
        while true { sleep(3_600) }
    }
}
