import COpenSSL

/// Checks a TLS server's certificate chain and its name (RFC 5280, RFC 6125) by libcrypto, against the system's trust
/// store and the authorities of a file.
///
/// libcrypto rather than NIOSSL's own check, because it says why a chain is refused: expired, self-signed, of an unknown
/// authority or for another host.
package final class CertificateVerifier: @unchecked Sendable {
    // A store is made once; libcrypto locks its look-ups.
    private let store: OpaquePointer

    package struct Failure: Error, Equatable, Sendable {
        package let message: String
    }

    /// - Parameter authorities: a file of PEM certificates that are trusted too; empty: none.
    package init(authorities: String) throws(Failure) {
        guard let store = X509_STORE_new() else { throw Failure(message: "libcrypto is out of memory") }
        self.store = store
        guard X509_STORE_set_default_paths(store) == 1 else {
            throw Failure(message: "the system's trust store can't be used: \(Self.lastError())")
        }
        if !authorities.isEmpty, X509_STORE_load_locations(store, authorities, nil) != 1 {
            throw Failure(message: "no certificates can be read from \(authorities): \(Self.lastError())")
        }
    }

    deinit {
        X509_STORE_free(store)
    }

    /// Checks a chain.
    ///
    /// - Parameters:
    ///   - chain: DER, the server's own certificate first.
    ///   - host: a name, or an address in its text form.
    /// - Returns: why the chain is refused; nil if it is good.
    package func refusal(of chain: [[UInt8]], host: String, isAddress: Bool) -> String? {
        guard let context = X509_STORE_CTX_new(), let others = hookline_x509_stack() else {
            return "libcrypto is out of memory"
        }
        var leaf: OpaquePointer?
        defer {
            X509_STORE_CTX_free(context)
            hookline_x509_stack_free(others)
            X509_free(leaf)
        }
        for (index, bytes) in chain.enumerated() {
            var start: UnsafePointer<UInt8>?
            let parsed = bytes.withUnsafeBufferPointer { buffer in
                start = buffer.baseAddress
                return d2i_X509(nil, &start, buffer.count)
            }
            guard let parsed else { return "the certificate can't be read" }
            if index == 0 { leaf = parsed } else { hookline_x509_push(others, parsed) }
        }
        guard let leaf, X509_STORE_CTX_init(context, store, leaf, others) == 1 else { return "there is no certificate" }
        X509_STORE_CTX_set_default(context, "ssl_server")
        let parameters = X509_STORE_CTX_get0_param(context)
        let isSet =
            isAddress
            ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host) : X509_VERIFY_PARAM_set1_host(parameters, host, 0)
        guard isSet == 1 else { return "the host name \(host) can't be checked" }
        if X509_verify_cert(context) == 1 { return nil }
        let code = X509_STORE_CTX_get_error(context)
        switch code {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "the certificate is not for \(host) (wrong host name)"
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "the certificate has expired"
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "the certificate is not valid yet"
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "the certificate is self-signed, and not by an authority that is trusted"
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "the certificate is of an unknown authority (add it with egress.ca-file if you trust it)"
        default:
            return "the certificate is refused: \(String(cString: X509_verify_cert_error_string(Int(code))))"
        }
    }

    private static func lastError() -> String {
        let code = ERR_get_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return "no reason given" }
        return String(cString: text)
    }
}
