import RelayCore
import Testing

/// Which secrets a webhook has after rotations, which of them sign at which time, and when the old ones go.
@Suite("Rotation of secrets")
struct SecretRotationTests {
    private static let wall: Int64 = 1_777_000_000_000

    private static func secret(_ seed: UInt8) -> WebhookSecret {
        WebhookSecret(randomBytes: [UInt8](repeating: seed, count: 32))
    }

    private static func webhook() throws -> Webhook {
        Webhook(
            number: 7, id: "wh_7", tenant: "t", url: try WebhookURL("https://hooks.example/"), patterns: [.all],
            secret: secret(1).text, createdAt: 5)
    }

    @Test("the present secret becomes the old one for the grace")
    func rotation() throws {
        var webhook = try Self.webhook()
        webhook = try #require(webhook.rotated(to: Self.secret(2), grace: .seconds(60), at: Self.wall))
        #expect(webhook.secret == Self.secret(2).text)
        #expect(
            webhook.previousSecret
                == PreviousSecret(
                    secret: Self.secret(1).text, rotatedAt: Self.wall, expiresAt: Self.wall + 60_000))
        #expect(webhook.updatedAt == Self.wall)
    }

    @Test("without grace there is no old one")
    func noGrace() throws {
        var webhook = try Self.webhook()
        webhook = try #require(webhook.rotated(to: Self.secret(2), grace: .zero, at: Self.wall))
        #expect(webhook.secret == Self.secret(2).text && webhook.previousSecret == nil)
        // Nor where one was still signing.
        webhook = try #require(webhook.rotated(to: Self.secret(3), grace: .seconds(60), at: Self.wall))
        webhook = try #require(webhook.rotated(to: Self.secret(4), grace: .zero, at: Self.wall + 1))
        #expect(webhook.secret == Self.secret(4).text && webhook.previousSecret == nil)
    }

    @Test("a second rotation within the grace drops the oldest")
    func twice() throws {
        var webhook = try Self.webhook()
        webhook = try #require(webhook.rotated(to: Self.secret(2), grace: .seconds(60), at: Self.wall))
        webhook = try #require(webhook.rotated(to: Self.secret(3), grace: .seconds(10), at: Self.wall + 1000))
        #expect(webhook.secret == Self.secret(3).text)
        #expect(webhook.previousSecret?.secret == Self.secret(2).text)
        #expect(webhook.previousSecret?.expiresAt == Self.wall + 11_000)
        // Back to the one that is still signing is a rotation like any other.
        webhook = try #require(webhook.rotated(to: Self.secret(2), grace: .seconds(10), at: Self.wall + 2000))
        #expect(webhook.secret == Self.secret(2).text && webhook.previousSecret?.secret == Self.secret(3).text)
    }

    @Test("a rotation to the same secret is none")
    func same() throws {
        let webhook = try Self.webhook()
        #expect(webhook.rotated(to: Self.secret(1), grace: .seconds(60), at: Self.wall) == nil)
    }

    @Test(
        "it signs until its end by the wall clock, both neighbours of it",
        arguments: [(-1_000_000_000, true), (0, true), (59_999, true), (60_000, false), (60_001, false)])
    func signing(offset: Int64, signs: Bool) {
        let old = PreviousSecret(secret: "", rotatedAt: Self.wall, expiresAt: Self.wall + 60_000)
        #expect(old.signs(at: Self.wall + offset) == signs)
    }

    @Test(
        "it is kept for what is left, and never for longer than the whole grace",
        arguments: [
            (0, 60_000), (1, 59_999), (59_999, 1), (60_000, 0), (1_000_000, 0), (-1, 60_000),
            (-1_777_000_000_000, 60_000),
        ])
    func remaining(offset: Int64, left: Int64) {
        let old = PreviousSecret(secret: "", rotatedAt: Self.wall, expiresAt: Self.wall + 60_000)
        #expect(old.remaining(at: Self.wall + offset) == .milliseconds(left))
    }

    @Test("times that no clock has do no harm")
    func extremes() {
        let old = PreviousSecret(secret: "", rotatedAt: .min, expiresAt: .max)
        #expect(old.remaining(at: .min) > .zero)
        #expect(PreviousSecret(secret: "", rotatedAt: .max, expiresAt: .min).remaining(at: 0) == .zero)
    }

    // MARK: The ends

    private static func time(_ seconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: seconds * 1_000_000_000)
    }

    private static func rotated(_ number: WebhookNumber, grace: Duration) throws -> Webhook {
        let webhook = Webhook(
            number: number, id: "wh_\(number)", tenant: "t", url: try WebhookURL("https://hooks.example/"),
            patterns: [.all], secret: secret(1).text, createdAt: 5)
        return try #require(webhook.rotated(to: secret(2), grace: grace, at: wall))
    }

    @Test("ends are told in their order, by the monotonic clock")
    func ends() throws {
        var graces = SecretGraces()
        #expect(graces.isEmpty && graces.next == nil)
        let table = RegistrationTable(
            catalogue: EventCatalogue(),
            webhooks: [
                try Self.webhook(), try Self.rotated(1, grace: .seconds(60)), try Self.rotated(2, grace: .seconds(20)),
            ])
        // Ten seconds of the grace went by before the start.
        graces.begin(with: table, wall: Self.wall + 10_000, now: Self.time(100))
        #expect(graces.next == Self.time(110))
        #expect(graces.over(at: Self.time(109), limit: 10) == [])
        #expect(graces.over(at: Self.time(110), limit: 10) == [2])
        #expect(graces.over(at: Self.time(150), limit: 10) == [2, 1])
        #expect(graces.over(at: Self.time(150), limit: 1) == [2])
        graces.forget(2)
        #expect(graces.next == Self.time(150))
    }

    @Test("another rotation moves the end, or takes it away")
    func moved() throws {
        var graces = SecretGraces()
        graces.note(try Self.rotated(1, grace: .seconds(60)), wall: Self.wall, now: Self.time(0))
        graces.note(try Self.rotated(1, grace: .seconds(90)), wall: Self.wall, now: Self.time(30))
        #expect(graces.next == Self.time(120))
        graces.note(try Self.rotated(1, grace: .zero), wall: Self.wall, now: Self.time(40))
        #expect(graces.isEmpty)
    }

    @Test("a clock that is set back or ahead at a restart ends it at once or after the whole grace at the latest")
    func clocks() throws {
        let webhook = try Self.rotated(1, grace: .seconds(60))
        for (offset, end) in [(-86_400_000, 60), (86_400_000, 0), (30_000, 30)] as [(Int64, Int64)] {
            var graces = SecretGraces()
            graces.note(webhook, wall: Self.wall + offset, now: Self.time(0))
            #expect(graces.next == Self.time(end))
        }
    }
}
