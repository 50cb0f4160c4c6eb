import NIOCore
import NIOHTTP1
import RelayCore

/// A connection to a receiver: one request at a time, and what its answer means.
///
/// idle ▶ waiting for a head ▶ reading what follows it ▶ idle, or closed
final class ReceiverConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private enum State {
        case idle
        case waiting(Exchange)
        /// The head has decided; `failure` is what a status other than 2xx will be reported as at the end.
        case reading(Exchange, status: UInt16, keepAlive: Bool, bytes: Int, excerpt: [UInt8], advice: ReceiverAdvice)
        case closed
    }

    let origin: Origin
    private unowned let pool: ConnectionPool
    private let encoder: PreparedRequestEncoder
    private var state = State.idle
    private var context: ChannelHandlerContext?
    private var isReused = false
    /// Since when it has been idle.
    private(set) var idleSince = NIODeadline.now()

    /// The address policy under which it was made.
    let policyVersion: Int

    init(origin: Origin, pool: ConnectionPool, encoder: PreparedRequestEncoder) {
        self.origin = origin
        policyVersion = pool.policyVersion
        self.pool = pool
        self.encoder = encoder
    }

    /// Nothing but the head's method is of use here: the request itself is written as it was prepared.
    private static let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/")

    func send(_ exchange: Exchange, isReused: Bool) {
        guard let context else { return connectionLost(exchange, "the connection was closed before the request") }
        self.isReused = isReused
        exchange.phase = .response
        exchange.connection = self
        state = .waiting(exchange)
        encoder.prepared = exchange.request
        context.writeAndFlush(wrapOutboundOut(.head(Self.head)), promise: nil)
    }

    /// Closes; an attempt in it is over already.
    func close() {
        state = .closed
        context?.close(promise: nil)
    }

    /// The attempt's time is up.
    func timeIsUp() {
        switch state {
        case .reading(let exchange, let status, _, _, let excerpt, let advice):
            report(exchange, status, excerpt, advice)
        case .idle, .waiting, .closed:
            break
        }
        close()
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .waiting(let exchange)):
            state = .reading(
                exchange, status: UInt16(clamping: head.status.code), keepAlive: head.isKeepAlive, bytes: 0,
                excerpt: [],
                advice: ReceiverAdvice(head.headers))
        case (
            .body(let part), .reading(let exchange, let status, let keepAlive, let bytes, var excerpt, let advice)
        ):
            let total = bytes + part.readableBytes
            if !exchange.isOver, excerpt.count < Limits.responseExcerptBytes {
                excerpt.append(contentsOf: part.readableBytesView.prefix(Limits.responseExcerptBytes - excerpt.count))
            }
            guard total <= Limits.responseBodyBytes else { return drop() }
            state = .reading(
                exchange, status: status, keepAlive: keepAlive, bytes: total, excerpt: excerpt, advice: advice)
        case (.end, .reading(let exchange, let status, let keepAlive, _, let excerpt, let advice)):
            exchange.connection = nil
            state = .idle
            idleSince = .now()
            // First back into the pool: the outcome may start the next attempt at once.
            if keepAlive { pool.release(self) } else { close() }
            report(exchange, status, excerpt, advice)
            pool.ended(exchange)
        case (_, .idle), (_, .closed), (.head, .reading), (.body, .waiting), (.end, .waiting):
            // Bytes that nobody asked for.
            drop()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // A 2xx counts from its head on. Where the whole answer came at once it has been reported at its end, when this
        // connection was free for the next attempt.
        if case .reading(let exchange, let status, _, _, let excerpt, let advice) = state,
            Self.isSuccess(status)
        {
            report(exchange, status, excerpt, advice)
        }
        context.fireChannelReadComplete()
    }

    /// Closes without reading on; what the head said stands.
    private func drop() {
        end(because: "the receiver sent more than an answer")
        context?.close(promise: nil)
    }

    private static func isSuccess(_ status: UInt16) -> Bool { (200...299).contains(status) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(because: Self.describe(error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(because: "the receiver closed the connection before its answer was whole")
        context.fireChannelInactive()
    }

    private func end(because reason: String) {
        let before = state
        state = .closed
        switch before {
        case .idle:
            pool.removeIdle(self)
        case .waiting(let exchange):
            exchange.connection = nil
            connectionLost(exchange, reason)
        case .reading(let exchange, let status, _, _, let excerpt, let advice):
            exchange.connection = nil
            report(exchange, status, excerpt, advice)
            pool.ended(exchange)
        case .closed:
            break
        }
    }

    /// Nothing has come back. On a connection that was kept open the receiver may just have closed it: one more try.
    private func connectionLost(_ exchange: Exchange, _ reason: String) {
        if isReused, !exchange.isOver {
            exchange.mustBeNew = true
            pool.start(exchange)
        } else {
            exchange.fail(.response, reason)
            pool.ended(exchange)
        }
    }

    private func report(_ exchange: Exchange, _ status: UInt16, _ excerpt: [UInt8], _ advice: ReceiverAdvice) {
        guard !exchange.isOver else { return }
        if Self.isSuccess(status) { return exchange.finish(.delivered, status: status, wish: advice.wish) }
        var reason = "HTTP \(status)"
        if (300...399).contains(status) { reason += " (redirects are not followed)" }
        let text = Self.printable(excerpt)
        if !text.isEmpty { reason += ": \(text)" }
        exchange.finish(
            .failed(AttemptFailure(.status, reason, retryAfter: advice.retryAfter)), status: status, wish: advice.wish)
    }

    /// The beginning of an answer's text on one line.
    private static func printable(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self).unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control ? " " : String(scalar)
        }.joined()
        let words = text.split(separator: " ").joined(separator: " ")
        return words.count > 120 ? words.prefix(120) + "…" : words
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as HTTPParserError: "the answer is no HTTP/1.1: \(error)"
        case let error as IOError: "the connection broke: \(String(describing: error.description))"
        default: "the connection broke: \(error)"
        }
    }
}

/// Writes the request that was prepared in the place of the head that the response decoder was told of: the decoder has
/// to know what was asked to understand the answer, and encoding a head anew for each attempt would be wasted.
final class PreparedRequestEncoder: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = ByteBuffer

    var prepared: ByteBuffer?

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head = unwrapOutboundIn(data), let request = prepared else { return }
        prepared = nil
        context.write(wrapOutboundOut(request), promise: promise)
    }
}
