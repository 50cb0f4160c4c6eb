import Testing

@testable import RelayCore
@testable import Storage

/// Keys on disk: in the snapshot, and in the records of changes.
@Suite("API keys on disk")
struct APIKeySnapshotTests {
    static let keys = [
        APIKey(
            number: 1, id: "key_00000000000000000000000001", digest: String(repeating: "0a", count: 32), tenant: "acme",
            summary: "the shop's", createdAt: Fixture.acceptedAt),
        APIKey(
            number: 3, id: "key_00000000000000000000000003", digest: String(repeating: "f0", count: 32), tenant: nil,
            summary: nil, createdAt: Fixture.acceptedAt + 1),
    ]

    @Test func changesComeBack() throws {
        let coding = RegistrationCoding.plain
        var table = RegistrationTable(catalogue: EventCatalogue())
        for (index, kind) in [
            RegistrationChange.Kind.putKey(Self.keys[0]), .putKey(Self.keys[1]), .removeKey(Self.keys[0].id),
            .removeKey("key_unknown"),
        ].enumerated() {
            let change = RegistrationChange(revision: UInt64(index + 1), kind: kind)
            let bytes = try coding.encode(change)
            let back = try bytes.withUnsafeBytes { try coding.decode($0) }
            #expect(back == change)
            let isApplied = table.apply(back)
            #expect(isApplied)
        }
        #expect(table.keyList == [Self.keys[1]])
        #expect(table.revision == 4)
        let isRepeated = table.apply(RegistrationChange(revision: 4, kind: .putKey(Self.keys[0])))
        #expect(!isRepeated)
    }

    /// A key is found again after a crash: in the journal alone, and in both.
    @Test func aStartFindsThem() throws {
        try TemporaryJournal.run { directory in
            let snapshot = RegistrationSnapshot(stateDirectory: directory.path, disk: SystemDisk())
            try snapshot.write(
                RegistrationTable(catalogue: EventCatalogue(), revision: 7, keys: Self.keys))
            let table = try #require(try snapshot.read(catalogue: EventCatalogue()))
            #expect(table.keyList == Self.keys)
            #expect(table.isEmpty)
        }
    }
}
