import COpenSSL
import RelayCore

/// The key under which secrets are sealed on disk.
///
/// What is derived from it, by HMAC-SHA256 under the key (RFC 2104):
///
/// | of | |
/// |---|---|
/// | `hookline key id 1` | the key's id: the first 8 bytes |
/// | `hookline sealing 1` and 16 random bytes | the AES-256-GCM key of one sealing |
///
/// A sealing is those 16 bytes, a random nonce of 12 bytes, the ciphertext and the tag of 16 bytes. With a key of its own for
/// each there is no bound to the number of sealings that random nonces would set (NIST SP 800-38D section 8.3: 2^32).
package final class MasterKey: SecretSealer, @unchecked Sendable {
    package static let bytes = 32
    private static let saltBytes = 16
    private static let idLabel = Array("hookline key id 1".utf8)
    private static let sealingLabel = Array("hookline sealing 1".utf8)

    package let keyID: String
    // Written by the initializer alone, wiped at the end.
    private let key: UnsafeMutableRawBufferPointer

    /// Why bytes are no key. Never repeats them.
    package enum Problem: Error, Equatable, Sendable, CustomStringConvertible {
        /// Neither 32 bytes nor 44 characters.
        case length(Int)
        case notBase64
        /// All bytes are the same.
        case uniform

        package var description: String {
            switch self {
            case .length(let count):
                "must be a key: exactly 32 bytes, or their base64 (44 characters), and has \(count) bytes"
            case .notBase64: "must be a key: 44 characters have to be the base64 of 32 bytes, and these are not"
            case .uniform: "is no key: all its bytes are the same"
            }
        }
    }

    /// - Parameter bytes: 32 of them.
    package init(_ bytes: [UInt8]) throws(Problem) {
        guard bytes.count == Self.bytes else { throw .length(bytes.count) }
        guard bytes.contains(where: { $0 != bytes[0] }) else { throw .uniform }
        keyID = Hexadecimal.encode(Array(Self.derive(bytes, Self.idLabel).prefix(8)))
        key = .allocate(byteCount: Self.bytes, alignment: 8)
        key.copyBytes(from: bytes)
    }

    /// - Parameter contents: of a file: 32 bytes, or their standard base64 and perhaps a line's end. They are wiped.
    package convenience init(wiping contents: inout [UInt8]) throws(Problem) {
        defer { SecureBytes.wipe(&contents) }
        if contents.count == Self.bytes {
            try self.init(contents)
            return
        }
        let count = contents.count
        if contents.last == UInt8(ascii: "\n") {
            contents.removeLast()
            if contents.last == UInt8(ascii: "\r") { contents.removeLast() }
        }
        guard contents.count == 44 else { throw .length(count) }
        guard var decoded = Base64.decode(contents) else { throw .notBase64 }
        defer { SecureBytes.wipe(&decoded) }
        guard decoded.count == Self.bytes else { throw .notBase64 }
        try self.init(decoded)
    }

    deinit {
        OPENSSL_cleanse(key.baseAddress, key.count)
        key.deallocate()
    }

    package func seal(_ plain: [UInt8], binding: [UInt8]) -> [UInt8] {
        let salt = SecureBytes.random(Self.saltBytes)
        let nonce = SecureBytes.random(AES256GCM.nonceBytes)
        var key = sealingKey(salt)
        defer { SecureBytes.wipe(&key) }
        return salt + nonce + AES256GCM.seal(plain, key: key, nonce: nonce, associated: binding)
    }

    package func open(_ sealed: [UInt8], binding: [UInt8]) -> [UInt8]? {
        let start = Self.saltBytes + AES256GCM.nonceBytes
        guard sealed.count >= start else { return nil }
        var key = sealingKey(Array(sealed[..<Self.saltBytes]))
        defer { SecureBytes.wipe(&key) }
        do throws(AES256GCM.NotAuthentic) {
            return try AES256GCM.open(
                Array(sealed[start...]), key: key, nonce: Array(sealed[Self.saltBytes..<start]), associated: binding)
        } catch {
            return nil
        }
    }

    private func sealingKey(_ salt: [UInt8]) -> [UInt8] {
        var copy = Array(key)
        defer { SecureBytes.wipe(&copy) }
        return Self.derive(copy, Self.sealingLabel + salt)
    }

    private static func derive(_ key: [UInt8], _ label: [UInt8]) -> [UInt8] {
        label.withUnsafeBytes { HMACKey(key).sign($0) }
    }
}
