import Cryptography
import Foundation
import RelayCore
import Storage
import Testing

/// The two secrets of a rotation, under a master key and without one.
@Suite("Sealed rotation")
struct SealedRotationTests {
    private static func rotated(_ number: WebhookNumber) throws -> Webhook {
        var webhook = try SealedState.webhook(number)
        // That of another webhook of the state, so that ``SealedState/leaks()`` looks for both.
        let next = try #require(WebhookSecret(try SealedState.webhook(number + 1).secret))
        webhook = try #require(webhook.rotated(to: next, grace: .seconds(60), at: Fixture.acceptedAt))
        return webhook
    }

    @Test("both are sealed in the snapshot and in the journal, and come back", arguments: [nil, 1] as [UInt8?])
    func both(key: UInt8?) throws {
        try SealedState.run { sealed in
            let coding = try SealedState.coding(key)
            try sealed.fill(coding)
            let run = try sealed.state.open(coding: coding)
            try run.append(RegistrationChange(revision: 5, kind: .put(try Self.rotated(1))), coding)
            run.close()
            // From the journal alone.
            #expect(try sealed.start(coding).webhooks.first == Self.rotated(1))
            let table = RegistrationTable(
                catalogue: SealedState.catalogue, webhooks: try sealed.start(coding).webhooks, revision: 5)
            try sealed.snapshot(coding).write(table)
            #expect(try sealed.start(coding).webhooks == [try Self.rotated(1)] + SealedState.all().dropFirst())
            #expect(try sealed.leaks().isEmpty == (key != nil))
        }
    }

    @Test("sealing a plain state takes the old secret along, another key too")
    func sealing() throws {
        try SealedState.run { sealed in
            try sealed.fill()
            let run = try sealed.state.open()
            try run.append(RegistrationChange(revision: 5, kind: .put(try Self.rotated(1))), .plain)
            run.close()
            let (first, second) = (try SealedState.coding(1), try SealedState.coding(2))
            try sealed.sealing().change(from: .plain, to: first)
            #expect(try sealed.leaks() == [])
            #expect(try sealed.start(first).webhooks.first == Self.rotated(1))
            try sealed.sealing().change(from: first, to: second)
            #expect(try sealed.leaks() == [])
            #expect(try sealed.start(second).webhooks.first == Self.rotated(1))
        }
    }

    @Test("whoever looks without the key sees none of them")
    func withheld() throws {
        try SealedState.run { sealed in
            let table = RegistrationTable(
                catalogue: SealedState.catalogue, webhooks: [try Self.rotated(1)], revision: 2)
            try sealed.snapshot(try SealedState.coding(1)).write(table)
            let seen = try sealed.snapshot(.withheld).read(catalogue: SealedState.catalogue)?.list(tenant: nil).first
            #expect(seen?.secret == "" && seen?.previousSecret == nil)
        }
    }
}
