/// The secret that a webhook had before its last rotation, while it still signs.
///
/// The wall clock of an attempt decides who signs it, since `expiresAt` is what receivers' owners were told. A clock that was
/// set ahead and back again gives the old secret back for the rest of its time, as long as it is there; it goes when the
/// whole grace is over by a clock that nobody sets, see ``remaining(at:)``.
package struct PreviousSecret: Equatable, Sendable, Codable {
    /// `whsec_` and base64.
    package let secret: String
    /// Unix milliseconds.
    package let rotatedAt: Int64
    /// Unix milliseconds: from then on it signs nothing.
    package let expiresAt: Int64

    package init(secret: String, rotatedAt: Int64, expiresAt: Int64) {
        self.secret = secret
        self.rotatedAt = rotatedAt
        self.expiresAt = expiresAt
    }

    /// Whether an attempt that begins at this wall time (Unix milliseconds) is signed with it.
    package func signs(at wall: Int64) -> Bool { wall < expiresAt }

    /// How long it is kept, seen from a wall time: not longer than the whole grace, however far the clock was set back.
    package func remaining(at wall: Int64) -> Duration {
        let end = Duration.milliseconds(expiresAt)
        return max(.zero, min(end - .milliseconds(rotatedAt), end - .milliseconds(wall)))
    }
}

/// What a rotation asks for.
package struct SecretRotation: Equatable, Sendable {
    /// For how long the old secret may sign along, in seconds: up to 30 days.
    package static let graceSeconds: ClosedRange<Int64> = 0...2_592_000
    /// What it is without a word about it: 24 hours.
    package static let usualGraceSeconds: Int64 = 86_400

    /// For how long the old secret signs along; 0: not any more.
    package var grace: Duration
    /// Nil: one is made.
    package var secret: WebhookSecret?

    package init(grace: Duration = .seconds(usualGraceSeconds), secret: WebhookSecret? = nil) {
        self.grace = grace
        self.secret = secret
    }
}

extension Webhook {
    /// Itself as it signs with another secret, and for the grace with the present one too. One that was still signing since
    /// an earlier rotation is dropped.
    ///
    /// - Parameters:
    ///   - grace: 0: the present one signs nothing any more.
    ///   - wall: Unix milliseconds.
    /// - Returns: nil if it is the present one: that would be no rotation.
    package func rotated(to new: WebhookSecret, grace: Duration, at wall: Int64) -> Webhook? {
        guard new.text != secret else { return nil }
        var webhook = self
        webhook.previousSecret =
            grace > .zero
            ? PreviousSecret(secret: secret, rotatedAt: wall, expiresAt: wall + grace.milliseconds) : nil
        webhook.secret = new.text
        webhook.updatedAt = wall
        return webhook
    }
}
