import RelayCore
import Synchronization

/// Limits on the connections of all senders together.
package final class SharedLimits: Sendable {
    /// Idle connections that each keeps for one origin.
    let idleMax: Int
    private let lingering = Atomic<Int>(0)

    /// - Parameter senders: how many share them.
    package init(senders: Int = 1) {
        idleMax = max(1, Limits.idleConnectionsPerOrigin / senders)
    }

    /// Whether more than ``Limits/lingeringConnections`` read the rest of an answer whose outcome is known.
    var hasTooManyLingering: Bool { lingering.load(ordering: .relaxed) > Limits.lingeringConnections }

    func addLingering(_ change: Int) {
        lingering.add(change, ordering: .relaxed)
    }
}
