import COpenSSL

/// The TLS of one connection, as bytes in and bytes out: whoever drives it does the reading and writing.
///
/// Confined to its context's thread.
package final class TLSConnection {
    package enum Handshake: Equatable {
        case goesOn
        case done
        /// A sentence for the administrator.
        case failed(String)
    }

    package enum Input: Equatable {
        case bytes(Int)
        case needsMore
        /// The peer has said that nothing more comes (close_notify).
        case ended
        /// A sentence for the administrator.
        case failed(String)
    }

    private let context: TLSContext
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private let host: String
    private let peer: AnyHashable

    /// - Parameters:
    ///   - host: a name, or an address in its text form, that the certificate must be for.
    ///   - peer: what sessions are kept by; whoever has the same may be resumed.
    package init(
        _ context: TLSContext, host: String, isAddress: Bool, peer: AnyHashable
    ) throws(CertificateVerifier.Failure) {
        guard let ssl = SSL_new(context.context), let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem())
        else { throw CertificateVerifier.Failure(message: "libssl is out of memory") }
        self.context = context
        self.ssl = ssl
        self.input = input
        self.output = output
        self.host = host
        self.peer = peer
        // Both belong to it from now on.
        SSL_set_bio(ssl, input, output)
        let parameters = SSL_get0_param(ssl)
        let isSet =
            isAddress
            ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host)
            : X509_VERIFY_PARAM_set1_host(parameters, host, 0) & hookline_ssl_server_name(ssl, host)
        guard isSet == 1 else { throw CertificateVerifier.Failure(message: "the host name \(host) can't be checked") }
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        if let session = context.session(for: peer) {
            SSL_set_session(ssl, session)
            SSL_SESSION_free(session)
        }
        SSL_set_connect_state(ssl)
    }

    deinit {
        SSL_set_ex_data(ssl, 0, nil)
        // Without it libssl would take the session for a bad one, which can't be resumed: connections end in many ways.
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        SSL_free(ssl)
    }

    /// Whether the handshake was that of a resumed session.
    package var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    func take(session: OpaquePointer) -> Bool {
        context.keep(session, for: peer)
        return true
    }

    // MARK: Bytes of the connection

    /// Takes what has come.
    package func feed(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            // A memory BIO takes all, but for when memory is out.
            let count = BIO_write(input, rest.baseAddress, Int32(clamping: rest.count))
            guard count > 0 else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[Int(count)...])
        }
    }

    /// Bytes that wait to be sent.
    package var outputBytes: Int { BIO_ctrl_pending(output) }

    /// Takes what is to be sent.
    ///
    /// - Returns: how many bytes were written.
    package func takeOutput(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        max(0, Int(BIO_read(output, bytes.baseAddress, Int32(clamping: bytes.count))))
    }

    // MARK: Steps

    package func handshake() -> Handshake {
        ERR_clear_error()
        let code = SSL_do_handshake(ssl)
        if code == 1 { return .done }
        switch SSL_get_error(ssl, code) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .goesOn
        default: return .failed(handshakeProblem())
        }
    }

    /// Reads what the peer has sent in clear text.
    package func read(into bytes: UnsafeMutableRawBufferPointer) -> Input {
        ERR_clear_error()
        let count = SSL_read(ssl, bytes.baseAddress, Int32(clamping: bytes.count))
        if count > 0 { return .bytes(Int(count)) }
        switch SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .needsMore
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: return .failed("the TLS connection broke: \(Self.problem(ERR_peek_error()))")
        }
    }

    /// Encrypts what is to be sent.
    ///
    /// - Returns: whether the connection can still send.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            ERR_clear_error()
            let count = SSL_write(ssl, rest.baseAddress, Int32(clamping: rest.count))
            guard count > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[Int(count)...])
        }
        return true
    }

    /// Says that nothing more will be sent (close_notify).
    package func end() {
        ERR_clear_error()
        SSL_shutdown(ssl)
    }

    // MARK: Reasons

    private func handshakeProblem() -> String {
        let code = ERR_peek_error()
        let reason = hookline_error_is_of_ssl(code) == 1 ? hookline_error_reason(code) : 0
        switch reason {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return CertificateVerifier.reason(Int32(truncatingIfNeeded: SSL_get_verify_result(ssl)), host: host)
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_VERSION_TOO_LOW:
            return "the receiver speaks no TLS 1.2 or newer (TLS protocol version)"
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_PACKET_LENGTH_TOO_LONG:
            return "the receiver does not speak TLS on this port"
        default:
            return "the TLS handshake failed: \(Self.problem(code))"
        }
    }

    private static func problem(_ code: UInt) -> String {
        guard code != 0, let text = ERR_reason_error_string(code) else { return "no reason given" }
        return String(cString: text)
    }
}
