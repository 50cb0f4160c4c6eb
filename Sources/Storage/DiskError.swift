import Glibc

/// A system call on a file that failed: which, on what, and the system's reason.
package struct DiskError: Error, Equatable, Sendable, CustomStringConvertible {
    package let call: String
    package let path: String
    package let code: Int32

    package init(_ call: String, _ path: String, _ code: Int32) {
        self.call = call
        self.path = path
        self.code = code
    }

    /// Of the call that has just failed: with this thread's `errno`.
    package init(_ call: String, _ path: String) {
        self.init(call, path, errno)
    }

    /// Whether it is for lack of space: on the disk or in a quota.
    package var isLackOfSpace: Bool { code == ENOSPC || code == EDQUOT }

    /// Whether a file of that name is there already.
    package var isAlreadyThere: Bool { code == EEXIST }
    package var isMissing: Bool { code == ENOENT }
    package var isNotPermitted: Bool { code == EACCES || code == EPERM }

    static func removed(_ path: String) -> DiskError {
        DiskError("the file is not in its place any more:", path, ENOENT)
    }

    /// For example `fdatasync /var/lib/hookline/journal/…: No space left on device`.
    package var description: String { "\(call) \(path): \(String(cString: strerror(code)))" }
}
