import Cryptography
import Logging
import NIOCore
import RelayCore

/// Rotation of secrets.
///
/// | after | true |
/// |---|---|
/// | the change's commit | a start signs with the new secret and, for the grace, with the old one |
/// | the pump is told; the call returns | so does the next attempt, of deliveries that are being retried too |
/// | the end of the grace, by the wall clock at an attempt | the new one alone signs |
/// | the commit of the change without the old one, at once afterwards | the old one is not in memory any more |
/// | the snapshot that follows | nor in `registrations.json` |
/// | the segments with changes of before are removed or written anew | nor in the journal |
extension Registrar {
    /// Old secrets that are dropped before other events have a turn.
    private static let dropsAtOnce = 16

    func rotateSecret(
        of id: String, tenant: String?, _ rotation: SecretRotation
    ) async throws(AdministrationError) -> Webhook {
        await turnstile.enter()
        defer { turnstile.leave() }
        let current = try find(id: id, tenant: tenant)
        let wall = Clock.wall()
        let secret = rotation.secret ?? WebhookSecret(randomBytes: SecureBytes.random(32))
        guard let webhook = current.rotated(to: secret, grace: rotation.grace, at: wall) else {
            throw .conflict("The webhook has this secret already: a rotation needs another one.")
        }
        try await commit(.put(webhook))
        graces.note(webhook, wall: wall, now: Clock.monotonic())
        armGraces()
        logger.notice(
            "webhook secret rotated",
            metadata: [
                "webhook": "\(webhook.id)", "tenant": "\(webhook.tenant)",
                "grace": "\(rotation.grace.components.seconds) s",
                "secret": "\(rotation.secret == nil ? "made" : "given")",
            ])
        return webhook
    }

    /// Drops the old secrets whose time is over.
    func endGraces() async {
        for number in graces.over(at: Clock.monotonic(), limit: Self.dropsAtOnce) {
            await turnstile.enter()
            defer { turnstile.leave() }
            // While this waited there may have been another rotation.
            guard graces.over(at: Clock.monotonic(), limit: .max).contains(number) else { continue }
            guard var webhook = table[number], webhook.previousSecret != nil else {
                graces.forget(number)
                continue
            }
            webhook.previousSecret = nil
            do {
                try await commit(.put(webhook))
            } catch {
                // It signs nothing any more, and stays for now where it is.
                if error != .shuttingDown {
                    logger.warning(
                        "an old secret can't be dropped: tried again in 1 s",
                        metadata: ["webhook": "\(webhook.id)", "error": "\(error)"])
                }
                return noteGraceOver(in: .seconds(1))
            }
            graces.forget(number)
            logger.notice("rotation is over, the old secret is dropped", metadata: ["webhook": "\(webhook.id)"])
        }
        armGraces()
    }

    private func armGraces() {
        guard let next = graces.next else { return }
        noteGraceOver(in: max(.zero, next - Clock.monotonic()))
    }

    private func noteGraceOver(in wait: Duration) {
        pump.loop.scheduleTask(in: .nanoseconds(wait.nanoseconds)) { [weak self] in self?.noteGraceOver() }
    }
}
