import Testing

@testable import Relay
@testable import RelayCore

@Suite("Following events", .timeLimit(.minutes(1)))
struct EventFollowersTests {
    private static let journal = JournalID(high: 1, low: 2)

    private static func batch(
        _ sequences: ClosedRange<UInt64>, tenant: String = "acme", padding: Int = 0
    ) -> RecordBuffer {
        let buffer = RecordBuffer()
        for sequence in sequences {
            EventFixture.append(
                sequence, type: sequence.isMultiple(of: 2) ? "job.closed" : "application.scored", tenant: tenant,
                data: "{\"p\":\"\(String(repeating: "x", count: padding))\"}", to: buffer)
        }
        return buffer
    }

    private static func ids(_ followed: Followed?) -> [String] {
        if case .events(let events) = followed { events.map(\.id) } else { [] }
    }

    @Test func eachGetsWhatItAskedFor() async throws {
        let followers = EventFollowers(journal: Self.journal)
        followers.accepted(Self.batch(1...1))
        let all = try followers.follow(FollowChoice())
        let some = try followers.follow(FollowChoice(tenant: "acme", pattern: .prefix("job.")))
        followers.accepted(Self.batch(2...5))
        followers.accepted(Self.batch(6...7, tenant: "bolt"))
        followers.end()
        var seen: [String] = []
        for await followed in all { seen += Self.ids(followed) }
        #expect(seen == (2...7).map { "id-\($0)" })
        seen = []
        for await followed in some { seen += Self.ids(followed) }
        #expect(seen == ["id-2", "id-4"])
    }

    /// Events that are dropped are counted where they are missing, and only those that were asked for.
    @Test func aSlowOneLosesEventsAndIsTold() async {
        let feed = EventFeed(FollowChoice(tenant: "acme"), journal: Self.journal, bytesMax: 2_000)
        feed.put(Self.batch(1...2))
        feed.put(Self.batch(3...4, padding: 3_000))
        feed.put(Self.batch(5...9, tenant: "bolt", padding: 3_000))
        feed.put(Self.batch(10...10, padding: 3_000))
        #expect(Self.ids(await feed.next()) == ["id-1", "id-2"])
        feed.put(Self.batch(11...11))
        #expect(await feed.next() == .dropped(3))
        #expect(Self.ids(await feed.next()) == ["id-11"])
        feed.put(Self.batch(12...12))
        feed.end()
        #expect(Self.ids(await feed.next()) == ["id-12"])
        #expect(await feed.next() == nil)
    }

    @Test func nothingComesForAWhile() async {
        let feed = EventFeed(FollowChoice(), journal: Self.journal, beat: .milliseconds(5))
        #expect(await feed.next() == .idle)
        async let next = feed.next()
        feed.put(Self.batch(1...1))
        var found = await next
        // The beat may have been first.
        if found == .idle { found = await feed.next() }
        #expect(Self.ids(found) == ["id-1"])
    }

    @Test func theirNumberIsBoundedAndPlacesComeBack() async throws {
        let followers = EventFollowers(journal: Self.journal)
        var streams: [AsyncStream<Followed>] = []
        for _ in 0..<Limits.followers { streams.append(try followers.follow(FollowChoice())) }
        #expect(throws: AdministrationError.self) { _ = try followers.follow(FollowChoice()) }
        streams.removeLast()
        streams.append(try followers.follow(FollowChoice()))
        followers.end()
        #expect(throws: AdministrationError.shuttingDown) { _ = try followers.follow(FollowChoice()) }
    }

    @Test func whoIsCancelledEnds() async throws {
        let followers = EventFollowers(journal: Self.journal)
        let stream = try followers.follow(FollowChoice())
        let task = Task {
            var count = 0
            for await _ in stream { count += 1 }
            return count
        }
        task.cancel()
        #expect(await task.value == 0)
    }
}
