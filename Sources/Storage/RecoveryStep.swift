/// How far a journal's recovery is.
package enum RecoveryStep: Equatable, Sendable, CustomStringConvertible {
    /// Part of a segment was searched for the last checkpoint, from the newest segment on.
    case searching(segment: Int, of: Int)
    /// Part of a segment was read.
    case reading(segment: Int, of: Int)
    /// Events were looked up whose records' fate is in doubt.
    case resolving

    package var description: String {
        switch self {
        case .searching(let segment, let count):
            "looking for the journal's last checkpoint: segment \(segment) of \(count)"
        case .reading(let segment, let count): "reading the journal: segment \(segment) of \(count)"
        case .resolving: "looking up events of damaged records"
        }
    }
}
