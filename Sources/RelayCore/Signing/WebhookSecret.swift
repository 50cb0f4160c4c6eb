/// A webhook's secret in its two roles: `whsec_` and the standard base64 of the key's bytes.
///
/// The `X-HiresScope-Signature` key is the whole text's UTF-8 bytes, prefix included; the Standard Webhooks key is what
/// the part after the prefix decodes to (Standard Webhooks 1.0.0, "Signature scheme").
package struct WebhookSecret: Sendable, Equatable {
    package static let prefix = "whsec_"

    package let text: String
    /// The decoded part after the prefix.
    package let standardKey: [UInt8]

    /// The whole text's bytes.
    package var wholeKey: [UInt8] { Array(text.utf8) }

    /// Makes the text for a new secret of these random bytes (32 of them).
    package init(randomBytes: [UInt8]) {
        text = Self.prefix + Base64.encode(randomBytes)
        standardKey = randomBytes
    }

    /// Nil if the prefix is missing, or what follows is no padded standard base64, or is empty.
    package init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), let key = Base64.decode(text.dropFirst(Self.prefix.count)), !key.isEmpty
        else { return nil }
        self.text = text
        standardKey = key
    }
}
