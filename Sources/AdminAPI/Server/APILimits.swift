import NIOCore
import RelayCore

/// The bounds of the API's HTTP server: administrators are few, so they are generous and still finite.
struct APILimits: Sendable {
    /// Connections at once; further ones wait in the listen backlog.
    var connections = 256

    /// Connections that wait in the listen backlog.
    var backlog: Int32 = 1024

    /// How long a connection may lie without a request, and how long it may take over the head of one.
    var idleTime: TimeAmount = .seconds(30)

    /// How long a client may take to send a request after its head, and to take the answer.
    var transferTime: TimeAmount = .seconds(10)

    /// How long a client may take nothing of an answer that goes on and on.
    var standstillTime = TimeAmount.nanoseconds(Limits.followerStandstill.nanoseconds)

    /// How long requests that are under way have to end after a stop.
    var stopTime: TimeAmount = .seconds(5)

    /// Bytes of a request's header fields.
    var headerBytes = 16 * 1024

    /// Header fields of a request.
    var headerFields = 64
}
