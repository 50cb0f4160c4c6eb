import RelayCore
import Testing

@Suite("Connection races")
struct ConnectionRaceTests {
    private static func addresses(_ texts: [String]) throws -> [IPAddress] {
        try texts.map { try #require(IPAddress($0)) }
    }

    @Test("the families take turns, beginning with the first one's; repeated addresses count once")
    func order() throws {
        let resolved = try Self.addresses(["2000::1", "2000::2", "2000::1", "2000::3", "1.0.0.1", "1.0.0.2"])
        var race = ConnectionRace(resolved, time: .seconds(15))
        var order: [String] = []
        var actions = race.start()
        while case .connect(let address)? = actions.first {
            order.append("\(address)")
            actions = race.failed()
        }
        #expect(order == ["2000::1", "1.0.0.1", "2000::2", "1.0.0.2", "2000::3"])
        #expect(actions == [.giveUp])
    }

    @Test("the next address is tried beside one that does not answer, and at once after one that fails")
    func stagger() throws {
        let all = try Self.addresses(["2000::1", "1.0.0.1", "2000::2"])
        var race = ConnectionRace(all, time: .seconds(15))
        #expect(race.start() == [.connect(all[0]), .wait(.milliseconds(250))])
        #expect(race.timerFired() == [.connect(all[1]), .wait(.milliseconds(250))])
        #expect(race.failed() == [.connect(all[2])])
        #expect(race.timerFired() == [])
        #expect(race.failed() == [])
        #expect(race.failed() == [.giveUp])
    }

    @Test("one address, and none")
    func few() throws {
        let one = try Self.addresses(["1.0.0.1"])
        var race = ConnectionRace(one, time: .seconds(15))
        #expect(race.attemptTime == .seconds(15))
        #expect(race.start() == [.connect(one[0])])
        #expect(race.timerFired() == [])
        #expect(race.failed() == [.giveUp])
        var none = ConnectionRace([], time: .seconds(15))
        #expect(none.start() == [.giveUp])
    }

    @Test(
        "however many addresses a name has: few at once, a bound in all, and time for each",
        arguments: [1, 2, 6, 7, 12, 63, 64, 65, 4_000], [1, 100, 15_000])
    func bounds(count: Int, milliseconds: Int) throws {
        let all = (0..<count).map { IPAddress.v4(0x0100_0000 + UInt32($0)) }
        let time = Duration.milliseconds(milliseconds)
        var race = ConnectionRace(all, time: time)
        var running: [Duration] = []
        var tried = 0
        var now = Duration.zero
        var timer: Duration?
        var ended: Duration?
        func follow(_ actions: [ConnectionRace.Action]) {
            for action in actions {
                switch action {
                case .connect:
                    tried += 1
                    running.append(now + race.attemptTime)
                case .wait(let delay):
                    #expect(delay >= .milliseconds(10) && delay <= .milliseconds(250))
                    timer = now + delay
                case .giveUp: ended = now
                }
            }
            #expect(running.count <= Limits.connectionsAtOnce)
        }
        follow(race.start())
        // Nobody answers: attempts end only by their own time.
        while ended == nil {
            let first = try #require(running.min())
            if let due = timer, due < first {
                now = due
                timer = nil
                follow(race.timerFired())
            } else {
                now = first
                running.remove(at: try #require(running.firstIndex(of: first)))
                follow(race.failed())
            }
        }
        #expect(tried == min(count, Limits.addressesPerAttempt))
        #expect(running.isEmpty)
        // What the staggering adds at most is a round of delays; the attempt's own deadline ends it before.
        if milliseconds >= 1_000 { #expect(now <= time * 2) }
    }
}
