import COpenSSL

/// AES-256 in Galois/Counter Mode (FIPS 197, NIST SP 800-38D), by libcrypto. A nonce must never come twice under a key.
package enum AES256GCM {
    package static let keyBytes = 32
    package static let nonceBytes = 12
    package static let tagBytes = 16

    /// The bytes or what they are bound to are not as they were sealed, or the key or the nonce is another one.
    package struct NotAuthentic: Error, Equatable, Sendable {}

    /// - Parameters:
    ///   - key: ``keyBytes`` bytes.
    ///   - nonce: ``nonceBytes`` bytes.
    ///   - associated: not sealed, and has to be the same when it is opened.
    /// - Returns: the ciphertext, as long as what was sealed, and the tag.
    package static func seal(
        _ plain: [UInt8], key: [UInt8], nonce: [UInt8], associated: [UInt8]
    ) -> [UInt8] {
        let context = makeContext(key, nonce)
        defer { EVP_CIPHER_CTX_free(context) }
        var length: Int32 = 0
        var sealed = [UInt8](repeating: 0, count: plain.count + tagBytes)
        let done = sealed.withUnsafeMutableBufferPointer { output in
            EVP_EncryptInit_ex2(context, algorithm.cipher, key, nonce, nil) == 1
                && EVP_EncryptUpdate(context, nil, &length, associated, Int32(associated.count)) == 1
                && EVP_EncryptUpdate(context, output.baseAddress, &length, plain, Int32(plain.count)) == 1
                && EVP_EncryptFinal_ex(context, output.baseAddress.map { $0 + plain.count }, &length) == 1
                && EVP_CIPHER_CTX_ctrl(
                    context, EVP_CTRL_AEAD_GET_TAG, Int32(tagBytes), output.baseAddress.map { $0 + plain.count }) == 1
        }
        precondition(done, "libcrypto could not encrypt with AES-256-GCM")
        return sealed
    }

    /// - Parameter sealed: ciphertext and tag.
    package static func open(
        _ sealed: [UInt8], key: [UInt8], nonce: [UInt8], associated: [UInt8]
    ) throws(NotAuthentic) -> [UInt8] {
        guard sealed.count >= tagBytes else { throw NotAuthentic() }
        let context = makeContext(key, nonce)
        defer { EVP_CIPHER_CTX_free(context) }
        let count = sealed.count - tagBytes
        var tag = Array(sealed[count...])
        var length: Int32 = 0
        // One byte more, since what is empty has no address.
        var plain = [UInt8](repeating: 0, count: count + 1)
        let isAuthentic = plain.withUnsafeMutableBufferPointer { output in
            EVP_DecryptInit_ex2(context, algorithm.cipher, key, nonce, nil) == 1
                && EVP_DecryptUpdate(context, nil, &length, associated, Int32(associated.count)) == 1
                && EVP_DecryptUpdate(context, output.baseAddress, &length, sealed, Int32(count)) == 1
                && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tagBytes), &tag) == 1
                // Compares the tag: what was decrypted before counts for nothing until it has.
                && EVP_DecryptFinal_ex(context, output.baseAddress.map { $0 + count }, &length) == 1
        }
        guard isAuthentic else {
            SecureBytes.wipe(&plain)
            // What libcrypto notes down of it must not be taken for somebody else's error.
            ERR_clear_error()
            throw NotAuthentic()
        }
        plain.removeLast()
        return plain
    }

    private static func makeContext(_ key: [UInt8], _ nonce: [UInt8]) -> OpaquePointer {
        precondition(key.count == keyBytes && nonce.count == nonceBytes)
        guard let context = EVP_CIPHER_CTX_new() else { preconditionFailure("libcrypto is out of memory") }
        return context
    }

    private static let algorithm = Algorithm()

    /// The fetched implementation, shared by all calls.
    private struct Algorithm: @unchecked Sendable {
        // Read only after its making; libcrypto counts references to it atomically.
        let cipher: OpaquePointer

        init() {
            guard let cipher = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil) else {
                preconditionFailure("libcrypto has no AES-256-GCM: its default provider is missing")
            }
            self.cipher = cipher
        }
    }
}
