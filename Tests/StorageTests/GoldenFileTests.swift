import Foundation
import Testing

@testable import RelayCore
@testable import Storage

/// Files as this version writes them, byte for byte: what is on disk on other people's machines must stay readable.
///
/// A new format gets new files beside these; `HOOKLINE_WRITE_FIXTURES=1` writes those that are not there.
@Suite("Golden files")
struct GoldenFileTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    private static let header = SegmentHeader(
        journal: JournalID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210), nonce: 0x1122_3344_5566_7788,
        ordinal: 1, firstSequence: 41, createdAt: Fixture.acceptedAt, previousOrdinal: 0, previousBytes: 0)

    /// One record of each kind.
    private static func records() throws -> RecordBuffer {
        let buffer = RecordBuffer()
        var lane = LaneState(cursor: 41)
        (lane.pending, lane.pendingBytes, lane.delivered, lane.givenUp) = (1, 99, 7, 2)
        lane.open[40] = LaneState.Open(attempts: 3, nextAt: Fixture.acceptedAt + 60_000, bytes: 99)
        let start = buffer.beginRecord(.registration, sequence: 40)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        buffer.append(
            [UInt8](try encoder.encode(RegistrationChange(revision: 5, kind: .put(try Fixture.webhook(1))))))
        buffer.endRecord(at: start)
        let task = buffer.beginRecord(.task, sequence: 40)
        buffer.append(
            [UInt8](
                try encoder.encode(
                    JournalTask(
                        number: 9, madeAt: Fixture.acceptedAt,
                        kind: .eraseEvent(.init(tenant: "t", id: "order-17", sequences: [12]))))))
        buffer.endRecord(at: task)
        CheckpointRecord.append(
            number: 77, asOf: 40, revision: 5, madeAt: Fixture.acceptedAt, floor: 1, lanes: [1: lane], to: buffer)
        Fixture.append(41, [1], padding: 3, id: "order-41", to: buffer)
        Fixture.append(42, [1, 2], padding: 5, to: buffer)
        FloorRecord.append(1, sequence: 42, to: buffer)
        var progress = LaneProgress()
        progress.settled = [
            .init(
                sequence: 41, at: Fixture.acceptedAt + 5, result: .delivered, status: 204, attempts: 1,
                microseconds: 1_234, bytes: 91)
        ]
        progress.opened = [.init(sequence: 42, bytes: 93)]
        progress.retried = [
            .init(
                sequence: 40, at: Fixture.acceptedAt + 6, nextAt: Fixture.acceptedAt + 300_006, status: 503,
                attempts: 4, microseconds: 5_678, bytes: 99, reason: "HTTP 503")
        ]
        progress.reopened = [.init(sequence: 39, bytes: 90)]
        ProgressRecord(lanes: [.init(webhook: 1, cursor: 43, progress: progress)]).append(to: buffer, sequence: 42)
        RecordFormat.seal(buffer.bytes, count: buffer.count, seed: RecordFormat.seed(nonce: header.nonce))
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

    @Test func aSegment() throws {
        let records = try Self.records()
        try Self.check(Self.header.area + Array(records.contents), is: "segment-2.seg")
    }

    @Test func aSegmentIsReadBack() throws {
        try TemporaryJournal.run { directory in
            let golden = [UInt8](try Data(contentsOf: Self.folder.appendingPathComponent("segment-2.seg")))
            try directory.write(golden, to: Segment.name(ordinal: 1, firstSequence: 41))
            let found = try directory.open()
            #expect(found.recovered.damage.isEmpty)
            #expect(found.recovered.foreign.isEmpty)
            #expect(found.visited == [41, 42])
            #expect(found.recovered.changes.map(\.revision) == [5])
            #expect(found.recovered.tasks.map(\.number) == [9])
            let state = found.recovered.state
            #expect(state.lastSequence == 42)
            #expect(state.floor == 1)
            let lane = try #require(state.lanes[1])
            #expect(lane.cursor == 43)
            #expect(lane.open.keys.sorted() == [39, 40, 42])
            #expect(lane.open[40]?.attempts == 4)
            #expect(lane.open[40]?.waitMax == 300_000)
            // One before, two more, one settled, one to be made once more.
            #expect((lane.pending, lane.delivered, lane.givenUp) == (3, 8, 2))
            #expect(state.lanes[2]?.pending == 1)
            let event = try #require(try found.journal.event(41))
            #expect(String(decoding: event.producersID, as: UTF8.self) == "order-41")
            #expect(
                String(decoding: event.body, as: UTF8.self)
                    == #"{"event":"job.closed","timestamp":"2026-05-02T14:32:10.000Z","tenantId":"t","data":{"n":"xxx"}}"#
            )
        }
    }

    @Test func anIndex() throws {
        let records = try Self.records()
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
                    fingerprint: event.fingerprint(in: Self.header.journal))
            } else if header.kind == RecordKind.progress.rawValue, var record = ProgressRecord(payload) {
                // One that was not delivered, for the last section.
                record.lanes[0] = .init(
                    webhook: 1, cursor: 43,
                    progress: LaneProgress(settled: [
                        .init(
                            sequence: 41, at: Fixture.acceptedAt + 5, result: .displaced, status: 503, attempts: 2,
                            microseconds: 1, bytes: 91)
                    ]))
                builder.add(record)
            }
            offset += header.totalBytes
        }
        var bytes = [UInt8](repeating: 0, count: 6 * SegmentIndexFormat.blockBytes)
        builder.finish(seed: RecordFormat.seed(nonce: Self.header.nonce)) { part, at in
            bytes.replaceSubrange(at..<at + part.count, with: part)
        }
        try Self.check(bytes, is: "segment-2.idx")
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
        }
    }
}
