import Testing

@testable import RelayCore

/// Progress and checkpoints in and out of their payloads.
@Suite("Progress and checkpoint records")
struct RecordRoundTripTests {
    private static let madeAt: Int64 = 1500
    private static let progress = ProgressRecord(lanes: [
        .init(webhook: 1, cursor: 17, progress: LaneProgress()),
        .init(
            webhook: .max, cursor: .max,
            progress: LaneProgress(
                settled: SettlementResult.allCases.map {
                    .init(
                        sequence: UInt64($0.rawValue), at: -1, result: $0, status: 599, attempts: .max,
                        microseconds: .max, bytes: .max)
                },
                opened: [.init(sequence: 5, bytes: 7), .init(sequence: .max, bytes: .max)],
                retried: [
                    .init(
                        sequence: 3, at: 1, nextAt: .max, status: 503, attempts: 2, microseconds: 7, bytes: .max,
                        reason: "503 é"),
                    .init(
                        sequence: 4, at: 0, nextAt: 0, status: 0, attempts: 1, microseconds: 0, bytes: 0, reason: ""),
                ],
                reopened: [.init(sequence: 6, bytes: 0), .init(sequence: .max, bytes: 9)])),
    ])

    private static func payload(_ progress: ProgressRecord) -> [UInt8] {
        let buffer = RecordBuffer()
        progress.append(to: buffer, sequence: 1)
        return EventFixture.payload(buffer)
    }

    private static func checkpoint(lanes: [WebhookNumber: LaneState]) -> [[UInt8]] {
        let buffer = RecordBuffer()
        CheckpointRecord.append(
            number: 77, asOf: 9, revision: 3, madeAt: madeAt, floor: 12, lanes: lanes, to: buffer)
        var payloads: [[UInt8]] = []
        var offset = 0
        while offset < buffer.count {
            payloads.append(EventFixture.payload(buffer, at: offset))
            let header = RecordFormat.Header(at: buffer.bytes + offset)
            #expect(header.kind == RecordKind.checkpoint.rawValue && header.sequence == 9)
            offset += header.totalBytes
        }
        return payloads
    }

    @Test("progress comes out as it went in")
    func progressRoundTrip() {
        for progress in [Self.progress, ProgressRecord()] {
            #expect(Self.payload(progress).withUnsafeBytes { ProgressRecord($0) } == progress)
        }
    }

    @Test("a progress payload cut anywhere is nil")
    func progressCut() {
        let bytes = Self.payload(Self.progress)
        for cut in 0..<bytes.count { #expect(bytes[..<cut].withUnsafeBytes { ProgressRecord($0) } == nil) }
    }

    @Test("a result of a number that nobody gave is nil", arguments: [0, 9, 255] as [UInt8])
    func unknownResult(number: UInt8) {
        var bytes = Self.payload(Self.progress)
        // Count, first lane with its four counts, second lane's number, cursor and count, then the first settlement,
        // whose last byte is the result.
        bytes[4 + 28 + 16 + 28] = number
        #expect(bytes.withUnsafeBytes { ProgressRecord($0) } == nil)
    }

    @Test("a long reason is cut")
    func longReason() throws {
        for (length, kept) in [(511, 511), (512, 512), (513, 512)] {
            var progress = LaneProgress()
            progress.retried = [
                .init(
                    sequence: 1, at: 1, nextAt: 1, status: 1, attempts: 1, microseconds: 1, bytes: 1,
                    reason: String(repeating: "r", count: length))
            ]
            let bytes = Self.payload(ProgressRecord(lanes: [.init(webhook: 1, cursor: 1, progress: progress)]))
            let record = try #require(bytes.withUnsafeBytes { ProgressRecord($0) })
            #expect(record.lanes[0].progress.retried[0].reason.utf8.count == kept)
        }
    }

    @Test("a checkpoint's parts make the whole again", arguments: [0, 1, 63, 64, 65, 128, 129])
    func checkpointRoundTrip(count: Int) throws {
        var lanes: [WebhookNumber: LaneState] = [:]
        for number in 0..<WebhookNumber(count) {
            var lane = LaneState(cursor: UInt64(number) * 3)
            lane.pending = Int(number)
            lane.pendingBytes = 1 << 41
            lane.delivered = 1 << 40
            lane.givenUp = 2
            for open in 0..<UInt64(number % 5) {
                // What is still to be waited for goes with it: how far off the next try was.
                lane.open[open] = LaneState.Open(
                    attempts: UInt16(open), nextAt: Int64(open) * 1000, bytes: .max,
                    waitMax: max(0, Int64(open) * 1000 - Self.madeAt))
            }
            lanes[number] = lane
        }
        let payloads = Self.checkpoint(lanes: lanes)
        #expect(payloads.count == max(1, (count + 63) / 64))
        var collector = CheckpointCollector()
        for (index, payload) in payloads.enumerated() {
            let record = try #require(payload.withUnsafeBytes { CheckpointRecord($0) })
            let whole = collector.add(record)
            #expect((whole != nil) == (index + 1 == payloads.count))
            if let whole {
                #expect(whole.lanes == lanes && whole.asOf == 9 && whole.revision == 3 && whole.floor == 12)
            }
        }
    }

    @Test("a checkpoint payload cut anywhere is nil")
    func checkpointCut() {
        var lane = LaneState(cursor: 1)
        lane.open[4] = LaneState.Open(attempts: 1, nextAt: 9, bytes: 7)
        let bytes = Self.checkpoint(lanes: [3: lane, 4: lane])[0]
        for cut in 0..<bytes.count { #expect(bytes[..<cut].withUnsafeBytes { CheckpointRecord($0) } == nil) }
    }

    @Test("parts out of order, missing, or of two checkpoints make none")
    func brokenParts() throws {
        func parts(_ number: UInt64) throws -> [CheckpointRecord] {
            let buffer = RecordBuffer()
            let lanes = Dictionary(uniqueKeysWithValues: (0..<150).map { (WebhookNumber($0), LaneState(cursor: 1)) })
            CheckpointRecord.append(
                number: number, asOf: number, revision: 1, madeAt: 0, floor: 0, lanes: lanes, to: buffer)
            var records: [CheckpointRecord] = []
            var offset = 0
            while offset < buffer.count {
                let payload = EventFixture.payload(buffer, at: offset)
                records.append(try #require(payload.withUnsafeBytes { CheckpointRecord($0) }))
                offset += RecordFormat.Header(at: buffer.bytes + offset).totalBytes
            }
            return records
        }
        let old = try parts(1)
        let new = try parts(2)
        #expect(old.count == 3)
        let cases: [(parts: [CheckpointRecord], asOf: UInt64?)] = [
            (old, 1), ([old[0], old[1]], nil), ([old[1], old[2]], nil), ([old[0], old[2]], nil),
            ([old[0], old[2], old[1]], nil),
            ([old[0], old[1], new[2]], nil), ([old[0], new[1], new[2]], nil), ([old[0], old[1]] + new, 2),
            (old + [new[0]], 1),
            ([old[2]] + new, 2), ([old[0], old[0], old[1], old[2]], 1), (old + new, 2),
        ]
        for (index, row) in cases.enumerated() {
            var collector = CheckpointCollector()
            var last: WholeCheckpoint?
            for part in row.parts { last = collector.add(part) ?? last }
            #expect(last?.asOf == row.asOf, "case \(index)")
        }
    }
}
