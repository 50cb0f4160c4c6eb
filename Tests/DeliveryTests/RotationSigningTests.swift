import Foundation
import NIOCore
import RelayCore
import Testing

@testable import Delivery

/// Which secrets a request is signed with. The expected signatures are those of `signature-vectors.json` and, for the old
/// secret, of Python's `hmac` over the same bytes.
@Suite("Signing during a rotation")
struct RotationSigningTests {
    private struct Signatures {
        let body: String
        let standard: String
    }

    private static let new = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    private static let old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    private static let byNew = Signatures(
        body: "da4c870a7ed28502f680edbeca25b4da1291aa09b37e510c26297c501195b21d",
        standard: "v1,l8aQhA55YhppD/JRo9T7eqL63W6DKdlbQyO0cJzejKw=")
    private static let byOld = Signatures(
        body: "f8fdb9414b1a7c9ed0166107872d0b51f4500785894357d446b33bdbff2c8e73",
        standard: "v1,ztvb/j5vzTFCIg7inLqABRm5xVauwZuF+6fmgEHol1g=")
    private static let data = """
        {"applicationId":"app_xyz789","score":82,"candidateName":"Łucja O'Neill 李","missingSkills":["Kubernetes","GraphQL"]}
        """
    /// Of the vectors' attempt, in milliseconds.
    private static let wall: Int64 = 1_777_732_330_000

    private static func event() throws -> EventRecord {
        try EventFixture.event(
            1, type: "application.scored", tenant: "tenant_abc123", id: "evt_01JD3ZK8Q5N7W2X4Y6A8C0E2G4",
            acceptedAt: wall, data: data)
    }

    private static func webhook() throws -> Webhook {
        Webhook(
            number: 1, id: "wh_1", tenant: "tenant_abc123", url: try WebhookURL("https://hooks.example/"), patterns: [],
            secret: old, createdAt: 0)
    }

    private static func rotated(
        _ webhook: Webhook, to text: String, grace: Duration, at wall: Int64
    ) throws -> Webhook {
        let secret = try #require(WebhookSecret(text))
        return try #require(webhook.rotated(to: secret, grace: grace, at: wall))
    }

    /// The header fields of a request that is made at a time.
    private static func fields(_ webhook: Webhook, at wall: Int64) throws -> [String: String] {
        let target = DeliveryTarget(
            webhook, secret: try #require(WebhookSecret(webhook.secret)), signatureHeader: "X-Signature", userAgent: "y"
        )
        var encoder = RequestEncoder(journal: JournalID(high: 1, low: 2))
        let request = encoder.encode(try event(), for: target, at: wall)
        let head = String(buffer: request).components(separatedBy: "\r\n\r\n")[0].components(separatedBy: "\r\n")
        return Dictionary(
            head.dropFirst().map { line in
                let colon = line.firstIndex(of: ":") ?? line.endIndex
                return (String(line[..<colon]), String(line[colon...].dropFirst(2)))
            }, uniquingKeysWith: { first, _ in first + " (twice)" })
    }

    @Test("without a rotation the one secret signs both")
    func none() throws {
        let fields = try Self.fields(try Self.webhook(), at: Self.wall)
        #expect(fields["X-Signature"] == Self.byOld.body)
        #expect(fields["webhook-signature"] == Self.byOld.standard)
        #expect(fields["webhook-timestamp"] == "1777732330")
    }

    @Test(
        "within the grace the old one signs the one value, and both the list, the newest first",
        arguments: [(0, true), (999, true), (1000, false), (50_000, false)])
    func rotation(offset: Int64, isWithin: Bool) throws {
        var webhook = try Self.webhook()
        // The grace ends within the second of the vectors' attempt.
        let start = Self.wall - offset
        webhook = try Self.rotated(webhook, to: Self.new, grace: .seconds(1), at: start)
        let fields = try Self.fields(webhook, at: Self.wall)
        #expect(fields["X-Signature"] == (isWithin ? Self.byOld : Self.byNew).body)
        #expect(
            fields["webhook-signature"]
                == (isWithin ? "\(Self.byNew.standard) \(Self.byOld.standard)" : Self.byNew.standard))
    }

    @Test("one target signs each attempt by its own time: no timer makes another one")
    func time() throws {
        var webhook = try Self.webhook()
        webhook = try Self.rotated(webhook, to: Self.new, grace: .seconds(1), at: Self.wall)
        let target = DeliveryTarget(
            webhook, secret: try #require(WebhookSecret(webhook.secret)), signatureHeader: "X", userAgent: "y")
        #expect(target.previousKeys(at: Self.wall + 999) != nil)
        #expect(target.previousKeys(at: Self.wall + 1000) == nil)
        // A clock that was set ahead by mistake and back again.
        #expect(target.previousKeys(at: Self.wall + 500) != nil)
    }

    @Test("a rotation without grace, and one that drops the oldest")
    func dropped() throws {
        var webhook = try Self.webhook()
        let third = WebhookSecret(randomBytes: [UInt8](repeating: 3, count: 32))
        webhook = try Self.rotated(webhook, to: third.text, grace: .seconds(60), at: Self.wall)
        webhook = try Self.rotated(webhook, to: Self.new, grace: .seconds(60), at: Self.wall)
        let entries = try Self.fields(webhook, at: Self.wall)["webhook-signature"]?.split(separator: " ") ?? []
        #expect(entries.count == 2 && entries[0] == Self.byNew.standard)
        #expect(!entries.contains { $0 == Self.byOld.standard })
        webhook = try Self.rotated(webhook, to: Self.old, grace: .zero, at: Self.wall)
        let fields = try Self.fields(webhook, at: Self.wall)
        #expect(fields["X-Signature"] == Self.byOld.body && fields["webhook-signature"] == Self.byOld.standard)
    }
}
