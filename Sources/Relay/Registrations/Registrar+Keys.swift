import Cryptography
import Logging
import RelayCore

/// Keys to the API: a change like any other, so that a key that was shown opens the API after a crash too, and one that
/// was revoked does not.
extension Registrar {
    func createKey(_ draft: APIKeyDraft) async throws(AdministrationError) -> (key: APIKey, text: String) {
        await turnstile.enter()
        defer { turnstile.leave() }
        guard table.keyList.count < Limits.apiKeys else {
            throw .limit("this host has \(Limits.apiKeys) API keys, the most it may have")
        }
        let random = RandomID.characters(APIKeyText.idCharacters)
        let text = "\(APIKeyText.prefix)\(random)_\(RandomID.characters(APIKeyText.secretCharacters))"
        let key = APIKey(
            number: (table.keyList.last?.number ?? 0) + 1, id: APIKeyText.idPrefix + random,
            digest: Self.digest(text), tenant: draft.tenant, summary: draft.summary, createdAt: Clock.wall())
        try await commit(.putKey(key))
        logger.notice(
            "API key made",
            metadata: [
                LogMessage.key: "\(LogMessage.administration)", "key": "\(key.id)",
                "tenant": "\(key.tenant ?? "all: an administrator's")",
            ])
        return (key, text)
    }

    func removeKey(id: String) async throws(AdministrationError) {
        await turnstile.enter()
        defer { turnstile.leave() }
        guard table.key(id: id) != nil else { throw .noKey }
        try await commit(.removeKey(id))
        logger.notice("API key revoked", metadata: [LogMessage.key: "\(LogMessage.administration)", "key": "\(id)"])
    }

    static func digest(_ text: String) -> String { Hexadecimal.encode(SHA256.digest(Array(text.utf8))) }
}

extension RelayAdministration {
    /// Digests are compared, in constant time, also where there is no such key: how long it takes tells nothing.
    func key(_ text: String) -> APIKey? {
        guard let id = APIKeyText.id(of: text) else { return nil }
        let key = registrar.current.key(id: id)
        let expected = key?.digest ?? Self.noDigest
        let isRight = SecureBytes.areEqual(Array(Registrar.digest(text).utf8), Array(expected.utf8))
        return isRight ? key : nil
    }

    /// As long as one, and none.
    private static let noDigest = String(repeating: "-", count: 2 * SHA256.digestBytes)

    func createKey(_ draft: APIKeyDraft) async throws(AdministrationError) -> (key: APIKey, text: String) {
        try await registrar.createKey(draft)
    }

    func key(withID id: String) async throws(AdministrationError) -> APIKey {
        guard let key = registrar.current.key(id: id) else { throw .noKey }
        return key
    }

    func removeKey(id: String) async throws(AdministrationError) { try await registrar.removeKey(id: id) }

    func keys(after: UInt32, limit: Int) async -> [APIKey] {
        Array(registrar.current.keyList.drop { $0.number <= after }.prefix(limit))
    }
}
