/// Who calls the administrators' interface, and how far that reaches.
package struct Caller: Equatable, Sendable {
    package enum Reach: Equatable, Sendable {
        /// What everybody may know: whether the daemon is well, and its metrics.
        case nothing
        /// What belongs to one tenant. Everything else is for it as if it did not exist.
        case tenant(String)
        /// Everything on this host.
        case host
    }

    package enum Identity: Equatable, Sendable {
        case unknown
        /// The process at the other end of a Unix socket, as the kernel knows it (unix(7), `SO_PEERCRED`).
        case peer(uid: UInt32, pid: Int32)
        /// The id of a key.
        case key(String)
    }

    package let reach: Reach
    package let identity: Identity

    package init(_ reach: Reach, _ identity: Identity) {
        self.reach = reach
        self.identity = identity
    }

    package static let nobody = Caller(.nothing, .unknown)

    package init(_ key: APIKey) {
        self.init(key.tenant.map { .tenant($0) } ?? .host, .key(key.id))
    }

    package var isAdministrator: Bool { reach == .host }

    /// The one tenant that it may see; nil: all of them.
    package var tenant: String? {
        if case .tenant(let tenant) = reach { tenant } else { nil }
    }
}

extension Caller.Identity: CustomStringConvertible {
    /// For the log: `uid 1000, pid 4711` or a key's id.
    package var description: String {
        switch self {
        case .unknown: "unknown"
        case .peer(let uid, let pid): "uid \(uid), pid \(pid)"
        case .key(let id): id
        }
    }
}
