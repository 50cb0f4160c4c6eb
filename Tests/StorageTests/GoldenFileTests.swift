import Foundation
import Testing

@testable import RelayCore
@testable import Storage

/// Files as this version writes them, byte for byte: what is on disk on other people's machines must stay readable. A
/// segment is in `GoldenSegmentTests`.
///
/// A new format gets new files beside these; `HOOKLINE_WRITE_FIXTURES=1` writes those that are not there.
@Suite("Golden files")
struct GoldenFileTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    private static let header = SegmentHeader(
        journal: JournalID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210), nonce: 0x1122_3344_5566_7788,
        ordinal: 1, firstSequence: 41, createdAt: Fixture.acceptedAt, previousOrdinal: 0, previousBytes: 0)

    /// Two events, and one delivery that was given up.
    private static func records() -> RecordBuffer {
        let buffer = RecordBuffer()
        Fixture.append(41, [1], padding: 3, id: "order-41", to: buffer)
        Fixture.append(42, [1, 2], padding: 5, to: buffer)
        Fixture.progress(1, cursor: 43, settled: [41], result: .displaced).append(to: buffer, sequence: 42)
        return buffer
    }

    private static func check(_ bytes: [UInt8], is name: String) throws {
        let url = folder.appendingPathComponent(name)
        if !FileManager.default.fileExists(atPath: url.path),
            ProcessInfo.processInfo.environment["HOOKLINE_WRITE_FIXTURES"] == "1"
        {
            try Data(bytes).write(to: url)
        }
        let golden = [UInt8](try Data(contentsOf: url))
        let difference = zip(golden, bytes).enumerated().first { $1.0 != $1.1 }?.offset
        #expect(golden.count == bytes.count, "\(name)")
        #expect(difference == nil, "\(name)")
    }

    @Test func anIndex() throws {
        let records = Self.records()
        var builder = SegmentIndexBuilder(
            firstSequence: 41, coveredBytes: SegmentHeader.dataOffset + records.count)
        var offset = 0
        while offset < records.count {
            let header = RecordFormat.Header(at: records.bytes + offset)
            let payload = UnsafeRawBufferPointer(
                start: records.bytes + offset + RecordFormat.headerBytes, count: header.length)
            if let event = EventRecord(buffer: records, offset: offset) {
                builder.add(
                    event, at: SegmentHeader.dataOffset + offset, bytes: header.totalBytes,
                    fingerprint: event.fingerprint(in: Self.header.journal),
                    name: event.nameFingerprint(in: Self.header.journal))
            } else if let record = ProgressRecord(payload) {
                builder.add(record, at: SegmentHeader.dataOffset + offset)
            }
            offset += header.totalBytes
        }
        var bytes = [UInt8](repeating: 0, count: 8 * SegmentIndexFormat.blockBytes)
        builder.finish(seed: RecordFormat.seed(nonce: Self.header.nonce)) { part, at in
            bytes.replaceSubrange(at..<at + part.count, with: part)
        }
        try Self.check(bytes, is: "index-2.idx")
    }

    /// It lacks what was added since, and counts all the same.
    @Test func anIndexOfTheVersionBefore() throws {
        let url = Self.folder.appendingPathComponent("segment-2.idx")
        let index = try #require(try SegmentIndex.open(url.path, disk: SystemDisk(), header: Self.header))
        #expect(!index.isCurrent)
        #expect(index.eventCount == 2 && index.idCount == 1)
        #expect(try index.offset(ofSequence: 41) == SegmentHeader.dataOffset)
        #expect(try index.failures(of: 1, from: 0, max: 9).map(\.sequence) == [41])
        #expect(try index.sequences(withName: 1) == [])
        #expect(try index.progressOffsets(of: 41) == [])
        try index.check()
    }

    @Test func aSnapshot() throws {
        try TemporaryJournal.run { directory in
            let snapshot = RegistrationSnapshot(stateDirectory: directory.path, disk: SystemDisk())
            let webhooks = [try Fixture.webhook(1), try Fixture.webhook(4)]
            try snapshot.write(RegistrationTable(catalogue: EventCatalogue(), webhooks: webhooks, revision: 12))
            try Self.check(try directory.read(RegistrationSnapshot.fileName), is: "registrations-1.json")
            let table = try #require(try snapshot.read(catalogue: EventCatalogue()))
            #expect(table.revision == 12)
            #expect(table.list(tenant: nil) == webhooks)
            #expect(!table.isPaused)
        }
    }

    @Test func aSnapshotDuringARotation() throws {
        try TemporaryJournal.run { directory in
            let snapshot = RegistrationSnapshot(stateDirectory: directory.path, disk: SystemDisk())
            var rotated = try Fixture.webhook(1)
            let secret = try #require(WebhookSecret("whsec_//////////////////////////////////////////8="))
            rotated = try #require(rotated.rotated(to: secret, grace: .seconds(86_400), at: Fixture.acceptedAt + 5000))
            let webhooks = [rotated, try Fixture.webhook(4)]
            try snapshot.write(RegistrationTable(catalogue: EventCatalogue(), webhooks: webhooks, revision: 12))
            try Self.check(try directory.read(RegistrationSnapshot.fileName), is: "registrations-4.json")
            #expect(try snapshot.read(catalogue: EventCatalogue())?.list(tenant: nil) == webhooks)
        }
    }

    @Test func aSnapshotWithAllThatAWebhookMaySet() throws {
        try TemporaryJournal.run { directory in
            let snapshot = RegistrationSnapshot(stateDirectory: directory.path, disk: SystemDisk())
            var byKey = try Fixture.webhook(1)
            byKey.settings = DeliverySettings(
                maxInFlight: 3, timeout: .seconds(5), maxAge: .seconds(60), retrySchedule: [.seconds(1)],
                rateLimit: RateLimit(perSecond: 0.5, burst: 4), ordering: .key(try JSONPointer("/data/a~1b/0")))
            var whole = try Fixture.webhook(4)
            whole.settings.ordering = .webhook
            try snapshot.write(
                RegistrationTable(
                    catalogue: EventCatalogue(), webhooks: [byKey, whole], revision: 12, isPaused: true))
            try Self.check(try directory.read(RegistrationSnapshot.fileName), is: "registrations-2.json")
            let table = try #require(try snapshot.read(catalogue: EventCatalogue()))
            #expect(table.list(tenant: nil) == [byKey, whole])
            #expect(table.isPaused)
        }
    }

    @Test func aSnapshotWithKeys() throws {
        try TemporaryJournal.run { directory in
            let snapshot = RegistrationSnapshot(stateDirectory: directory.path, disk: SystemDisk())
            try snapshot.write(
                RegistrationTable(
                    catalogue: EventCatalogue(), webhooks: [try Fixture.webhook(1)], revision: 14,
                    keys: APIKeySnapshotTests.keys))
            try Self.check(try directory.read(RegistrationSnapshot.fileName), is: "registrations-5.json")
            let table = try #require(try snapshot.read(catalogue: EventCatalogue()))
            #expect(table.keyList == APIKeySnapshotTests.keys)
        }
    }
}
