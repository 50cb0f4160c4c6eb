import NIOCore
import RelayCore

/// Asks a proxy for a tunnel, and goes out of the way when there is one.
final class ProxyTunnel: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let proxy: EgressProxy
    private let url: WebhookURL
    private var parser = ResponseParser(.connect)
    private var completion: ((AttemptFailure?) -> Void)?

    /// - Parameter completion: called once: why there is no tunnel, nil if there is.
    init(_ proxy: EgressProxy, to url: WebhookURL, completion: @escaping (AttemptFailure?) -> Void) {
        self.proxy = proxy
        self.url = url
        self.completion = completion
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let request = context.channel.allocator.buffer(string: proxy.request(to: url))
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
            var offset = 0
            var isOpen = false
            while completion != nil {
                switch parser.next(bytes, &offset) {
                case .needsMore:
                    return
                case .head(let head):
                    guard head.isSuccess else { return finish(context, proxy.failure(status: head.status, for: url)) }
                    isOpen = true
                case .end where isOpen && offset == bytes.count:
                    // Off the pipeline first: what follows adds its handlers at the end.
                    context.pipeline.syncOperations.removeHandler(self, promise: nil)
                    return finish(nil)
                case .end, .body:
                    return finish(context, AttemptFailure(.connect, "the proxy sent more than an answer"))
                case .failed(let fault):
                    return finish(context, Self.failure(fault))
                }
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let reason = (error as? IOError)?.plainReason ?? "\(error)"
        finish(context, AttemptFailure(.connect, "the connection to the proxy broke: \(reason)"))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .failed(let fault) = parser.finish() { finish(Self.failure(fault)) }
        finish(Self.failure(.nothing))
        context.fireChannelInactive()
    }

    private static func failure(_ fault: ResponseFault) -> AttemptFailure {
        let reason =
            switch fault {
            case .nothing: "the connection was closed without an answer"
            case .cutHead, .cutBody: "the connection was closed in the middle of its answer"
            case .tls: "it speaks TLS, which is not supported towards a proxy"
            default: fault.message
            }
        return AttemptFailure(.connect, "no tunnel through the proxy: \(reason)")
    }

    private func finish(_ context: ChannelHandlerContext, _ failure: AttemptFailure) {
        finish(failure)
        context.close(promise: nil)
    }

    private func finish(_ failure: AttemptFailure?) {
        guard let completion else { return }
        self.completion = nil
        completion(failure)
    }
}
