import Cryptography
import Foundation
import RelayCore
import Storage
import Testing

/// Secrets in `registrations.json` and in the journal's records, under a key, without it and under another one.
@Suite("Sealed registrations")
struct SealedSnapshotTests {
    private static func table() throws -> RegistrationTable {
        RegistrationTable(
            catalogue: SealedState.catalogue, webhooks: [try SealedState.webhook(1), try SealedState.webhook(2)],
            revision: 2)
    }

    @Test("a sealed snapshot opens with its key alone, and shows no secret")
    func snapshot() throws {
        try SealedState.run { sealed in
            let (right, wrong) = (try SealedState.coding(1), try SealedState.coding(2))
            try sealed.snapshot(right).write(Self.table())
            #expect(try sealed.leaks() == [])
            #expect(
                try sealed.snapshot(right).read(catalogue: SealedState.catalogue)?.list(tenant: nil)
                    == Self.table().list(tenant: nil))
            #expect(try sealed.snapshot().seal() == .init(keyID: right.keyID, scrubFrom: 0))
            let path = sealed.snapshot().path
            let missing = #expect(throws: KeyRefusal.self) {
                try sealed.snapshot().read(catalogue: SealedState.catalogue)
            }
            #expect(missing?.path == path)
            #expect(missing?.reason.contains(try #require(right.keyID)) == true)
            #expect(missing?.reason.contains("hookline.master-key") == true)
            let other = #expect(throws: KeyRefusal.self) {
                try sealed.snapshot(wrong).read(catalogue: SealedState.catalogue)
            }
            for id in [right.keyID, wrong.keyID] { #expect(other?.reason.contains(try #require(id)) == true) }
            // Whoever only looks needs none.
            let seen = try #require(try sealed.snapshot(.withheld).read(catalogue: SealedState.catalogue))
            #expect(seen.list(tenant: nil).map(\.id) == ["wh_1", "wh_2"])
            #expect(seen.list(tenant: nil).allSatisfy { $0.secret.isEmpty && $0.headers.isEmpty })
        }
    }

    @Test("also one without a webhook belongs to its key")
    func empty() throws {
        try SealedState.run { sealed in
            let coding = try SealedState.coding(1)
            try sealed.snapshot(coding).write(RegistrationTable(catalogue: SealedState.catalogue, revision: 3))
            #expect(try sealed.snapshot(coding).read(catalogue: SealedState.catalogue)?.revision == 3)
            #expect(throws: KeyRefusal.self) { try sealed.snapshot().read(catalogue: SealedState.catalogue) }
        }
    }

    @Test("every byte of the file counts")
    func everyByte() throws {
        try SealedState.run { sealed in
            var snapshot = sealed.snapshot(try SealedState.coding(1))
            snapshot.scrubFrom = 12
            try snapshot.write(Self.table())
            #expect(try snapshot.seal()?.scrubFrom == 12)
            let url = URL(fileURLWithPath: snapshot.path)
            let good = [UInt8](try Data(contentsOf: url))
            for index in good.indices {
                var bytes = good
                bytes[index] ^= 1
                try Data(bytes).write(to: url)
                #expect(throws: StorageRefusal.self, "byte \(index)") {
                    try snapshot.read(catalogue: SealedState.catalogue)
                }
            }
            for count in 0..<good.count {
                try Data(good[..<count]).write(to: url)
                #expect(throws: StorageRefusal.self) { try snapshot.read(catalogue: SealedState.catalogue) }
            }
        }
    }

    /// Puts the file together again around a changed table, with a good checksum.
    private static func rewrite(_ path: String, _ change: (inout String) -> Void) throws {
        let url = URL(fileURLWithPath: path)
        var text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
        change(&text)
        let marker = "\"crc32c\":\""
        let start = try #require(text.range(of: marker)).upperBound
        let end = text.index(start, offsetBy: 8)
        let rest = Array(text[end...].dropFirst(2).dropLast(2).utf8)
        let value = rest.withUnsafeBytes { Checksum.crc32c($0) }
        let checksum = withUnsafeBytes(of: value.bigEndian) { Hexadecimal.encode(Array($0)) }
        text.replaceSubrange(start..<end, with: checksum)
        try Data(text.utf8).write(to: url)
    }

    /// The sealed texts in a file.
    private static func sealedTexts(_ text: String) -> [String] {
        text.components(separatedBy: "\"sealed\":\"").dropFirst().compactMap {
            $0.components(separatedBy: "\"").first
        }
    }

    @Test("damage below the checksum names the webhook; so do secrets that change places")
    func belowTheChecksum() throws {
        try SealedState.run { sealed in
            let snapshot = sealed.snapshot(try SealedState.coding(1))
            func refusal(_ change: (inout String) -> Void) throws -> StorageRefusal? {
                try snapshot.write(Self.table())
                try Self.rewrite(snapshot.path, change)
                return #expect(throws: StorageRefusal.self) { try snapshot.read(catalogue: SealedState.catalogue) }
            }
            let damaged = try refusal { text in
                let one = Self.sealedTexts(text)[1]
                let index = one.index(one.startIndex, offsetBy: 60)
                let changed = one.replacingCharacters(in: index...index, with: one[index] == "A" ? "B" : "A")
                text = text.replacingOccurrences(of: one, with: changed)
            }
            #expect(damaged?.reason.contains("webhook wh_2 are damaged") == true)
            let swapped = try refusal { text in
                let both = Self.sealedTexts(text)
                text = text.replacingOccurrences(of: both[0], with: "#").replacingOccurrences(
                    of: both[1], with: both[0]
                )
                .replacingOccurrences(of: "#", with: both[1])
            }
            #expect(swapped?.reason.contains("webhook wh_1 are damaged") == true)
            let moved = try refusal { $0 = $0.replacingOccurrences(of: "\"tenant\":\"t\"", with: "\"tenant\":\"u\"") }
            #expect(moved?.reason.contains("webhook wh_1 are damaged") == true)
            let newer = try refusal { $0 = $0.replacingOccurrences(of: "\"sealed\":\"1.", with: "\"sealed\":\"2.") }
            #expect(newer?.reason.contains("does not know") == true)
            // The rewriting itself changes nothing.
            try snapshot.write(Self.table())
            try Self.rewrite(snapshot.path) { _ in }
            #expect(try snapshot.read(catalogue: SealedState.catalogue)?.revision == 2)
        }
    }

    @Test("changes in the journal are sealed, and refused without the key as long as they are needed")
    func journal() throws {
        try SealedState.run { sealed in
            let (right, wrong) = (try SealedState.coding(1), try SealedState.coding(2))
            try sealed.fill(right)
            #expect(try sealed.leaks() == [])
            let found = try sealed.start(right)
            #expect(try found.webhooks == SealedState.all())
            #expect(found.events == [1, 2, 3, 4, 5, 6] && found.damage.isEmpty)
            // Without the snapshot the changes themselves tell.
            try FileManager.default.removeItem(atPath: sealed.snapshot().path)
            #expect(try sealed.start(right).webhooks == SealedState.all())
            for coding in [wrong, .plain] {
                let refusal = #expect(throws: KeyRefusal.self) { try sealed.start(coding) }
                #expect(refusal?.path == sealed.state.journal)
                #expect(refusal?.reason.contains(try #require(right.keyID)) == true)
            }
            // Those that a snapshot has matter no more, whatever key they were sealed under.
            try sealed.snapshot(wrong).write(
                RegistrationTable(catalogue: SealedState.catalogue, webhooks: SealedState.all(), revision: 4))
            #expect(try sealed.start(wrong).webhooks == SealedState.all())
        }
    }

    @Test("looking at a sealed state takes no key")
    func inspection() throws {
        try SealedState.run { sealed in
            let coding = try SealedState.coding(1)
            try sealed.fill(coding)
            let (events, findings) = try sealed.state.inspect()
            #expect(events == [1, 2, 3, 4, 5, 6] && findings.isEmpty)
            let look = try sealed.state.inspection().look()
            #expect(look.table?.list(tenant: nil).map(\.id) == ["wh_1", "wh_2", "wh_3", "wh_4"])
            #expect(look.sealedUnder == coding.keyID)
        }
    }

    /// `registrations-3.json` was written under the key of the bytes 0 to 31; `HOOKLINE_WRITE_FIXTURES=1` writes it if it is
    /// not there.
    @Test("what was sealed by the first version that could opens")
    func golden() throws {
        try SealedState.run { sealed in
            let coding = RegistrationCoding.sealed(try MasterKey([UInt8](0..<32)))
            let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Fixtures/registrations-3.json")
            if !FileManager.default.fileExists(atPath: golden.path),
                ProcessInfo.processInfo.environment["HOOKLINE_WRITE_FIXTURES"] == "1"
            {
                try sealed.snapshot(coding).write(Self.table())
                try FileManager.default.copyItem(atPath: sealed.snapshot().path, toPath: golden.path)
                try FileManager.default.removeItem(atPath: sealed.snapshot().path)
            }
            try FileManager.default.copyItem(atPath: golden.path, toPath: sealed.snapshot().path)
            let table = try #require(try sealed.snapshot(coding).read(catalogue: SealedState.catalogue))
            #expect(try table.list(tenant: nil) == Self.table().list(tenant: nil))
            #expect(table.revision == 2)
        }
    }

    @Test("a plain state says that it is")
    func plain() throws {
        try SealedState.run { sealed in
            #expect(try sealed.snapshot().seal() == nil)
            try sealed.fill()
            #expect(try sealed.snapshot().seal() == .init())
            #expect(try sealed.leaks().count == 4)
            #expect(try sealed.start(try SealedState.coding(1)).webhooks == SealedState.all())
        }
    }
}
