/// What of a registration is to be kept from whoever reads the disk: what signs, the headers (which often hold a token) and
/// the URL (whose path is one, with many receivers).
package struct WebhookSecrets: Equatable, Sendable, Codable {
    package let url: WebhookURL
    package let secret: String
    package let headers: [HeaderField]
    /// During a rotation; registrations of before there were any do not have it.
    package let previousSecret: PreviousSecret?

    package init(url: WebhookURL, secret: String, headers: [HeaderField], previousSecret: PreviousSecret? = nil) {
        self.url = url
        self.secret = secret
        self.headers = headers
        self.previousSecret = previousSecret
    }
}

/// Seals and opens bytes under a key.
package protocol SecretSealer: Sendable {
    /// Tells keys apart and gives none away: 16 lower-case hexadecimal digits.
    var keyID: String { get }
    /// - Parameter binding: what they belong to; they can't be opened as something else's.
    func seal(_ plain: [UInt8], binding: [UInt8]) -> [UInt8]
    /// Nil: they were not sealed under this key for that, or not a bit of them may have been as it is.
    func open(_ sealed: [UInt8], binding: [UInt8]) -> [UInt8]?
}

/// Seals and opens the secrets of webhooks that are encoded and decoded: `userInfo` holds it under
/// `CodingUserInfoKey.webhookSecrets`. Without one they are written as they are, and sealed ones can't be read.
package protocol WebhookSecretsCoder: Sendable {
    /// - Returns: nil: they are to be written as they are.
    func seal(_ secrets: WebhookSecrets, of id: String, tenant: String) throws -> SealedText?
    /// - Throws: ``SecretsFailure``.
    func open(_ text: SealedText, of id: String, tenant: String) throws -> WebhookSecrets
}

extension CodingUserInfoKey {
    // Only an empty name would be none.
    package static let webhookSecrets = CodingUserInfoKey(rawValue: "hookline.webhookSecrets")!
}

/// Why a webhook's secrets can't be read.
package enum SecretsFailure: Error, Equatable, Sendable {
    /// They are sealed, and there is no key.
    case noKey(sealedUnder: String)
    case otherKey(sealedUnder: String, given: String)
    /// They are sealed in a form that this version does not know.
    case unknownForm(webhook: String)
    /// The key is the right one, and they are not as they were sealed, or for another webhook.
    case damaged(webhook: String)
}

/// Sealed bytes as they stand in JSON: `1.KEY.BYTES`, a version, the key's id and standard base64.
package struct SealedText: Equatable, Sendable {
    package static let version = "1"

    package let keyID: String
    package let bytes: [UInt8]

    package init(keyID: String, bytes: [UInt8]) {
        self.keyID = keyID
        self.bytes = bytes
    }

    /// Nil: it is no such text, or of another version.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == Self.version, let bytes = Base64.decode(parts[2]) else { return nil }
        self.init(keyID: String(parts[1]), bytes: bytes)
    }

    package var text: String { "\(Self.version).\(keyID).\(Base64.encode(bytes))" }
}

// MARK: A webhook on disk

extension Webhook {
    private enum CodingKeys: String, CodingKey {
        case number, id, tenant, url, patterns, secret, state, summary, headers, settings, createdAt, updatedAt
        case madeByAdministrator, sealed
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let id = try container.decode(String.self, forKey: .id)
        let tenant = try container.decode(String.self, forKey: .tenant)
        let secrets = try Self.secrets(from: decoder, of: id, tenant: tenant)
        self.init(
            number: try container.decode(WebhookNumber.self, forKey: .number), id: id, tenant: tenant, url: secrets.url,
            patterns: try container.decode([EventPattern].self, forKey: .patterns), secret: secrets.secret,
            state: try container.decode(State.self, forKey: .state),
            summary: try container.decodeIfPresent(String.self, forKey: .summary), headers: secrets.headers,
            settings: try container.decode(DeliverySettings.self, forKey: .settings),
            createdAt: try container.decode(Int64.self, forKey: .createdAt),
            madeByAdministrator: try container.decode(Bool.self, forKey: .madeByAdministrator))
        updatedAt = try container.decode(Int64.self, forKey: .updatedAt)
        previousSecret = secrets.previousSecret
    }

    private static func secrets(
        from decoder: any Decoder, of id: String, tenant: String
    ) throws -> WebhookSecrets {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard let text = try container.decodeIfPresent(String.self, forKey: .sealed) else {
            return try WebhookSecrets(from: decoder)
        }
        guard let sealed = SealedText(text) else { throw SecretsFailure.unknownForm(webhook: id) }
        guard let coder = decoder.userInfo[.webhookSecrets] as? any WebhookSecretsCoder else {
            throw SecretsFailure.noKey(sealedUnder: sealed.keyID)
        }
        return try coder.open(sealed, of: id, tenant: tenant)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(number, forKey: .number)
        try container.encode(id, forKey: .id)
        try container.encode(tenant, forKey: .tenant)
        try container.encode(patterns, forKey: .patterns)
        try container.encode(state, forKey: .state)
        try container.encodeIfPresent(summary, forKey: .summary)
        try container.encode(settings, forKey: .settings)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(updatedAt, forKey: .updatedAt)
        try container.encode(madeByAdministrator, forKey: .madeByAdministrator)
        let secrets = WebhookSecrets(url: url, secret: secret, headers: headers, previousSecret: previousSecret)
        let coder = encoder.userInfo[.webhookSecrets] as? any WebhookSecretsCoder
        if let sealed = try coder?.seal(secrets, of: id, tenant: tenant) {
            try container.encode(sealed.text, forKey: .sealed)
        } else {
            try secrets.encode(to: encoder)
        }
    }
}
