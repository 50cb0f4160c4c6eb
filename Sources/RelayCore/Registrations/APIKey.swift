/// A key to the API over TCP, as it is kept: what it is for, and what tells a right one from a wrong one.
package struct APIKey: Equatable, Sendable, Codable {
    /// Counted up; orders the list.
    package let number: UInt32
    /// `key_` and 26 characters, which stand in the key's text too: by them it is found.
    package let id: String
    /// SHA-256 (FIPS 180-4) of the whole text, 64 lower-case hexadecimal digits. Nothing slower is needed: 260 random
    /// bits can't be guessed, however fast a guess is tried.
    package let digest: String
    /// Whose webhooks and events it opens; nil: it is an administrator's.
    package let tenant: String?
    package let summary: String?
    /// Unix milliseconds.
    package let createdAt: Int64

    package init(number: UInt32, id: String, digest: String, tenant: String?, summary: String?, createdAt: Int64) {
        self.number = number
        self.id = id
        self.digest = digest
        self.tenant = tenant
        self.summary = summary
        self.createdAt = createdAt
    }
}

/// A key's text, `hlk_ID_SECRET`: 26 characters of its id and 52 that are its secret, of Crockford's base 32.
package enum APIKeyText {
    package static let prefix = "hlk_"
    package static let idPrefix = "key_"
    package static let idCharacters = 26
    package static let secretCharacters = 52

    /// The id of the key that a text is one of; nil: it has no key's form.
    package static func id(of text: String) -> String? {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[0] + "_" == prefix, parts[1].utf8.count == idCharacters,
            parts[2].utf8.count == secretCharacters, Identifier.isValid(parts[1]), Identifier.isValid(parts[2])
        else { return nil }
        return idPrefix + parts[1]
    }
}

/// A new key as checked.
package struct APIKeyDraft: Equatable, Sendable {
    /// Nil: it is an administrator's.
    package var tenant: String?
    package var summary: String?

    package init(tenant: String?, summary: String? = nil) {
        self.tenant = tenant
        self.summary = summary
    }
}
