import COpenSSL

/// HMAC-SHA256 (RFC 2104, FIPS 180-4) under one key, with libcrypto's SHA-256.
///
/// Kept are the hash's two states after the key's block, 64 bytes in all: every message begins from there, without going over
/// the key again and without memory of its own. One of libcrypto's HMAC contexts has more than a kilobyte.
package struct HMACKey: Sendable {
    package static let digestBytes = 32
    private static let blockBytes = 64

    private let states: hookline_hmac_key

    /// - Parameter key: any number of bytes, none included.
    package init(_ key: [UInt8]) {
        var block = key.count > Self.blockBytes ? SHA256.digest(key) : key
        block += repeatElement(0, count: Self.blockBytes - block.count)
        var states = hookline_hmac_key()
        hookline_hmac_key_init(&states, block)
        self.states = states
        SecureBytes.wipe(&block)
    }

    /// The digest of a message that is given in parts.
    package func sign(_ parts: UnsafeRawBufferPointer...) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.digestBytes)
        digest.withUnsafeMutableBytes {
            var message = begin()
            for part in parts { message.update(part) }
            message.finish(into: $0)
        }
        return digest
    }

    /// Starts a message.
    package func begin() -> Message { Message(states) }

    /// A message on its way.
    package struct Message {
        private let states: hookline_hmac_key
        private var context = SHA256_CTX()

        fileprivate init(_ states: hookline_hmac_key) {
            self.states = states
            withUnsafePointer(to: states) { hookline_hmac_begin(&context, $0) }
        }

        /// Adds a part of it.
        package mutating func update(_ bytes: UnsafeRawBufferPointer) {
            guard let start = bytes.baseAddress else { return }
            SHA256_Update(&context, start, bytes.count)
        }

        /// Ends it, and writes its ``HMACKey/digestBytes`` bytes.
        package mutating func finish(into digest: UnsafeMutableRawBufferPointer) {
            precondition(digest.count == HMACKey.digestBytes)
            let start = digest.baseAddress?.assumingMemoryBound(to: UInt8.self)
            withUnsafePointer(to: states) { hookline_hmac_end(&context, $0, start) }
        }
    }
}
