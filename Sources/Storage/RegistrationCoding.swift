import FoundationEssentials
package import RelayCore

/// How registrations become JSON and are read back: with the webhooks' secrets as they are, or sealed under a key.
///
/// Secrets that were written plain are read in any way: so a state is taken over that was not sealed yet.
package struct RegistrationCoding: Sendable {
    private enum Way: Sendable {
        case plain
        case sealed(any SecretSealer)
        case withheld
    }

    private let way: Way

    /// Sealed secrets can't be read, and new ones are written as they are.
    package static let plain = RegistrationCoding(way: .plain)
    /// For reading without a key: in place of sealed secrets stands nothing of use.
    package static let withheld = RegistrationCoding(way: .withheld)

    package static func sealed(_ sealer: any SecretSealer) -> RegistrationCoding {
        RegistrationCoding(way: .sealed(sealer))
    }

    /// Nil: secrets are written as they are.
    var sealer: (any SecretSealer)? {
        if case .sealed(let sealer) = way { sealer } else { nil }
    }

    /// Of the key that secrets are sealed under.
    package var keyID: String? {
        sealer?.keyID
    }

    var isWithholding: Bool { if case .withheld = way { true } else { false } }

    /// A change as the payload of a record.
    package func encode(_ change: RegistrationChange) throws -> [UInt8] {
        [UInt8](try encoder([]).encode(change))
    }

    /// - Throws: ``SecretsFailure``, `DecodingError`.
    package func decode(_ payload: UnsafeRawBufferPointer) throws -> RegistrationChange {
        try decode(RegistrationChange.self, Data(payload))
    }

    func encoder(_ formatting: JSONEncoder.OutputFormatting) -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        if case .sealed(let sealer) = way { encoder.userInfo[.webhookSecrets] = SealingCoder(sealer: sealer) }
        return encoder
    }

    func decode<T: Decodable>(_ type: T.Type, _ data: Data) throws -> T {
        let decoder = JSONDecoder()
        switch way {
        case .plain: break
        case .sealed(let sealer): decoder.userInfo[.webhookSecrets] = SealingCoder(sealer: sealer)
        case .withheld: decoder.userInfo[.webhookSecrets] = WithholdingCoder()
        }
        return try decoder.decode(type, from: data)
    }
}

/// What is sealed is ``WebhookSecrets`` as JSON; it is bound to the webhook's id and tenant.
private struct SealingCoder: WebhookSecretsCoder {
    let sealer: any SecretSealer

    private static func binding(_ id: String, _ tenant: String) -> [UInt8] {
        // Neither of them can hold a zero.
        Array("hookline webhook secrets 1\0\(id)\0\(tenant)".utf8)
    }

    func seal(_ secrets: WebhookSecrets, of id: String, tenant: String) throws -> SealedText? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let plain = [UInt8](try encoder.encode(secrets))
        return SealedText(
            keyID: sealer.keyID, bytes: sealer.seal(plain, binding: Self.binding(id, tenant)))
    }

    func open(_ text: SealedText, of id: String, tenant: String) throws -> WebhookSecrets {
        guard text.keyID == sealer.keyID else {
            throw SecretsFailure.otherKey(sealedUnder: text.keyID, given: sealer.keyID)
        }
        guard let plain = sealer.open(text.bytes, binding: Self.binding(id, tenant)) else {
            throw SecretsFailure.damaged(webhook: id)
        }
        return try JSONDecoder().decode(WebhookSecrets.self, from: Data(plain))
    }
}

private struct WithholdingCoder: WebhookSecretsCoder {
    func seal(_ secrets: WebhookSecrets, of id: String, tenant: String) -> SealedText? { nil }

    func open(_ text: SealedText, of id: String, tenant: String) throws -> WebhookSecrets {
        WebhookSecrets(url: try WebhookURL("https://sealed.invalid/"), secret: "", headers: [])
    }
}

extension RegistrationChange {
    private struct Number: Decodable {
        let revision: UInt64
    }

    /// The revision of a change in a record, which takes no key to know; nil: it can't be understood.
    static func revision(of payload: UnsafeRawBufferPointer) -> UInt64? {
        try? JSONDecoder().decode(Number.self, from: Data(payload)).revision
    }
}

/// Why a start can't read the secrets that it finds: the key that they are sealed under is not there.
package struct KeyRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String { "\(path): \(reason)" }
}

extension SecretsFailure {
    /// The credential that a key is given by.
    package static let credential = "hookline.master-key"

    /// What is said about it to whoever starts the relay.
    func refusal(path: String) -> any Error {
        let wayOut = """
            If that key is lost for good, so are the webhooks: --without-registrations begins with none
            """
        switch self {
        case .noKey(let id):
            return KeyRefusal(
                path: path,
                reason: """
                    the webhooks' secrets are sealed under the master key \(id), and no key is given. Give that one as the \
                    systemd credential \(Self.credential) (/etc/credstore/\(Self.credential), or the file of that name in \
                    $CREDENTIALS_DIRECTORY). \(wayOut)
                    """)
        case .otherKey(let id, let given):
            return KeyRefusal(
                path: path,
                reason: """
                    the webhooks' secrets are sealed under the master key \(id), and the credential \(Self.credential) is \
                    the key \(given). Give the key \(id), or seal them under the other one with "hookline reseal". \(wayOut)
                    """)
        case .unknownForm(let webhook):
            return StorageRefusal(
                path: path,
                reason: """
                    the secrets of webhook \(webhook) are sealed in a form that this Hookline does not know: install the \
                    version that wrote them again
                    """)
        case .damaged(let webhook):
            return StorageRefusal(
                path: path,
                reason: """
                    the sealed secrets of webhook \(webhook) are damaged, or those of another webhook: the key is the \
                    right one, and they can't be opened. Put a good copy of the file in its place (a backup, mode 0600)
                    """)
        }
    }
}
