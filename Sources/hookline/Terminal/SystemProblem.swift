import Glibc

/// A system call that failed: what was to be done, to what, and the system's reason.
struct SystemProblem: Error, Equatable, CustomStringConvertible {
    let action: String
    let code: Int32

    /// - Parameter action: reads on from "cannot", such as "open /etc/hosts".
    init(_ action: String, code: Int32 = errno) {
        self.action = action
        self.code = code
    }

    var description: String { "cannot \(action): \(Self.reason(code))" }

    /// The system's words for an error number.
    static func reason(_ code: Int32) -> String {
        String(cString: strerror(code))
    }
}
