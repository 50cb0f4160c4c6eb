import NIOCore
import RelayCore

/// A connection to a receiver: one request at a time, and what its answer means.
///
/// idle ▶ waiting for a head ▶ reading what follows it ▶ idle, or closed
final class ReceiverConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case idle
        case waiting(Exchange)
        /// The head has decided; the rest is read for the next request's sake.
        case reading(Exchange, ResponseHead)
        case closed
    }

    let origin: Origin
    private unowned let pool: ConnectionPool
    private var state = State.idle
    private var parser = ResponseParser()
    /// The beginning of the body, where it will be shown.
    private var excerpt: [UInt8] = []
    /// Bytes that came after the head.
    private var bodyBytes = 0
    private var context: ChannelHandlerContext?
    private var isReused = false
    /// Whether it reads the rest of an answer whose outcome is known.
    private var isLingering = false
    /// How many there were so far.
    private(set) var requests: UInt64 = 0
    let madeAt = NIODeadline.now()
    /// Since when it has been idle.
    private(set) var idleSince = NIODeadline.now()

    /// The address policy under which it was made.
    let policyVersion: Int

    init(origin: Origin, pool: ConnectionPool) {
        self.origin = origin
        policyVersion = pool.policyVersion
        self.pool = pool
    }

    func send(_ exchange: Exchange, isReused: Bool) {
        guard let context else {
            self.isReused = isReused
            return connectionLost(exchange, ResponseFault.nothing.message)
        }
        self.isReused = isReused
        exchange.enter(.response)
        exchange.connection = self
        state = .waiting(exchange)
        parser = ResponseParser()
        bodyBytes = 0
        requests += 1
        context.writeAndFlush(wrapOutboundOut(exchange.request), promise: nil)
    }

    /// Closes; an attempt in it is over already.
    func close() {
        endLingering()
        state = .closed
        context?.close(promise: nil)
    }

    /// The attempt's time is up.
    func timeIsUp() {
        if case .reading(let exchange, let head) = state { report(exchange, head) }
        close()
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        guard !isQuiet else { return drop() }
        if case .waiting(let exchange) = state, exchange.phase == .response { exchange.enter(.answer) }
        let isBody = if case .reading = state { true } else { false }
        buffer.withUnsafeReadableBytes { bytes in
            bodyBytes += isBody ? bytes.count : 0
            var offset = 0
            while take(parser.next(bytes, &offset), of: bytes, &offset) {}
        }
        if bodyBytes > Limits.responseBodyBytes, case .reading = state { drop() }
    }

    /// Whether nothing is due.
    private var isQuiet: Bool {
        switch state {
        case .idle, .closed: true
        case .waiting, .reading: false
        }
    }

    /// - Returns: whether there may be more to take.
    private func take(_ step: ResponseParser.Step, of bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Bool {
        switch (step, state) {
        case (.head(let head), .waiting(let exchange)):
            state = .reading(exchange, head)
            excerpt.removeAll(keepingCapacity: true)
            bodyBytes += bytes.count - offset
            return true
        case (.body(let range), .reading(let exchange, let head)):
            if !head.isSuccess, !exchange.isOver, excerpt.count < Limits.responseExcerptBytes {
                excerpt.append(contentsOf: bytes[range].prefix(Limits.responseExcerptBytes - excerpt.count))
            }
            return true
        case (.end, .reading(let exchange, let head)):
            ended(exchange, head, hasMore: offset < bytes.count)
            return false
        case (.failed(let fault), _):
            end(because: fault.message, mayRetry: false)
            context?.close(promise: nil)
            return false
        case (.needsMore, _), (.head, _), (.body, _), (.end, _):
            return false
        }
    }

    /// The answer is whole.
    private func ended(_ exchange: Exchange, _ head: ResponseHead, hasMore: Bool) {
        exchange.connection = nil
        endLingering()
        state = .idle
        idleSince = .now()
        // An answer may come before the request is written; a second request must not follow on half of one. A small one
        // always has room in the kernel's buffer.
        let isWritten = exchange.request.readableBytes <= Self.surelyWrittenBytes || unwrittenBytes == 0
        // First back into the pool: the outcome may start the next attempt at once.
        if parser.keepsConnection, !hasMore, isWritten { pool.release(self) } else { close() }
        report(exchange, head)
        pool.ended(exchange)
    }

    private static let surelyWrittenBytes = 4096

    private var unwrittenBytes: Int {
        guard let options = context?.channel.syncOptions else { return 1 }
        // A channel that does not know may have some.
        return (try? options.getOption(.bufferedWritableBytes)) ?? 1
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // A 2xx counts from its head on. Where the whole answer came at once it has been reported at its end, when this
        // connection was free for the next attempt.
        if case .reading(let exchange, let head) = state, head.isSuccess, !exchange.isOver {
            isLingering = true
            pool.lingers(self)
            report(exchange, head)
        }
        context.fireChannelReadComplete()
    }

    /// Closes it if what is being read is of no more use than for the next request.
    ///
    /// - Parameter request: nothing is closed if it is another one by now.
    func stopLingering(over request: UInt64) {
        if request == requests, case .reading(let exchange, _) = state, exchange.isOver { drop() }
    }

    /// Closes without reading on; what the head said stands.
    private func drop() {
        end(because: "the receiver sent more than an answer", mayRetry: false)
        context?.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(because: Self.describe(error), mayRetry: !parser.hasBegun)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let mayRetry = !parser.hasBegun
        if !isQuiet {
            switch parser.finish() {
            case .end:
                if case .reading(let exchange, let head) = state { ended(exchange, head, hasMore: true) }
            case .failed(let fault): end(because: fault.message, mayRetry: mayRetry)
            case .needsMore, .head, .body: end(because: ResponseFault.cutBody.message, mayRetry: false)
            }
        } else {
            end(because: ResponseFault.nothing.message, mayRetry: false)
        }
        context.fireChannelInactive()
    }

    private func endLingering() {
        guard isLingering else { return }
        isLingering = false
        pool.lingersNoMore()
    }

    private func end(because reason: String, mayRetry: Bool) {
        let before = state
        endLingering()
        state = .closed
        switch before {
        case .idle:
            pool.removeIdle(self)
        case .waiting(let exchange):
            exchange.connection = nil
            if mayRetry { return connectionLost(exchange, reason) }
            exchange.fail(.response, reason)
            pool.ended(exchange)
        case .reading(let exchange, let head):
            exchange.connection = nil
            report(exchange, head)
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

    // MARK: Outcomes

    private func report(_ exchange: Exchange, _ head: ResponseHead) {
        guard !exchange.isOver else { return }
        let advice = ReceiverAdvice(head.fields)
        if head.isSuccess { return exchange.finish(.delivered, status: head.status, wish: advice.wish) }
        var reason = "HTTP \(head.status)"
        if head.isRedirect { reason += " (redirects are not followed)" }
        let text = PlainText.line(excerpt)
        var answerOffset = 0
        if !text.isEmpty {
            reason += ": "
            answerOffset = reason.utf8.count
            reason += text
        }
        let failure = AttemptFailure(
            .status, reason, retryAfter: advice.retryAfter, answerOffset: answerOffset)
        exchange.finish(.failed(failure), status: head.status, wish: advice.wish)
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as TLSFailure: error.reason
        case let error as IOError: "the connection broke: \(error.plainReason)"
        default: "the connection broke: \(error)"
        }
    }
}
