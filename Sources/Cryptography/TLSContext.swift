import COpenSSL
import Glibc

/// What all TLS connections to receivers have in common: versions, ALPN, the trust store, and sessions to resume (RFC 8446
/// section 2.2, RFC 5077).
///
/// libssl rather than NIOSSL: that one has no way to resume sessions, and the distribution patches this one.
///
/// Confined to one thread, as its connections are.
package final class TLSContext {
    let context: OpaquePointer
    private let verifier: CertificateVerifier
    private var sessions: [AnyHashable: [OpaquePointer]] = [:]

    /// Sessions that are kept for one peer: as many as common servers send tickets for, and a few more.
    private static let sessionsPerPeer = 4

    /// Peers that sessions are kept for; one has 1 to 4 KiB.
    private static let peersMax = 1024

    /// How long a session is resumed, in seconds: nothing is verified anew in that time.
    private static let sessionSeconds = 3600

    /// - Parameter verifier: decides whom to trust.
    package init(verifier: CertificateVerifier) throws(CertificateVerifier.Failure) {
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw CertificateVerifier.Failure(message: "libssl can't be used: \(CertificateVerifier.lastError())")
        }
        self.context = context
        self.verifier = verifier
        let protocols: [UInt8] = [8] + Array("http/1.1".utf8)
        guard hookline_ssl_ctx_min_version(context, TLS1_2_VERSION) == 1,
            SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) == 0
        else {
            throw CertificateVerifier.Failure(message: "libssl can't be set up: \(CertificateVerifier.lastError())")
        }
        verifier.trust(in: context)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        hookline_ssl_ctx_set_up_client(context)
        SSL_CTX_sess_set_new_cb(context) { ssl, session in
            guard let ssl, let session, let data = SSL_get_ex_data(ssl, 0) else { return 0 }
            // 1: the session is ours from now on.
            return Unmanaged<TLSConnection>.fromOpaque(data).takeUnretainedValue().take(session: session) ? 1 : 0
        }
    }

    deinit {
        for list in sessions.values { for session in list { SSL_SESSION_free(session) } }
        SSL_CTX_free(context)
    }

    // MARK: Sessions

    func keep(_ session: OpaquePointer, for peer: AnyHashable) {
        if sessions[peer] == nil, sessions.count >= Self.peersMax, let other = sessions.keys.first { forget(other) }
        var list = sessions[peer] ?? []
        list.append(session)
        if list.count > Self.sessionsPerPeer { SSL_SESSION_free(list.removeFirst()) }
        sessions[peer] = list
    }

    /// A session to resume, owned by the caller. Those of TLS 1.3 are used once (RFC 8446 appendix C.4).
    func session(for peer: AnyHashable) -> OpaquePointer? {
        while var list = sessions[peer], let session = list.popLast() {
            let age = time(nil) - SSL_SESSION_get_time(session)
            guard (0..<Self.sessionSeconds).contains(age), SSL_SESSION_is_resumable(session) == 1 else {
                sessions[peer] = list.isEmpty ? nil : list
                SSL_SESSION_free(session)
                continue
            }
            if SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION {
                sessions[peer] = list.isEmpty ? nil : list
            } else {
                SSL_SESSION_up_ref(session)
            }
            return session
        }
        return nil
    }

    private func forget(_ peer: AnyHashable) {
        for session in sessions.removeValue(forKey: peer) ?? [] { SSL_SESSION_free(session) }
    }
}
