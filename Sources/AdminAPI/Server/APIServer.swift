import Glibc
import Hummingbird
import HummingbirdCore
package import Logging
package import NIOCore
import NIOPosix
package import RelayCore

/// The administrators' HTTP/1.1 server on one listening socket.
///
/// Routing and the HTTP parts are Hummingbird's. The accept loop is ours, because Hummingbird's server can't take over
/// a socket that systemd or the daemon has bound. Whoever can open the Unix socket is an administrator: the file's
/// owner, group and mode decide. On TCP keys do. Each of the two has bounds of its own, so that neither can keep the
/// other one's callers out.
package struct APIServer: Sendable {
    private let http: HTTP1Channel
    private let logger: Logger
    private let group: any EventLoopGroup
    private let executor: (any TaskExecutor)?
    private let limits: APILimits
    private let administration: any Administration

    /// Makes a server that isn't listening yet.
    ///
    /// - Parameters:
    ///   - administration: what the routes call
    ///   - answers: knows what was answered to requests with an `Idempotency-Key`
    ///   - version: Hookline's version, for the `Server` header field and `GET /status`
    ///   - logger: for what goes wrong; requests are logged at `debug`, without their bodies
    ///   - group: event loops of NIOPosix that the connections live on
    ///   - door: what it listens on
    ///   - executor: where requests are answered; nil: on Swift's global executor
    package init(
        administration: any Administration, answers: any AnswerStore, version: String, logger: Logger,
        group: any EventLoopGroup, door: Door, executor: (any TaskExecutor)? = nil
    ) {
        self.init(
            administration: administration, answers: answers, version: version, logger: logger, group: group,
            door: door, executor: executor, limits: APILimits())
    }

    init(
        administration: any Administration, answers: any AnswerStore, version: String, logger: Logger,
        group: any EventLoopGroup, door: Door, executor: (any TaskExecutor)? = nil, limits: APILimits
    ) {
        self.executor = executor
        self.logger = logger
        self.group = group
        self.limits = limits
        self.administration = administration
        let responder = APIResponder(
            administration: administration, answers: answers, version: version, logger: logger, door: door)
        http = HTTP1Channel(
            responder: { request, writer, channel in
                let response = await responder.respond(to: request, on: channel)
                try await writer.write(response: response.head, body: response.body)
            },
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [
                    TransferDeadlineHandler(
                        limit: limits.transferTime, headLimit: limits.idleTime, standstill: limits.standstillTime)
                ],
                idleTimeout: limits.idleTime,
                httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                    maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes,
                    maxHeaderFieldCount: limits.headerFields)))
    }

    /// Serves connections until the task is cancelled. Then nothing more is accepted, idle connections are closed, and
    /// requests that have arrived whole are answered before their connections close.
    ///
    /// - Parameters:
    ///   - descriptor: a bound and listening stream socket; the server owns and closes it from here on. The socket's
    ///     file stays.
    ///   - onReady: called once, when connections are accepted
    /// - Throws: ``APIServerError``, or NIO's `IOError` if the event loop can't take the socket.
    package func run(listening descriptor: Int32, onReady: @Sendable () -> Void = {}) async throws {
        try Self.checkListening(descriptor)
        let connections = ConnectionQueue<HTTP1Channel.Value>()
        let open = OpenConnections()
        let listener = try await bootstrap(connections, open).withBoundSocket(descriptor).get()
        listener.closeFuture.whenComplete { _ in connections.close() }
        // NIO has listened once more, for fewer; where that can't be changed back, fewer wait.
        _ = listen(descriptor, limits.backlog)
        onReady()
        await withTaskCancellationHandler {
            // The one task that cancellation doesn't reach: in a cancelled task NIO's writer refuses the answers to
            // requests that are under way. It ends when the queue does, and is awaited here.
            await Task(executorPreference: executor) {
                // Discarding: finished connections leave nothing behind, however long the server runs. Tasks in it
                // can't throw, so that one connection's error is that connection's alone.
                await withDiscardingTaskGroup { group in
                    while let connection = await connections.next() {
                        group.addTask { await http.handle(value: connection, logger: logger) }
                    }
                }
            }.value
        } onCancel: {
            listener.close(promise: nil)
            administration.endFollowing()
            open.stop(within: limits.stopTime, on: listener.eventLoop)
        }
        guard Task.isCancelled else { throw APIServerError.listenerClosed }
    }

    /// NIO ends the process over a descriptor that can't be what it is told to be.
    private static func checkListening(_ descriptor: Int32) throws(APIServerError) {
        var isListening: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0, isListening == 1 else {
            throw .notListening
        }
    }

    /// The listening side; what it accepts goes into the queue.
    private func bootstrap(
        _ connections: ConnectionQueue<HTTP1Channel.Value>, _ open: OpenConnections
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelInitializer { [limits] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        AvailableConnectionsChannelHandler(maxConnections: limits.connections),
                        // Out of descriptors: a pause, instead of a loop that fails at full speed.
                        AcceptBackoffHandler())
                }
            }
            // Half-closure: a client may shut down its sending side and still wait for the answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { [http, logger] channel in
                guard open.add(channel), connections.reserve() else {
                    return channel.eventLoop.makeFailedFuture(APIServerError.listenerClosed)
                }
                let setup = http.setup(channel: channel, logger: logger)
                setup.whenSuccess { connections.fill($0) }
                setup.whenFailure { _ in connections.fill(nil) }
                return setup.map { _ in () }
            }
    }
}

/// Why the server does not run, or no longer.
package enum APIServerError: Error, Equatable {
    /// The descriptor is no listening socket.
    case notListening
    /// The listening socket was closed by something other than a cancellation.
    case listenerClosed
}
