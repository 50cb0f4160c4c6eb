import COpenSSL

/// HMAC-SHA256 (RFC 2104, FIPS 180-4) under one key, by libcrypto.
///
/// The keyed context is made once and begun again for each message: a third of the cost of a one-shot `HMAC()`.
/// Not for use by two threads at once: whoever owns it confines it (a lane's belongs to the delivery loop).
package final class HMACKey {
    package static let digestBytes = 32

    private let context: OpaquePointer

    /// - Parameter key: any number of bytes, none included.
    package init(_ key: [UInt8]) {
        context = Self.algorithm.makeContext()
        var digest: [CChar] = Array("SHA256".utf8CString)
        let done = digest.withUnsafeMutableBufferPointer { name in
            var parameters = [
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.baseAddress, 0),
                OSSL_PARAM_construct_end(),
            ]
            // An empty key must not be a null pointer: that would mean "the key that you have".
            let bytes = key.isEmpty ? [0] : key
            return EVP_MAC_init(context, bytes, key.count, &parameters)
        }
        precondition(done == 1, "libcrypto refused an HMAC-SHA256 key")
    }

    deinit {
        EVP_MAC_CTX_free(context)
    }

    /// The digest of a message that is given in parts.
    package func sign(_ parts: UnsafeRawBufferPointer...) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.digestBytes)
        digest.withUnsafeMutableBytes {
            begin()
            parts.forEach(update)
            finish(into: $0)
        }
        return digest
    }

    /// Starts a message under the same key.
    package func begin() {
        let done = EVP_MAC_init(context, nil, 0, nil)
        precondition(done == 1, "libcrypto could not begin an HMAC")
    }

    /// Adds a part of the message.
    package func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        let done = EVP_MAC_update(context, start.assumingMemoryBound(to: UInt8.self), bytes.count)
        precondition(done == 1, "libcrypto could not go on with an HMAC")
    }

    /// Ends the message and writes its ``digestBytes`` bytes.
    package func finish(into digest: UnsafeMutableRawBufferPointer) {
        var length = 0
        let start = digest.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let done = EVP_MAC_final(context, start, &length, digest.count)
        precondition(done == 1 && length == Self.digestBytes, "libcrypto could not end an HMAC")
    }

    private static let algorithm = Algorithm()

    /// The fetched implementation, shared by all keys: fetching costs more than signing.
    private struct Algorithm: @unchecked Sendable {
        // Read only after its making; libcrypto counts references to it atomically.
        private let mac: OpaquePointer

        init() {
            guard let mac = EVP_MAC_fetch(nil, "HMAC", nil) else {
                preconditionFailure("libcrypto has no HMAC: its default provider is missing")
            }
            self.mac = mac
        }

        func makeContext() -> OpaquePointer {
            guard let context = EVP_MAC_CTX_new(mac) else {
                preconditionFailure("libcrypto is out of memory")
            }
            return context
        }
    }
}
