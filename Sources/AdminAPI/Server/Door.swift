import HTTPTypes
import Hummingbird
import NIOCore
import RelayCore

/// Where a connection came in, and what that says of who it is.
package enum Door: Sendable {
    /// The Unix socket: who may open it is an administrator.
    case socket
    /// Loopback TCP: any program of this host may connect, browsers included.
    case tcp
}

/// Finds out who calls, before anything else is done for a request.
struct Gatekeeper: Sendable {
    let door: Door
    let administration: any Administration
    /// Paths that need no key.
    let openPaths: Set<String>

    /// - Throws: ``Problem`` 403 for what a browser sends on a web page's behalf, 401 where a key is missing or wrong.
    func caller(of request: Request, on channel: any Channel) async throws(Problem) -> Caller {
        if door == .tcp { try Self.refuseBrowsers(request) }
        if openPaths.contains(request.uri.path) { return .nobody }
        if let text = try bearer(request) {
            guard let key = administration.key(text) else { throw Self.unauthorized(isWrong: true) }
            return Caller(key)
        }
        guard door == .socket else { throw Self.unauthorized(isWrong: false) }
        return Caller(.host, await Self.peer(of: channel))
    }

    // MARK: Browsers

    /// A web page can make its reader's browser send requests here. Those have an `Origin` (RFC 6454), or, where the
    /// page's name leads to this host (DNS rebinding), that name as `Host`.
    private static func refuseBrowsers(_ request: Request) throws(Problem) {
        guard request.headers[values: .origin].isEmpty else {
            throw Problem(.forbidden, detail: "Requests that web pages make (with an Origin) are not answered here.")
        }
        guard let authority = request.head.authority, isOwn(authority) else {
            throw Problem(
                .forbidden, detail: "The Host header field must name this host: localhost, 127.0.0.1 or [::1].")
        }
    }

    /// Whether a `Host` (RFC 9110 section 7.2) is this host's loopback, with or without a port.
    static func isOwn(_ authority: String) -> Bool {
        var host = authority[...]
        var port: Substring?
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return false }
            let rest = host[host.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return false }
            port = rest.isEmpty ? nil : rest.dropFirst()
            host = host[host.index(after: host.startIndex)..<end]
            guard case .v6? = IPAddress(String(host)) else { return false }
        } else if let colon = host.firstIndex(of: ":") {
            port = host[host.index(after: colon)...]
            host = host[..<colon]
        }
        if let port { guard UInt16(port) != nil, port.allSatisfy(\.isNumber) else { return false } }
        if host.lowercased() == "localhost" { return true }
        guard let address = IPAddress(String(host)) else { return false }
        return AddressClass(of: address) == .loopback
    }

    // MARK: Keys

    /// The key that a request shows (RFC 6750 section 2.1); nil: none. On the Unix socket another scheme is somebody
    /// else's: a proxy's that has asked for a password, and passes it on.
    private func bearer(_ request: Request) throws(Problem) -> String? {
        let values = request.headers[values: .authorization]
        guard !values.isEmpty else { return nil }
        let parts = values[0].split(separator: " ", maxSplits: 1)
        guard values.count == 1, parts.count == 2, parts[0].lowercased() == "bearer" else {
            if door == .socket, values.count == 1, parts.first?.lowercased() != "bearer" { return nil }
            throw Self.unauthorized(isWrong: true)
        }
        return String(parts[1].drop { $0 == " " })
    }

    private static func unauthorized(isWrong: Bool) -> Problem {
        var problem = Problem(
            .unauthorized,
            detail: isWrong
                ? "The key is none of this host's, or was revoked."
                : "A key is needed here: Authorization: Bearer hlk_… (\"hookline keys add\" makes one).")
        problem.headers[.wwwAuthenticate] =
            isWrong ? "Bearer realm=\"hookline\", error=\"invalid_token\"" : "Bearer realm=\"hookline\""
        return problem
    }

    // MARK: Peers

    /// SO_PEERCRED of socket(7), and struct ucred as unix(7) has it: three 32-bit numbers.
    private static let peerCredentials = NIOBSDSocket.Option(rawValue: 17)
    private typealias Credentials = (pid: Int32, uid: UInt32, gid: UInt32)

    private static func peer(of channel: any Channel) async -> Caller.Identity {
        guard let provider = channel as? any SocketOptionProvider else { return .unknown }
        // It fails where the connection has ended meanwhile: then nobody is there to be named.
        guard
            let found: Credentials = try? await provider.unsafeGetSocketOption(
                level: .socket, name: peerCredentials
            ).get()
        else { return .unknown }
        return .peer(uid: found.uid, pid: found.pid)
    }
}
