import NIOCore
import NIOHTTP1
import NIOPosix

/// A request as it was received, whole.
struct ReceivedRequest: Sendable {
    let method: String
    let path: String
    let headers: [(name: String, value: String)]
    let body: [UInt8]
    /// When its last byte was there.
    let receivedAt: ContinuousClock.Instant

    /// The first header with a name, in any case.
    func header(_ name: String) -> String? {
        let lowercased = name.lowercased()
        return headers.first { $0.name.lowercased() == lowercased }?.value
    }
}

/// What a receiver answers, and when.
struct ReceiverAnswer: Sendable, Equatable {
    var status = 204
    /// How long to wait before answering.
    var delay: Duration = .zero
}

/// A small HTTP/1.1 server that hands each request to a closure and answers without a body.
struct Receiver: Sendable {
    typealias Handler = @Sendable (ReceivedRequest) async -> ReceiverAnswer
    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPPart<HTTPResponseHead, ByteBuffer>>

    /// Bytes of a body: the longest event line (16 MiB) and its envelope. Larger ones are answered with 413.
    static let bodyBytesMax = 17 * 1024 * 1024

    private let listener: NIOAsyncChannel<Connection, Never>

    /// The address that it listens on; its port is a real one, also if 0 was asked for.
    let address: SocketAddress

    /// Binds a TCP port; 0 lets the system choose one.
    static func bind(host: String, port: Int) async throws -> Receiver {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(ResponseParts())
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
        guard let address = listener.channel.localAddress else {
            throw SystemProblem("listen on \(host):\(port)")
        }
        return Receiver(listener: listener, address: address)
    }

    /// Its URL, as a webhook is registered with.
    var url: String {
        let host = address.ipAddress ?? "127.0.0.1"
        return "http://\(host.contains(":") ? "[\(host)]" : host):\(address.port ?? 0)/"
    }

    /// Serves until the task is cancelled.
    func run(_ handler: @escaping Handler) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            try await listener.executeThenClose { connections in
                for try await connection in connections {
                    group.addTask {
                        // A broken connection is its sender's matter: it will try again, and the others go on.
                        do { try await Self.serve(connection, handler) } catch {}
                    }
                }
            }
        }
    }

    private static func serve(_ connection: Connection, _ handler: Handler) async throws {
        try await connection.executeThenClose { inbound, outbound in
            var head: HTTPRequestHead?
            var body: [UInt8] = []
            for try await part in inbound {
                switch part {
                case .head(let new):
                    head = new
                    body.removeAll(keepingCapacity: true)
                    if new.headers["expect"].contains(where: { $0.lowercased() == "100-continue" }) {
                        try await outbound.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
                    }
                case .body(let buffer):
                    body.append(contentsOf: buffer.readableBytesView)
                    if body.count > bodyBytesMax {
                        try await answer(ReceiverAnswer(status: 413), keepsAlive: false, outbound)
                        return
                    }
                case .end:
                    guard let request = head else { continue }
                    let received = ReceivedRequest(
                        method: request.method.rawValue, path: request.uri,
                        headers: request.headers.map { ($0.name, $0.value) }, body: body, receivedAt: .now)
                    let reply = await handler(received)
                    if reply.delay > .zero { try await Task.sleep(for: reply.delay) }
                    try await answer(reply, keepsAlive: request.isKeepAlive, outbound)
                    if !request.isKeepAlive { return }
                }
            }
        }
    }

    private static func answer(
        _ answer: ReceiverAnswer, keepsAlive: Bool,
        _ outbound: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>
    ) async throws {
        let status = HTTPResponseStatus(statusCode: answer.status)
        var headers = HTTPHeaders()
        if status.mayHaveResponseBody { headers.add(name: "Content-Length", value: "0") }
        if !keepsAlive { headers.add(name: "Connection", value: "close") }
        try await outbound.write(
            contentsOf: [.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)), .end(nil)])
    }
}

/// Turns the parts that a task writes into those that NIO's encoder takes.
private final class ResponseParts: ChannelOutboundHandler {
    typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
    typealias OutboundOut = HTTPServerResponsePart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part: HTTPServerResponsePart =
            switch unwrapOutboundIn(data) {
            case .head(let head): .head(head)
            case .body(let buffer): .body(.byteBuffer(buffer))
            case .end(let trailers): .end(trailers)
            }
        context.write(wrapOutboundOut(part), promise: promise)
    }
}
