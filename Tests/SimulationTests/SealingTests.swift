import Cryptography
import Foundation
import Logging
import RelayCore
import Storage
import Testing

/// Secrets are overwritten where they stand: over any power cut the state opens with one of the keys, no event or outcome is
/// lost, and in the end no secret is left.
@Suite("Sealing, and power cuts")
struct SealingTests {
    private static func webhook(_ revision: UInt64) throws -> Webhook {
        Webhook(
            number: WebhookNumber(revision) + 100, id: "wh_\(revision)", tenant: "t",
            url: try WebhookURL("https://hooks.example/"), patterns: [.all], secret: "whsec_SECRET\(revision)",
            // As large as several sectors, so that it can be torn.
            headers: [HeaderField(name: "x", value: String(repeating: "SECRET", count: 200))], createdAt: 1)
    }

    private static func key(_ first: UInt8) throws -> RegistrationCoding {
        .sealed(try MasterKey((0..<32).map { first + $0 }))
    }

    private struct State {
        let disk: SimulatedDisk
        let script: ScriptedJournal
        let before: ScriptedJournal.Found
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

        /// Webhooks 1 and 2 in the snapshot, all three in the journal, in the plain.
        init(seed: UInt64) throws {
            disk = SimulatedDisk(seed: seed)
            script = ScriptedJournal(disk)
            script.kind = { .put(try webhook($0)) }
            try RegistrationSnapshot(stateDirectory: "/state", disk: disk).write(
                RegistrationTable(
                    catalogue: EventCatalogue(), webhooks: [try webhook(1), try webhook(2)], revision: 2))
            try script.run()
            before = try ScriptedJournal.find(on: disk, through: 22)
        }

        var sealing: StateSealing { StateSealing(stateDirectory: "/state", disk: disk, logger: logger) }
        var keyID: String? {
            get throws {
                try RegistrationSnapshot(stateDirectory: "/state", disk: disk).seal()?.keyID
            }
        }

        func webhooks(_ coding: RegistrationCoding) throws -> [String] {
            let recovered = try JournalOpener(
                directory: ScriptedJournal.directory, disk: disk, segmentBytes: 2_048, logger: logger, coding: coding
            ).open(
                eventsSince: 0, hooks: JournalHooks(wall: { 0 }, monotonic: { MonotonicTime(nanoseconds: 0) }),
                visit: { _, _ in })
            return try RegistrationRecovery.table(
                RegistrationSnapshot(stateDirectory: "/state", disk: disk, coding: coding), recovered,
                catalogue: EventCatalogue(), journalDirectory: ScriptedJournal.directory
            ).table.list(tenant: nil).map(\.secret)
        }

        func check(_ comment: String) throws {
            let found = try ScriptedJournal.find(on: disk, through: 22)
            #expect(script.fault(in: found) == nil, "\(comment)")
            #expect(found.events == before.events && found.pending == before.pending, "\(comment)")
        }

        var leaks: [String] {
            disk.paths.filter { path in
                disk[path].map { Data($0).range(of: Data("SECRET".utf8)) != nil } ?? false
            }
        }
    }

    private static let secrets = ["whsec_SECRET1", "whsec_SECRET2", "whsec_SECRET3"]

    @Test("at any call", arguments: 1...12)
    func powerCuts(seed: UInt64) throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        var call = 0
        while true {
            call += 1
            let comment = "seed \(seed), call \(call)"
            let state = try State(seed: seed << 32 | UInt64(call))
            let disk = state.disk
            disk.stopsAt = disk.calls + call
            let calls = disk.calls
            do { _ = try state.sealing.sealIfNeeded(first) } catch is DiskError {}
            let isOver = disk.calls - calls < call
            disk.cutPower()
            if try state.keyID == nil {
                #expect(try state.webhooks(.plain) == Self.secrets, "\(comment)")
            } else {
                #expect(try state.webhooks(first) == Self.secrets, "\(comment)")
                #expect(throws: KeyRefusal.self, "\(comment)") { try state.webhooks(.plain) }
            }
            try state.check(comment)
            _ = try state.sealing.sealIfNeeded(first)
            try state.check(comment)
            #expect(state.leaks == [], "\(comment)")
            #expect(try state.webhooks(first) == Self.secrets, "\(comment)")

            // From key to key, cut short at the same call.
            disk.stopsAt = disk.calls + call
            do { try state.sealing.change(from: first, to: second) } catch is DiskError {}
            disk.cutPower()
            let isSecond = try state.keyID == second.keyID
            #expect(try state.webhooks(isSecond ? second : first) == Self.secrets, "\(comment)")
            try state.sealing.change(from: isSecond ? second : first, to: second)
            #expect(try state.webhooks(second) == Self.secrets, "\(comment)")
            #expect(throws: KeyRefusal.self, "\(comment)") { try state.webhooks(first) }
            try state.check(comment)
            if isOver { break }
        }
        #expect(call > 15)
    }
}
