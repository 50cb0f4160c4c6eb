import RelayCore
import Testing

@Suite("Journal needs")
struct JournalNeedsTests {
    private static let needs = JournalNeeds(lanes: [
        1: .init(cursor: 20, open: [5, 9, 17]), 2: .init(cursor: 30, open: []), 3: .init(cursor: 40, open: [21]),
    ])

    @Test(
        "an event is needed by a lane that has it open, or has not come to it",
        arguments: [
            (1, 4, false), (1, 5, true), (1, 6, false), (1, 9, true), (1, 19, false), (1, 20, true), (1, 21, true),
            (2, 29, false), (2, 30, true), (4, 1_000, false),
        ] as [(WebhookNumber, UInt64, Bool)])
    func needs(webhook: WebhookNumber, sequence: UInt64, isNeeded: Bool) {
        #expect(Self.needs.needs(EventFixture.event(sequence, for: [webhook])) == isNeeded)
    }

    @Test("one of several lanes is enough, and a skipped delivery is none")
    func several() throws {
        #expect(Self.needs.needs(EventFixture.event(21, for: [2, 3])))
        #expect(!Self.needs.needs(EventFixture.event(22, for: [2, 3])))
        let buffer = RecordBuffer()
        EventFixture.append(25, webhooks: [MatchedWebhook(number: 1, takesDeliveries: false)], to: buffer)
        #expect(!Self.needs.needs(try #require(EventRecord(buffer: buffer, offset: 0))))
    }

    @Test(
        "a range is not needed if that is certain",
        arguments: [
            (0..<5, false), (0..<6, true), (5..<6, true), (6..<9, false), (6..<10, true), (18..<20, false),
            (18..<21, true), (50..<60, true), (10..<17, false), (10..<18, true),
        ] as [(Range<UInt64>, Bool)])
    func ranges(range: Range<UInt64>, mayBe: Bool) {
        #expect(Self.needs.mayNeed(range) == mayBe)
    }

    @Test("what a range needs of its events is never denied", arguments: 1...50 as ClosedRange<UInt64>)
    func rangesAgainstEvents(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let needs = JournalNeeds(
            lanes: Dictionary(
                uniqueKeysWithValues: (1...3).map { webhook in
                    let cursor = UInt64(random.below(40))
                    let open = (0..<cursor).filter { _ in random.chance(15) }
                    return (WebhookNumber(webhook), JournalNeeds.Lane(cursor: cursor, open: open))
                }))
        for low in 0..<40 as Range<UInt64> {
            let range = low..<low + UInt64(random.below(8)) + 1
            let isNeeded = range.contains { needs.needs(EventFixture.event($0, for: [1, 2, 3])) }
            #expect(needs.mayNeed(range) == isNeeded)
        }
    }

    @Test("bisection finds the first that is not below", arguments: [0, 1, 2, 3, 8] as [UInt64])
    func bisection(count: UInt64) {
        let elements = (0..<count).map { $0 * 3 + 2 }
        for value in 0...count * 3 + 3 {
            #expect(elements.firstIndex(atOrAbove: value) == elements.filter { $0 < value }.count)
            #expect(elements.holds(value) == elements.contains(value))
        }
    }
}
