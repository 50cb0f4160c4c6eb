import Testing

@testable import RelayCore

/// What a start learns, whatever the order in which events, progress and checkpoint stand in the journal.
@Suite("Recovery state")
struct RecoveryStateTests {
    /// Of the body of ``EventFixture/event(_:for:acceptedAt:)``.
    private static let bytes = UInt32(EventFixture.event(1).body.count)

    private func progress(
        _ webhook: WebhookNumber, cursor: UInt64, settled: [UInt64: SettlementResult] = [:], opened: [UInt64] = [],
        retried: [(sequence: UInt64, attempts: UInt16, nextAt: Int64)] = []
    ) -> ProgressRecord {
        ProgressRecord(lanes: [
            .init(
                webhook: webhook, cursor: cursor,
                progress: LaneProgress(
                    settled: settled.map {
                        .init(
                            sequence: $0.key, at: 0, result: $0.value, status: 200, attempts: 1, microseconds: 1,
                            bytes: Self.bytes)
                    },
                    opened: opened.map { .init(sequence: $0, bytes: Self.bytes) },
                    retried: retried.map {
                        .init(
                            sequence: $0.sequence, at: 0, nextAt: $0.nextAt, status: 0, attempts: $0.attempts,
                            microseconds: 1, bytes: Self.bytes, reason: "")
                    }))
        ])
    }

    private func checkpoint(
        asOf: UInt64, _ lanes: [WebhookNumber: LaneState], revision: UInt64 = 0
    ) throws -> WholeCheckpoint {
        let buffer = RecordBuffer()
        CheckpointRecord.append(
            number: 1, asOf: asOf, revision: revision, madeAt: 0, floor: 0, lanes: lanes, to: buffer)
        var collector = CheckpointCollector()
        let payload = EventFixture.payload(buffer)
        let record = try #require(payload.withUnsafeBytes { CheckpointRecord($0) })
        let whole = collector.add(record)
        return try #require(whole)
    }

    @Test("without a checkpoint everything counts from the first record on")
    func fromTheBeginning() {
        var state = RecoveryState(checkpoint: nil)
        #expect(state.lastSequence == 0 && state.lanes.isEmpty)
        for sequence in 1...3 as ClosedRange<UInt64> { state.apply(EventFixture.event(sequence, for: [5])) }
        #expect(state.lastSequence == 3)
        #expect(state.lanes[5]?.cursor == 1 && state.lanes[5]?.pending == 3)
        state.apply(progress(5, cursor: 3, settled: [1: .delivered], opened: [2]))
        #expect(state.lanes[5]?.cursor == 3 && state.lanes[5]?.pending == 2 && state.lanes[5]?.delivered == 1)
        #expect(state.lanes[5]?.open == [2: .init(attempts: 0, nextAt: 0, bytes: Self.bytes)])
        state.apply(progress(5, cursor: 3, retried: [(2, 1, 99)]))
        #expect(state.lanes[5]?.open == [2: .init(attempts: 1, nextAt: 99, bytes: Self.bytes, waitMax: 99)])
        state.apply(progress(5, cursor: 4, settled: [2: .triesUsedUp, 3: .delivered]))
        #expect(state.lanes[5]?.open.isEmpty == true && state.lanes[5]?.pending == 0)
        #expect(state.lanes[5]?.delivered == 2 && state.lanes[5]?.givenUp == 1)
    }

    @Test("a skipped delivery is none")
    func skipped() throws {
        var state = RecoveryState(checkpoint: nil)
        let buffer = RecordBuffer()
        EventFixture.append(1, webhooks: [MatchedWebhook(number: 5, takesDeliveries: false)], to: buffer)
        state.apply(try #require(EventRecord(buffer: buffer, offset: 0)))
        #expect(state.lanes.isEmpty && state.lastSequence == 1)
    }

    @Test("events up to the checkpoint's are in it; later ones count, before and behind it")
    func eventsAroundCheckpoint() throws {
        var lane = LaneState(cursor: 11)
        lane.pending = 2
        lane.open = [7: .init(attempts: 3, nextAt: 5, bytes: Self.bytes, waitMax: 5)]
        var state = RecoveryState(checkpoint: try checkpoint(asOf: 10, [5: lane], revision: 8))
        #expect(state.revision == 8 && state.lastSequence == 10)
        state.apply(EventFixture.event(10, for: [5]))
        #expect(state.lanes[5]?.pending == 2)
        state.apply(EventFixture.event(11, for: [5, 6]))
        state.passCheckpoint()
        state.apply(EventFixture.event(12, for: [6]))
        #expect(state.lastSequence == 12)
        #expect(state.lanes[5]?.pending == 3 && state.lanes[5]?.cursor == 11)
        #expect(state.lanes[5]?.open == [7: .init(attempts: 3, nextAt: 5, bytes: Self.bytes, waitMax: 5)])
        #expect(state.lanes[6]?.pending == 2 && state.lanes[6]?.cursor == 11)
    }

    @Test("progress from before the checkpoint is in it already")
    func progressAroundCheckpoint() throws {
        var lane = LaneState(cursor: 4)
        lane.pending = 1
        lane.open = [3: .init(attempts: 0, nextAt: 0, bytes: Self.bytes)]
        var state = RecoveryState(checkpoint: try checkpoint(asOf: 5, [5: lane]))
        state.apply(progress(5, cursor: 2, settled: [1: .delivered], opened: [1]))
        #expect(state.lanes[5] == lane)
        state.passCheckpoint()
        state.apply(progress(5, cursor: 6, settled: [3: .tooOld]))
        #expect(state.lanes[5]?.open.isEmpty == true && state.lanes[5]?.pending == 0 && state.lanes[5]?.givenUp == 1)
        #expect(state.lanes[5]?.cursor == 6)
    }

    @Test("a cursor never goes back, and within one record the settlement has the last word")
    func order() {
        var state = RecoveryState(checkpoint: nil)
        state.apply(progress(5, cursor: 9))
        state.apply(progress(5, cursor: 4, settled: [1: .delivered], opened: [1], retried: [(1, 2, 9)]))
        #expect(state.lanes[5]?.cursor == 9 && state.lanes[5]?.open.isEmpty == true && state.lanes[5]?.pending == 0)
    }
}
