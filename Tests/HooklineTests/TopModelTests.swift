import Testing

@testable import hookline

@Suite struct TopModelTests {
    static let wall: Int64 = 1_777_732_330_000

    static func webhook(_ number: Int, pending: Int64 = 0, description: String? = nil) -> TopWebhook {
        var webhook = TopWebhook()
        webhook.id = "wh_\(number)"
        webhook.tenant = "tenant_\(number)"
        webhook.url = "https://hooks.example/\(number)"
        webhook.description = description
        webhook.pending = pending
        return webhook
    }

    static func sample(_ at: Double, count: Int, from offset: Int = 0, limit: Int = 200) -> TopSample {
        var sample = TopSample()
        sample.at = at
        sample.wall = wall + Int64(at * 1000)
        sample.version = "1.2.3"
        sample.pid = 42
        sample.startedAt = wall - 11_520_000
        sample.active = Int64(count)
        sample.offset = offset
        sample.webhooks = (offset..<min(count, offset + limit)).map { webhook($0, pending: Int64(count - $0)) }
        return sample
    }

    private func model(_ count: Int, height: Int = 24) -> TopModel {
        var model = TopModel(width: 80, height: height)
        model.take(Self.sample(0, count: count), order: .backlog)
        return model
    }

    @Test func nothingIsSelectedUntilSomebodyMoves() {
        var model = model(5)
        #expect(model.selection == nil)
        for key in ["p", "t", "r"] { #expect(model.press(.character(Character(key))) == []) }
        #expect(model.notice?.text.contains("Select") == true)
        #expect(model.press(.down) == [])
        #expect(model.selection?.id == "wh_0")
        _ = model.press(.character("j"))
        #expect(model.selection?.id == "wh_1")
        _ = model.press(.up)
        _ = model.press(.up)
        #expect(model.selection?.id == "wh_0")
        #expect(model.press(.escape) == [.look])
        #expect(model.selection == nil)
    }

    @Test func theSelectionFollowsItsWebhook() {
        var model = model(5)
        _ = model.press(.down)
        _ = model.press(.down)
        var next = Self.sample(1, count: 5)
        next.webhooks.swapAt(1, 4)
        model.take(next, order: .backlog)
        #expect(model.cursor == 4)
        #expect(model.press(.character("p")) == [.setActive(next.webhooks[4], false)])
        #expect(next.webhooks[4].id == "wh_1")
        // Where it has gone, keys mean no other one.
        next.webhooks.removeLast()
        next.active = 4
        next.at = 2
        model.take(next, order: .backlog)
        #expect(model.selection == nil)
        #expect(model.press(.character("p")) == [])
    }

    @Test func pausedAndDisabledOnesAreResumed() {
        for state in ["paused", "disabled"] {
            var model = TopModel(width: 80, height: 24)
            var sample = Self.sample(0, count: 1)
            sample.webhooks[0].state = state
            model.take(sample, order: .backlog)
            _ = model.press(.down)
            #expect(model.press(.character("p")) == [.setActive(sample.webhooks[0], true)])
        }
    }

    @Test func replayAsksFirst() throws {
        var model = model(3)
        _ = model.press(.down)
        let webhook = try #require(model.selection)
        #expect(model.press(.character("r")) == [.countReplay(webhook)])
        #expect(model.mode == .list)
        model.counted(0, isExact: true, of: webhook)
        #expect(model.mode == .list)
        model.counted(1_234, isExact: false, of: webhook)
        let question = TopModel.Question(
            text: "Replay at least 1,234 deliveries of hooks.example/0?", action: .replay(webhook))
        #expect(model.mode == .question(question))
        // Nothing but y does it.
        for key in [TopKey.enter, .down, .character("p"), .character("x")] { #expect(model.press(key) == []) }
        #expect(model.mode == .question(question))
        #expect(model.press(.character("n")) == [])
        #expect(model.mode == .list)
        model.counted(1, isExact: true, of: webhook)
        #expect(model.press(.character("y")) == [.replay(webhook)])
        #expect(model.press(.character("y")) == [])
    }

    @Test func pausingAllAsksFirst() {
        var model = model(3)
        #expect(model.press(.character("P")) == [])
        #expect(model.press(.escape) == [])
        _ = model.press(.character("P"))
        #expect(model.press(.character("y")) == [.pauseAll(true)])
        var paused = Self.sample(1, count: 3)
        paused.isPaused = true
        model.take(paused, order: .backlog)
        _ = model.press(.character("P"))
        #expect(model.press(.character("y")) == [.pauseAll(false)])
    }

    @Test func quitting() {
        var model = model(3)
        #expect(model.press(.character("q")) == [.quit])
        #expect(model.press(.interrupt) == [.quit])
        _ = model.press(.character("?"))
        #expect(model.mode == .help)
        #expect(model.press(.character("q")) == [])
        #expect(model.mode == .list)
        _ = model.press(.character("P"))
        #expect(model.press(.interrupt) == [.quit])
    }

    @Test func sorting() {
        var model = model(3)
        _ = model.press(.down)
        #expect(model.press(.character("s")) == [.look])
        #expect(model.order == .rate)
        #expect(model.selection == nil)
        #expect(model.press(.character("2")) == [])
        #expect(model.press(.character("4")) == [.look])
        #expect(model.order == .name)
        // A look that was asked for before shows the old order.
        let before = model.sample
        model.take(Self.sample(1, count: 2), order: .backlog)
        #expect(model.sample == before)
    }

    @Test func onlyWhatIsInSightIsAskedFor() {
        var model = model(10_000)
        #expect(model.wish.offset == 0)
        #expect(model.wish.limit <= 50)
        // To the end and back: what is not there yet is asked for.
        #expect(model.press(.end) == [.look])
        #expect(model.cursor == 9_999)
        #expect(model.selection == nil)
        let wish = model.wish
        #expect(wish.offset + wish.limit >= 10_000)
        model.take(Self.sample(1, count: 10_000, from: wish.offset, limit: wish.limit), order: .backlog)
        #expect(model.selection?.id == "wh_9999")
        #expect(model.press(.up) == [])
        #expect(model.selection?.id == "wh_9998")
        #expect(model.press(.home) == [.look])
        #expect(model.first == 0)
    }

    @Test func aLossIsToldAndEnds() {
        var model = model(3)
        model.fail("nobody listens", at: 5)
        model.fail("nobody listens", at: 9)
        #expect(model.lost?.since == 0)
        #expect(model.now == 9)
        var next = Self.sample(10, count: 3)
        next.pid = 43
        model.take(next, order: .backlog)
        #expect(model.lost == nil)
        #expect(model.notice?.text == "The daemon has been restarted.")
        #expect(model.history.accepted.all.count == 1)
        model.tick(10 + TopModel.noticeSeconds)
        #expect(model.notice == nil)
    }

    @Test func failuresAreGathered() {
        var model = TopModel(width: 80, height: 24)
        for second in 0..<100 {
            var sample = Self.sample(Double(second), count: 3)
            var failing = sample.webhooks[second % 2]
            failing.lastFailureAt = Self.wall + Int64(second / 2)
            failing.lastFailure = "HTTP 503"
            sample.failures = [failing]
            model.take(sample, order: .backlog)
        }
        #expect(model.failures.count == TopModel.failuresMax)
        #expect(model.failures.first?.at == Self.wall + 49)
        #expect(zip(model.failures, model.failures.dropFirst()).allSatisfy { $0.at >= $1.at })
    }

    @Test func growingAndShrinkingKeepTheSelectionInSight() {
        var model = model(200)
        for _ in 0..<60 { _ = model.press(.down) }
        for height in [24, 5, 50, 3, 1, 24] {
            model.resize(width: 80, height: height)
            #expect(model.first <= model.cursor)
            #expect(model.cursor < model.first + max(1, model.rows), "\(height)")
        }
    }
}
