import COpenSSL

/// Whom to trust: the system's trust store and the authorities of a file. libcrypto checks chains and names by it
/// (RFC 5280, RFC 6125), and here stands what it means when it refuses one: expired, self-signed, of an unknown authority
/// or for another host.
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

    /// Lets the connections of a context trust whom this one trusts.
    func trust(in context: OpaquePointer) {
        SSL_CTX_set1_cert_store(context, store)
    }

    /// Why a chain was refused.
    ///
    /// - Parameters:
    ///   - code: an `X509_V_ERR_…`.
    ///   - host: the name or address that the certificate had to be for.
    static func reason(_ code: Int32, host: String) -> String {
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

    static func lastError() -> String {
        let code = ERR_get_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return "no reason given" }
        return String(cString: text)
    }
}
