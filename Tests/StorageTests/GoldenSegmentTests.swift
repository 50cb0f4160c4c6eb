import Foundation
import Testing

@testable import RelayCore
@testable import Storage

/// A segment with a record of each kind, byte for byte: what is written is compared with it, and a start reads it.
///
/// `Tests/Fixtures/segment-2.txt` holds it as rows of 32 bytes, those of zeros left out. It changes only together with the
/// format's version.
@Suite("Golden segment")
struct GoldenSegmentTests {
    private static let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/segment-2.txt")

    private static let header = SegmentHeader(
        journal: JournalID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210), nonce: 0x1122_3344_5566_7788,
        ordinal: 3, firstSequence: 7, createdAt: 1_777_732_330_000, previousOrdinal: 2, previousBytes: 12_288)

    private static let progress = ProgressRecord(lanes: [
        .init(
            webhook: 1, cursor: 9,
            progress: LaneProgress(
                settled: [
                    .init(
                        sequence: 5, at: 1_777_732_330_100, result: .delivered, status: 204, attempts: 1,
                        microseconds: 1_500, bytes: 90)
                ],
                opened: [.init(sequence: 7, bytes: 91)],
                retried: [
                    .init(
                        sequence: 6, at: 1_777_732_330_200, nextAt: 1_777_732_335_200, status: 503, attempts: 1,
                        microseconds: 900, bytes: 92, reason: "HTTP 503")
                ],
                reopened: [.init(sequence: 4, bytes: 93)]))
    ])

    private static var lanes: [WebhookNumber: LaneState] {
        var lane = LaneState(cursor: 7)
        lane.open[6] = LaneState.Open(attempts: 0, nextAt: 0, bytes: 92)
        (lane.pending, lane.pendingBytes, lane.delivered, lane.givenUp) = (2, 182, 3, 1)
        return [1: lane]
    }

    private static let task = JournalTask(
        number: 4, madeAt: 1_777_732_000_000,
        kind: .replay(
            .init(
                webhook: 1, status: .undelivered, since: 1_777_000_000_000, until: 1_777_732_000_000, next: 2,
                through: 6)))

    private static func change() throws -> RegistrationChange {
        RegistrationChange(revision: 2, kind: .put(try Fixture.webhook(2)))
    }

    private static func json(_ value: some Encodable, _ kind: RecordKind, to buffer: RecordBuffer) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let start = buffer.beginRecord(kind, sequence: 0)
        buffer.append([UInt8](try encoder.encode(value)))
        buffer.endRecord(at: start)
    }

    private static func segment() throws -> [UInt8] {
        let buffer = RecordBuffer()
        try json(change(), .registration, to: buffer)
        CheckpointRecord.append(
            number: 77, asOf: 6, revision: 2, madeAt: 1_777_732_330_000, floor: 3, lanes: lanes, to: buffer)
        FloorRecord.append(3, sequence: 6, to: buffer)
        try json(task, .task, to: buffer)
        Fixture.append(7, [1, 2], padding: 3, id: "order-17", to: buffer)
        Fixture.append(8, [1], padding: 0, to: buffer)
        progress.append(to: buffer, sequence: 8)
        RecordFormat.seal(buffer.bytes, count: buffer.count, seed: RecordFormat.seed(nonce: header.nonce))
        return header.area + Array(buffer.contents)
    }

    // MARK: As text

    private static func text(_ bytes: [UInt8]) -> String {
        var rows = ""
        for start in stride(from: 0, to: bytes.count, by: 32) {
            let row = Array(bytes[start..<min(start + 32, bytes.count)])
            guard row.contains(where: { $0 != 0 }) else { continue }
            let offset = String(start, radix: 16)
            rows += String(repeating: "0", count: 6 - offset.count) + offset + " " + Hexadecimal.encode(row) + "\n"
        }
        return rows + "end \(bytes.count)\n"
    }

    private static func bytes(_ text: String) throws -> [UInt8] {
        let rows = text.split(separator: "\n").map { $0.split(separator: " ") }
        var bytes = [UInt8](repeating: 0, count: try #require(rows.last.flatMap { Int($0[1]) }))
        for row in rows.dropLast() {
            let start = try #require(Int(row[0], radix: 16))
            let digits = Array(row[1])
            for index in stride(from: 0, to: digits.count, by: 2) {
                bytes[start + index / 2] = try #require(UInt8(String(digits[index...index + 1]), radix: 16))
            }
        }
        return bytes
    }

    // MARK: Tests

    @Test("what is written is what stands in the file")
    func written() throws {
        #expect(try Self.text(Self.segment()) == String(contentsOf: Self.fixture, encoding: .utf8))
    }

    @Test("a start reads all of it")
    func read() throws {
        try TemporaryJournal.run { directory in
            let bytes = try Self.bytes(String(contentsOf: Self.fixture, encoding: .utf8))
            try directory.write(bytes, to: "0000000000000003-0000000000000007.seg")
            let run = try directory.open()
            let found = run.recovered
            #expect(found.damage.isEmpty && found.foreign.isEmpty)
            #expect(run.journal.id == Self.header.journal && run.journal.floor == 3)
            #expect(found.changes == [try Self.change()])
            #expect(found.tasks == [Self.task])
            #expect(found.state.revision == 2 && found.state.floor == 3 && found.state.lastSequence == 8)
            let event = try #require(try run.journal.event(7))
            #expect(event.id(in: run.journal.id) == "order-17")
            #expect(String(decoding: event.data, as: UTF8.self) == "{\"n\":\"xxx\"}")
            #expect(event.goes(to: 1) && event.goes(to: 2) && event.acceptedAt == Fixture.acceptedAt)
            #expect(try run.journal.event(8)?.hasProducersID == false)
            // Two were pending, two came, one of four is settled, one is made once more.
            let lane = try #require(found.state.lanes[1])
            #expect(lane.cursor == 9 && lane.pending == 4 && lane.delivered == 4 && lane.givenUp == 1)
            #expect(lane.open.keys.sorted() == [4, 6, 7])
            #expect(
                lane.open[6] == .init(attempts: 1, nextAt: 1_777_732_335_200, bytes: 92, waitMax: 5_000))
            #expect(found.state.lanes[2]?.cursor == 7)
        }
    }

    @Test("the text stands for the bytes")
    func conversion() throws {
        let bytes = try Self.segment()
        #expect(try Self.bytes(Self.text(bytes)) == bytes)
    }
}
