import Testing

@testable import RelayCore

/// The breaker's state machine by itself: outcomes in, states out.
@Suite("Breaker")
struct BreakerTests {
    private static func fail(
        _ breaker: inout Breaker, _ events: [UInt64], _ weight: Breaker.Weight = .trouble
    ) -> [Breaker.Change?] {
        events.map { breaker.failed(weight, $0, begunIn: breaker.epoch) }
    }

    private static func fail(_ breaker: inout Breaker, _ event: UInt64, begunIn epoch: UInt32?) -> Breaker.Change? {
        breaker.failed(.trouble, event, begunIn: epoch ?? breaker.epoch)
    }

    private static func succeed(_ breaker: inout Breaker, isLast: Bool = false) -> Breaker.Change? {
        breaker.succeeded(isLast: isLast)
    }

    private static func probe(_ breaker: inout Breaker) -> Breaker.Change? { breaker.probe() }

    private static func opened() -> Breaker {
        var breaker = Breaker()
        _ = fail(&breaker, [1, 2, 3, 4, 5])
        return breaker
    }

    @Test("five failures in a row over three events open it, and nothing less")
    func opening() {
        var breaker = Breaker()
        let changes = Self.fail(&breaker, [1, 2, 3, 3, 3])
        #expect(changes == [nil, nil, nil, nil, .opened])
        #expect(breaker.state == .open && breaker.consecutiveFailures == 5)
    }

    @Test("two events alone never open it, however often they fail")
    func poison() {
        var breaker = Breaker()
        let changes = Self.fail(&breaker, (0..<100).map { $0 % 2 })
        #expect(changes.allSatisfy { $0 == nil } && breaker.state == .closed)
        #expect(breaker.hasFailedOften)
        // The third one it was that was missing.
        #expect(Self.fail(&breaker, 9, begunIn: 0) == .opened)
    }

    @Test("a success between begins the count anew")
    func interrupted() {
        var breaker = Breaker()
        for _ in 0..<50 {
            _ = Self.fail(&breaker, [1, 2, 3, 4])
            #expect(Self.succeed(&breaker, isLast: false) == nil)
        }
        #expect(breaker.state == .closed && breaker.consecutiveFailures == 0)
    }

    @Test("answers that turn the event down count half")
    func refusals() {
        var breaker = Breaker()
        let changes = Self.fail(&breaker, Array(1...10), .refusal)
        #expect(changes == Array(repeating: nil, count: 9) + [.opened])
    }

    @Test("open, failures of older attempts change nothing")
    func stale() {
        var breaker = Self.opened()
        let before = breaker.failedProbes
        #expect(Self.fail(&breaker, [6, 7, 8]) == [nil, nil, nil])
        #expect(breaker.state == .open && breaker.failedProbes == before)
        // They began before it opened, and end while a probe is under way.
        #expect(Self.probe(&breaker) == .halfOpened)
        #expect(Self.fail(&breaker, 9, begunIn: 0) == nil)
        #expect(breaker.state == .halfOpen)
    }

    @Test("each failed probe goes a step further, a success goes back to the first")
    func probes() {
        var breaker = Self.opened()
        for step in 1...5 {
            #expect(Self.probe(&breaker) == .halfOpened)
            #expect(Self.fail(&breaker, 1, begunIn: nil) == .opened)
            #expect(breaker.failedProbes == step)
        }
        _ = breaker.probe()
        #expect(Self.succeed(&breaker, isLast: false) == nil)
        #expect(Self.fail(&breaker, 1, begunIn: nil) == .opened)
        #expect(breaker.failedProbes == 0)
    }

    @Test("three successes close it, or one with nothing left to do")
    func closing() {
        var breaker = Self.opened()
        _ = breaker.probe()
        let changes = (0..<3).map { _ in breaker.succeeded(isLast: false) }
        #expect(changes == [nil, nil, .closed])
        var idle = Self.opened()
        _ = idle.probe()
        #expect(Self.succeed(&idle, isLast: true) == .closed)
        #expect(breaker.state == .closed && idle.state == .closed)
    }

    @Test("an older attempt's success while it is open lets it try")
    func lateSuccess() {
        var breaker = Self.opened()
        #expect(Self.succeed(&breaker, isLast: false) == .halfOpened)
        #expect(Self.probe(&breaker) == nil)
        #expect(breaker.state == .halfOpen)
    }

    @Test("it closes after any history, once the receiver works", arguments: 1...20)
    func alwaysCloses(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var breaker = Breaker()
        for _ in 0..<500 {
            switch random.below(4) {
            case 0: _ = breaker.succeeded(isLast: random.chance(10))
            case 1: _ = breaker.probe()
            default:
                let epoch = random.chance(70) ? breaker.epoch : breaker.epoch &- 1
                _ = breaker.failed(random.chance(50) ? .trouble : .refusal, UInt64(random.below(6)), begunIn: epoch)
            }
            #expect(breaker.state != .closed || breaker.failedProbes == 0)
        }
        _ = breaker.probe()
        for _ in 0..<3 { _ = breaker.succeeded(isLast: false) }
        #expect(breaker.state == .closed && breaker.consecutiveFailures == 0 && breaker.failedProbes == 0)
    }
}
