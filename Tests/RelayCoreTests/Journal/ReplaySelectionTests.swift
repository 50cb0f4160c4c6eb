import Testing

@testable import RelayCore

@Suite("Replay selection")
struct ReplaySelectionTests {
    private static let taken = MatchedWebhook(number: 1, takesDeliveries: true)
    private static let skipped = MatchedWebhook(number: 1, takesDeliveries: false)
    private static let other = MatchedWebhook(number: 2, takesDeliveries: true)

    private static func selection(
        _ status: JournalTask.ReplayStatus, since: Int64 = 0, until: Int64 = .max
    ) throws -> ReplaySelection {
        let replay = JournalTask.Replay(webhook: 1, status: status, since: since, until: until, next: 2, through: 90)
        return ReplaySelection(
            replay, of: try EventFixture.webhook(1, patterns: [try #require(EventPattern("job.*"))]))
    }

    private static func apply(
        _ sequence: UInt64, _ webhooks: [MatchedWebhook], type: String = "job.closed", tenant: String = "t",
        acceptedAt: Int64 = 100, _ selection: inout ReplaySelection
    ) throws {
        let buffer = RecordBuffer()
        EventFixture.append(
            sequence, webhooks: webhooks, type: type, tenant: tenant, acceptedAt: acceptedAt, to: buffer)
        selection.apply(try #require(EventRecord(buffer: buffer, offset: 0)))
    }

    private static func settled(
        _ sequence: UInt64, _ result: SettlementResult, webhook: WebhookNumber = 1, reopened: Bool = false
    ) -> ProgressRecord {
        var progress = LaneProgress()
        progress.settled = [
            .init(sequence: sequence, at: 0, result: result, status: 0, attempts: 1, microseconds: 0, bytes: 1)
        ]
        if reopened { progress.reopened = [.init(sequence: sequence, bytes: 1)] }
        return ProgressRecord(lanes: [.init(webhook: webhook, cursor: 100, progress: progress)])
    }

    private static func chosen(_ selection: ReplaySelection) -> [UInt64] {
        (0...100).filter { selection.chosen.contains($0) }
    }

    /// Every result, a skipped one, one that was skipped and delivered since, one delivered at last, one given up again.
    private static func history(_ selection: inout ReplaySelection) throws {
        for (index, _) in SettlementResult.allCases.enumerated() {
            try apply(UInt64(10 + index), [taken, other], &selection)
        }
        for sequence in [20, 21] as [UInt64] { try apply(sequence, [skipped], &selection) }
        for sequence in [30, 31] as [UInt64] { try apply(sequence, [taken], &selection) }
        try apply(40, [other], type: "application.scored", &selection)
        for (index, result) in SettlementResult.allCases.enumerated() {
            selection.apply(settled(UInt64(10 + index), result))
            selection.apply(settled(UInt64(10 + index), .displaced, webhook: 2))
        }
        selection.apply(settled(21, .delivered, reopened: true))
        selection.apply(settled(30, .displaced))
        selection.apply(settled(30, .delivered, reopened: true))
        selection.apply(settled(31, .delivered))
        selection.apply(settled(31, .tooOld, reopened: true))
    }

    @Test(
        arguments: [
            // 10 delivered, 11 tries used up, 12 too old, 13 disabled, 14 cancelled, 15 unreadable, 16 displaced,
            // 17 aborted.
            (.undelivered, [11, 12, 13, 15, 16, 17, 20, 31]), (.givenUp, [11, 12, 13, 15, 16, 17, 31]),
            (.skipped, [20]),
            (.delivered, [10, 21, 30]), (.any, [10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 30, 31]),
        ] as [(JournalTask.ReplayStatus, [UInt64])])
    func byStatus(_ status: JournalTask.ReplayStatus, _ expected: [UInt64]) throws {
        var selection = try Self.selection(status)
        try Self.history(&selection)
        #expect(Self.chosen(selection) == expected)
        // Going over it again does no harm.
        try Self.history(&selection)
        #expect(Self.chosen(selection) == expected)
    }

    @Test func bounds() throws {
        var selection = try Self.selection(.any, since: 50, until: 60)
        for (sequence, at) in [(1, 55), (2, 55), (3, 49), (4, 50), (5, 59), (6, 60), (90, 55), (91, 55)]
            as [(UInt64, Int64)]
        {
            try Self.apply(sequence, [], acceptedAt: at, &selection)
        }
        try Self.apply(20, [], tenant: "other", acceptedAt: 55, &selection)
        #expect(Self.chosen(selection) == [2, 4, 5, 90])
    }

    @Test func whatIsPendingIsLeftOut() throws {
        for status in [JournalTask.ReplayStatus.any, .undelivered] {
            var selection = try Self.selection(status)
            for sequence in [10, 11, 12] as [UInt64] { try Self.apply(sequence, [Self.taken], &selection) }
            try Self.apply(13, [Self.skipped], &selection)
            for sequence in [10, 11] as [UInt64] { selection.apply(Self.settled(sequence, .triesUsedUp)) }
            selection.exclude(JournalNeeds.Lane(cursor: 12, open: [10]))
            #expect(Self.chosen(selection) == [11, 13], "\(status)")
        }
    }
}
