import Cryptography
import Foundation
import RelayCore
import Storage
import Testing

/// A state whose webhooks have secrets that are easy to find in files.
final class SealedState {
    static let catalogue = EventCatalogue()
    let state: TemporaryState

    init(_ state: TemporaryState) {
        self.state = state
    }

    static func key(_ seed: UInt8) throws -> MasterKey { try MasterKey((0..<32).map { $0 &* 7 &+ seed }) }
    static func coding(_ seed: UInt8?) throws -> RegistrationCoding {
        try seed.map { .sealed(try key($0)) } ?? .plain
    }

    static func webhook(_ number: WebhookNumber) throws -> Webhook {
        Webhook(
            number: number, id: "wh_\(number)", tenant: "t",
            url: try WebhookURL("https://hooks.example/services/PATHTOKEN-\(number)"), patterns: [.all],
            secret: WebhookSecret(randomBytes: [UInt8](repeating: UInt8(number), count: 31) + [0xA5]).text,
            headers: [HeaderField(name: "Authorization", value: "Bearer HEADERTOKEN-\(number)")],
            createdAt: Fixture.acceptedAt)
    }

    static func change(_ revision: UInt64) throws -> RegistrationChange {
        RegistrationChange(revision: revision, kind: .put(try webhook(WebhookNumber(revision))))
    }

    func snapshot(_ coding: RegistrationCoding = .plain, disk: any Disk = SystemDisk()) -> RegistrationSnapshot {
        RegistrationSnapshot(stateDirectory: state.path, disk: disk, coding: coding)
    }

    func sealing(_ disk: any Disk = SystemDisk()) -> StateSealing {
        StateSealing(stateDirectory: state.path, disk: disk, logger: .silent)
    }

    /// Webhooks 1 and 2 in the snapshot, changes 1 to 4 in the journal, in three segments with events 1 to 6 for webhook 1.
    func fill(_ coding: RegistrationCoding = .plain) throws {
        let run = try state.open()
        run.append(events: [1, 2], for: [1])
        for revision in 1...2 as ClosedRange<UInt64> { try run.append(Self.change(revision), coding) }
        run.rotate()
        try run.append(Self.change(3), coding)
        run.append(events: [3, 4], for: [1])
        run.rotate()
        run.append(events: [5], for: [1])
        try run.append(Self.change(4), coding)
        run.append(events: [6], for: [1])
        run.close()
        try snapshot(coding).write(
            RegistrationTable(
                catalogue: Self.catalogue, webhooks: [try Self.webhook(1), try Self.webhook(2)], revision: 2))
    }

    /// The table, events and damage as a start with this key would find them.
    func start(_ coding: RegistrationCoding) throws -> (webhooks: [Webhook], events: [UInt64], damage: [JournalDamage])
    {
        let recovered = try JournalOpener(
            directory: state.journal, disk: SystemDisk(), segmentBytes: 1 << 20, logger: .silent, coding: coding
        ).open(
            eventsSince: 0, hooks: JournalHooks(wall: { 0 }, monotonic: { MonotonicTime(nanoseconds: 0) }),
            visit: { _, _ in })
        let table = try RegistrationRecovery.table(
            snapshot(coding), recovered, catalogue: Self.catalogue, journalDirectory: state.journal
        ).table
        let run = OpenJournal(recovered, [], clock: TestClock())
        return (table.list(tenant: nil), try run.events(of: 1, through: 6), recovered.damage)
    }

    static func all() throws -> [Webhook] { try (1...4).map { try webhook($0) } }

    /// Files that hold a secret of any webhook, in any of its forms.
    func leaks() throws -> [String] {
        var needles = ["PATHTOKEN", "HEADERTOKEN"].map { Data($0.utf8) }
        for webhook in try Self.all() {
            let secret = try #require(WebhookSecret(webhook.secret))
            needles += [Data(secret.text.dropFirst(WebhookSecret.prefix.count).utf8), Data(secret.standardKey)]
        }
        return try FileManager.default.subpathsOfDirectory(atPath: state.path).sorted().filter { name in
            guard let contents = FileManager.default.contents(atPath: "\(state.path)/\(name)") else { return false }
            return needles.contains { contents.range(of: $0) != nil }
        }
    }

    static func run(_ body: (SealedState) throws -> Void) throws {
        try TemporaryState.run { try body(SealedState($0)) }
    }
}

extension OpenJournal {
    func append(_ change: RegistrationChange, _ coding: RegistrationCoding) throws {
        let buffer = RecordBuffer()
        let start = buffer.beginRecord(.registration, sequence: 0)
        buffer.append(try coding.encode(change))
        buffer.endRecord(at: start)
        #expect(submit(buffer))
    }
}
