import COpenSSL

/// SHA-256 (FIPS 180-4), by libcrypto.
package enum SHA256 {
    package static let digestBytes = 32

    package static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: digestBytes)
        let done = EVP_Q_digest(nil, "SHA256", nil, bytes, bytes.count, &digest, nil)
        precondition(done == 1, "libcrypto could not make a SHA-256")
        return digest
    }
}
