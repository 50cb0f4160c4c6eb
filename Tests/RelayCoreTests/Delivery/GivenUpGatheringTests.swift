import Testing

@testable import RelayCore

@Suite("Given up, gathered by webhook and minute")
struct GivenUpGatheringTests {
    private static func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    @Test func oneSummaryAMinute() {
        var gathering = GivenUpGathering()
        #expect(gathering.nextDue == nil)
        gathering.add(1, .triesUsedUp, eventID: "a", now: Self.at(0))
        gathering.add(1, .triesUsedUp, eventID: "b", now: Self.at(59))
        gathering.add(1, .webhookDisabled, count: 7, now: Self.at(59))
        gathering.add(2, .displaced, count: 3, now: Self.at(30))
        #expect(gathering.nextDue == Self.at(60))
        let early = gathering.take(at: Self.at(59))
        #expect(early.isEmpty)
        let taken = gathering.take(at: Self.at(60))
        #expect(
            taken == [
                .init(webhook: 1, reason: "webhook_disabled, tries_used_up", count: 9, eventID: "a")
            ])
        #expect(gathering.nextDue == Self.at(90))
        // The next minute begins with the next one.
        gathering.add(1, .tooOld, now: Self.at(61))
        let rest = gathering.takeAll()
        #expect(rest.map(\.count) == [1, 3])
        let none = gathering.takeAll()
        #expect(gathering.nextDue == nil && none.isEmpty)
    }

    @Test("what was delivered, called off or is no delivery at all is not given up")
    func nothing() {
        var gathering = GivenUpGathering()
        gathering.add(1, .delivered, now: Self.at(0))
        gathering.add(1, .cancelled, count: 5, now: Self.at(0))
        gathering.add(1, .displaced, count: 0, now: Self.at(0))
        #expect(gathering.nextDue == nil)
        gathering.add(1, .aborted, now: Self.at(0))
        gathering.forget(1)
        let taken = gathering.takeAll()
        #expect(taken.isEmpty)
    }
}
