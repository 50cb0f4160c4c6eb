import Cryptography
import NIOCore
import RelayCore

/// TLS towards receivers: 1.2 or 1.3, the chain and the name checked, sessions resumed.
final class TLSClient {
    private let context: TLSContext

    init(verifier: CertificateVerifier) throws {
        context = try TLSContext(verifier: verifier)
    }

    /// Begins a handshake on a channel that is connected.
    ///
    /// - Parameter completion: called once on the channel's loop: why the handshake failed, nil if it did not.
    func start(on channel: any Channel, to origin: Origin, completion: @escaping (String?) -> Void) throws {
        let connection: TLSConnection
        switch origin.host {
        case .name(let name):
            connection = try TLSConnection(context, host: name, isAddress: false, peer: origin)
        case .address(let address):
            connection = try TLSConnection(context, host: "\(address)", isAddress: true, peer: origin)
        }
        try channel.pipeline.syncOperations.addHandler(TLSHandler(connection, completion: completion))
    }
}

/// What went wrong with an established TLS connection.
struct TLSFailure: Error {
    /// A sentence for the administrator.
    let reason: String
}

/// Puts a ``TLSConnection`` between the socket and what speaks HTTP.
final class TLSHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case handshake((String?) -> Void)
        case open
        /// Nothing more comes, or may go.
        case ended
    }

    private let connection: TLSConnection
    private var state: State

    /// Bytes of one record (RFC 8446 section 5.1).
    private static let recordBytes = 16 * 1024

    init(_ connection: TLSConnection, completion: @escaping (String?) -> Void) {
        self.connection = connection
        state = .handshake(completion)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { goOn(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        goOn(context)
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .ended = state { return }
        unwrapInboundIn(data).withUnsafeReadableBytes { connection.feed($0) }
        goOn(context)
    }

    private func goOn(_ context: ChannelHandlerContext) {
        if case .handshake(let completion) = state {
            let step = connection.handshake()
            sendOutput(context)
            switch step {
            case .goesOn:
                return
            case .failed(let reason):
                state = .ended
                completion(reason)
                return context.close(promise: nil)
            case .done:
                state = .open
                // What is added to the pipeline now gets what has come with the end of the handshake.
                completion(nil)
            }
        }
        while case .open = state {
            var buffer = context.channel.allocator.buffer(capacity: Self.recordBytes)
            var result = TLSConnection.Input.needsMore
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.recordBytes) { bytes in
                result = connection.read(into: bytes)
                return if case .bytes(let count) = result { count } else { 0 }
            }
            switch result {
            case .bytes:
                context.fireChannelRead(wrapInboundOut(buffer))
            case .needsMore:
                // Tickets and key updates are answered without being read.
                return sendOutput(context)
            case .ended:
                state = .ended
                return context.close(promise: nil)
            case .failed(let reason):
                state = .ended
                context.fireErrorCaught(TLSFailure(reason: reason))
                return context.close(promise: nil)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let before = state
        state = .ended
        switch before {
        case .handshake(let completion): completion("the receiver closed the connection in the TLS handshake")
        case .open:
            context.fireErrorCaught(TLSFailure(reason: "the receiver cut the TLS connection off (no close_notify)"))
        case .ended: break
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .handshake(let completion) = state else { return context.fireErrorCaught(error) }
        state = .ended
        completion("the connection broke in the TLS handshake: \((error as? IOError)?.plainReason ?? "\(error)")")
        context.close(promise: nil)
    }

    // MARK: Out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .open = state, unwrapOutboundIn(data).withUnsafeReadableBytes({ connection.write($0) }) else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let output = takeOutput(context)
        context.write(wrapOutboundOut(output), promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if case .open = state {
            connection.end()
            sendOutput(context)
        }
        state = .ended
        context.close(mode: mode, promise: promise)
    }

    private func sendOutput(_ context: ChannelHandlerContext) {
        guard connection.outputBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(takeOutput(context)), promise: nil)
    }

    private func takeOutput(_ context: ChannelHandlerContext) -> ByteBuffer {
        let count = connection.outputBytes
        var buffer = context.channel.allocator.buffer(capacity: count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            connection.takeOutput(into: bytes)
        }
        return buffer
    }
}
