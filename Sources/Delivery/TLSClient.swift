import Cryptography
import NIOCore
import NIOSSL
import NIOTLS
import RelayCore

/// TLS towards receivers: 1.2 or 1.3, the chain and the name checked by ``CertificateVerifier``.
final class TLSClient {
    private let context: NIOSSLContext
    private let verifier: CertificateVerifier

    init(verifier: CertificateVerifier) throws {
        self.verifier = verifier
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        // The verifier has its own trust store; a second one here would only be memory.
        configuration.trustRoots = .certificates([])
        context = try NIOSSLContext(configuration: configuration)
    }

    /// Begins a handshake on a channel that is connected.
    ///
    /// - Parameter completion: called once on the channel's loop: why the handshake failed, nil if it did not.
    func start(on channel: any Channel, host: WebhookURL.Host, completion: @escaping (String?) -> Void) throws {
        let name: String
        var serverName: String?
        var isAddress = false
        switch host {
        case .name(let text): (name, serverName) = (text, text)
        case .address(let address): (name, isAddress) = ("\(address)", true)
        }
        let outcome = HandshakeHandler(completion: completion)
        let bound = NIOLoopBound(outcome, eventLoop: channel.eventLoop)
        let handler = try NIOSSLClientHandler(context: context, serverHostname: serverName) {
            [verifier] certificates, promise in
            let chain: [[UInt8]]
            do {
                chain = try certificates.map { try $0.toDERBytes() }
            } catch {
                bound.value.refusal = "the certificate can't be read: \(error)"
                return promise.succeed(.failed)
            }
            bound.value.refusal = verifier.refusal(of: chain, host: name, isAddress: isAddress)
            promise.succeed(bound.value.refusal == nil ? .certificateVerified : .failed)
        }
        try channel.pipeline.syncOperations.addHandlers([handler, outcome])
    }
}

/// Waits for a handshake's end and goes out of the way.
private final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    var refusal: String?
    private var completion: ((String?) -> Void)?

    init(completion: @escaping (String?) -> Void) {
        self.completion = completion
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            // Off the pipeline first: what follows adds its handlers at the end.
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
            finish(nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(refusal ?? Self.describe(error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(refusal ?? "the receiver closed the connection in the TLS handshake")
        context.fireChannelInactive()
    }

    private func finish(_ failure: String?) {
        guard let completion else { return }
        self.completion = nil
        completion(failure)
    }

    private static func describe(_ error: any Error) -> String {
        let text = "\(error)"
        if text.contains("UNSUPPORTED_PROTOCOL") || text.contains("ALERT_PROTOCOL_VERSION") {
            return "the receiver speaks no TLS 1.2 or newer (TLS protocol version)"
        }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return "the receiver does not speak TLS on this port"
        }
        return "the TLS handshake failed: \(text)"
    }
}
