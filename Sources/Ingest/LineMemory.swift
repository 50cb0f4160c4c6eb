import RelayCore

/// Shares the memory for unfinished lines among users: who fills his share waits, the others don't.
///
/// A user's share is half of the whole. One of his connections at a time may go beyond it, or none of them could ever
/// finish its line.
struct LineMemory {
    private struct User {
        var bytes = 0
        var beyondShare: ObjectIdentifier?
    }

    private let share: Int
    private var users: [UInt32: User] = [:]

    init(bytesMax: Int = Limits.unfinishedLineBytes) {
        share = bytesMax / 2
    }

    /// Whether a connection's unfinished line may grow; if so, it has.
    mutating func take(_ bytes: Int, for connection: Connection) -> Bool {
        let uid = connection.peer.uid
        var user = users[uid] ?? User()
        let id = ObjectIdentifier(connection)
        if user.bytes + bytes > share, user.beyondShare != id {
            guard user.beyondShare == nil else { return false }
            user.beyondShare = id
        }
        user.bytes += bytes
        users[uid] = user
        return true
    }

    /// Gives back what an unfinished line took, when it has ended.
    mutating func giveBack(_ bytes: Int, of connection: Connection) {
        let uid = connection.peer.uid
        guard var user = users[uid] else { return }
        user.bytes -= bytes
        if user.beyondShare == ObjectIdentifier(connection) { user.beyondShare = nil }
        users[uid] = user.bytes == 0 && user.beyondShare == nil ? nil : user
    }
}
