import Hummingbird
import NIOCore
import NIOHTTPTypes

/// Closes a connection whose client takes too long over a request's head, to send the rest of it, or to take the answer.
///
/// The time between the last two is the server's own and isn't limited here. Neither a head or a body that drips nor
/// an answer that nobody reads keeps a connection for good. An answer that goes on and on has no such end: there
/// something has to be taken of it now and then.
final class TransferDeadlineHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limit: TimeAmount
    private let headLimit: TimeAmount
    private let standstill: TimeAmount
    /// Requests whose answers have not ended.
    private var underWay = 0
    /// Parts of an answer without end that the kernel has not taken; nil: the answer is of another kind.
    private var untaken: Int?
    private var waiting: Scheduled<Void>?
    private var reading: Scheduled<Void>?
    private var writing: Scheduled<Void>?

    /// - Parameters:
    ///   - limit: for the rest of a request, and for an answer
    ///   - headLimit: from the connection's beginning, or an answer's end, to the end of the next head
    ///   - standstill: for an answer without end, in which nothing of it is taken
    init(limit: TimeAmount, headLimit: TimeAmount, standstill: TimeAmount) {
        self.limit = limit
        self.headLimit = headLimit
        self.standstill = standstill
    }

    func handlerAdded(context: ChannelHandlerContext) {
        waiting = deadline(context, in: headLimit)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            underWay += 1
            waiting?.cancel()
            reading?.cancel()
            reading = deadline(context, in: limit)
        case .body: break
        case .end:
            reading?.cancel()
            reading = nil
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            writing?.cancel()
            untaken = head.headerFields[.contentType] == Response.ndjson ? 0 : nil
            writing = untaken == nil ? deadline(context, in: limit) : nil
            context.write(data, promise: promise)
        case .body:
            guard untaken != nil else { return context.write(data, promise: promise) }
            let written = promise ?? context.eventLoop.makePromise(of: Void.self)
            change(context, by: 1)
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            written.futureResult.whenComplete { _ in
                let (handler, context) = bound.value
                handler.change(context, by: -1)
            }
            context.write(data, promise: written)
        case .end:
            // The end has been written when the kernel has taken the whole answer.
            let written = promise ?? context.eventLoop.makePromise(of: Void.self)
            let running = writing
            writing = nil
            underWay -= 1
            if underWay == 0 { waiting = deadline(context, in: headLimit) }
            written.futureResult.assumeIsolated().whenComplete { _ in running?.cancel() }
            context.write(data, promise: written)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        waiting?.cancel()
        reading?.cancel()
        writing?.cancel()
    }

    /// A part of an answer without end has been written, or taken.
    private func change(_ context: ChannelHandlerContext, by change: Int) {
        guard let before = untaken else { return }
        untaken = before + change
        // Whatever is taken gives the rest its time anew.
        guard change < 0 || before == 0 else { return }
        writing?.cancel()
        writing = before + change > 0 ? deadline(context, in: standstill) : nil
    }

    private func deadline(_ context: ChannelHandlerContext, in limit: TimeAmount) -> Scheduled<Void> {
        let channel = context.channel
        return context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }
}

@available(*, unavailable)
extension TransferDeadlineHandler: Sendable {}
