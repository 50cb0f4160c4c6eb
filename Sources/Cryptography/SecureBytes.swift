import COpenSSL

/// Random bytes and comparison for secrets, by libcrypto.
package enum SecureBytes {
    /// Bytes from libcrypto's generator, which the kernel seeds.
    package static func random(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let done = RAND_bytes(&bytes, Int32(count))
        precondition(done == 1, "libcrypto has no random bytes to give")
        return bytes
    }

    /// Overwrites what must not stay in memory, in a way that no compiler leaves out.
    package static func wipe(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
    }

    /// Whether both are the same, in a time that depends on their length alone.
    package static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
    }
}
