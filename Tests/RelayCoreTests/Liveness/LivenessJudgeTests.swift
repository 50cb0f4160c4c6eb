import Testing

@testable import RelayCore

@Suite("Signs of life and what follows from them")
struct LivenessJudgeTests {
    private static let idle = LoopSign(isIdle: true, turns: 7)

    private static func at(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    private static func busy(_ turns: UInt64) -> LoopSign { LoopSign(isIdle: false, turns: turns) }

    private var judge = LivenessJudge(nameAfter: .seconds(5), longestGap: .seconds(12))

    @Test("idle loops are alive however long they have nothing to do")
    mutating func idle() {
        for second in stride(from: 0.0, to: 100_000, by: 10) {
            let verdict = judge.judge([.ingest: Self.idle, .journal: Self.idle], at: Self.at(second))
            #expect(verdict == LivenessJudge.Verdict())
        }
    }

    @Test("a busy loop is alive as long as it makes steps")
    mutating func busy() {
        for turn in 0..<1_000 as Range<UInt64> {
            #expect(judge.judge([.journal: Self.busy(turn)], at: Self.at(Double(turn) * 10)).feeds)
        }
    }

    @Test("one loop that stands still is enough, and is named once")
    mutating func stall() {
        #expect(judge.judge([.ingest: Self.idle, .journal: Self.busy(3)], at: Self.at(0)).feeds)
        let early = judge.judge([.ingest: Self.idle, .journal: Self.busy(3)], at: Self.at(4.9))
        #expect(!early.feeds)
        #expect(early.stalls.isEmpty && early.begun.isEmpty)
        let late = judge.judge([.ingest: Self.idle, .journal: Self.busy(3)], at: Self.at(5))
        #expect(!late.feeds)
        #expect(late.stalls == [LivenessJudge.Stall(.journal, .seconds(5))])
        #expect(late.begun == late.stalls)
        let later = judge.judge([.ingest: Self.idle, .journal: Self.busy(3)], at: Self.at(9))
        #expect(later.stalls == [LivenessJudge.Stall(.journal, .seconds(9))])
        #expect(later.begun.isEmpty)
    }

    @Test("a loop that goes on is told of, and may be named anew")
    mutating func recovery() {
        _ = judge.judge([.delivery: Self.busy(1)], at: Self.at(0))
        #expect(judge.judge([.delivery: Self.busy(1)], at: Self.at(6)).begun.count == 1)
        let better = judge.judge([.delivery: Self.busy(2)], at: Self.at(8))
        #expect(better.feeds)
        #expect(better.stalls.isEmpty)
        #expect(better.ended == [LivenessJudge.Stall(.delivery, .seconds(8))])
        #expect(judge.judge([.delivery: Self.busy(2)], at: Self.at(14)).begun.count == 1)
        #expect(judge.judge([.delivery: Self.idle], at: Self.at(15)).ended.count == 1)
        #expect(judge.judge([.delivery: Self.idle], at: Self.at(25)).ended.isEmpty)
    }

    @Test("what counts is a step since the last feeding, not since the last look")
    mutating func sinceTheFeeding() {
        #expect(judge.judge([.journal: Self.busy(1), .api: Self.busy(1)], at: Self.at(0)).feeds)
        // The journal has made a step, the API none: nothing is fed.
        #expect(!judge.judge([.journal: Self.busy(2), .api: Self.busy(1)], at: Self.at(1)).feeds)
        // The journal is at the same step, which is still news since the last feeding.
        #expect(judge.judge([.journal: Self.busy(2), .api: Self.busy(2)], at: Self.at(2)).feeds)
        #expect(!judge.judge([.journal: Self.busy(2), .api: Self.busy(3)], at: Self.at(3)).feeds)
    }

    @Test("no loop is blamed for the time in which nothing could run")
    mutating func suspension() {
        _ = judge.judge([.ingest: Self.busy(1)], at: Self.at(0))
        // Stopped for an hour between two looks: 12 s of it are this process's.
        let woken = judge.judge([.ingest: Self.busy(1)], at: Self.at(3_600))
        #expect(!woken.feeds)
        #expect(woken.stalls == [LivenessJudge.Stall(.ingest, .seconds(12))])
        #expect(judge.judge([.ingest: Self.idle], at: Self.at(3_601)).feeds)
        var short = LivenessJudge(nameAfter: .seconds(20), longestGap: .seconds(12))
        _ = short.judge([.ingest: Self.busy(1)], at: Self.at(0))
        #expect(short.judge([.ingest: Self.busy(1)], at: Self.at(3_600)).begun.isEmpty)
        #expect(short.judge([.ingest: Self.busy(1)], at: Self.at(3_607)).begun.isEmpty)
        #expect(short.judge([.ingest: Self.busy(1)], at: Self.at(3_608)).begun == [.init(.ingest, .seconds(20))])
    }

    @Test("a clock that goes back harms nobody")
    mutating func backwards() {
        _ = judge.judge([.ingest: Self.busy(1)], at: Self.at(100))
        let verdict = judge.judge([.ingest: Self.busy(1)], at: Self.at(50))
        #expect(verdict.stalls.isEmpty)
    }

    @Test("the keeper's long work is waited for, with steps or without")
    mutating func patience() {
        _ = judge.judge([.keeper: Self.busy(1)], at: Self.at(0))
        for second in stride(from: 10.0, to: 600, by: 10) {
            #expect(judge.judge([.keeper: Self.busy(1)], at: Self.at(second)) == LivenessJudge.Verdict())
        }
        let verdict = judge.judge([.keeper: Self.busy(1)], at: Self.at(600))
        #expect(!verdict.feeds)
        #expect(verdict.begun == [LivenessJudge.Stall(.keeper, .seconds(600))])
    }

    @Test("a loop that is not there yet, or not any more, is no matter")
    mutating func absence() {
        #expect(judge.judge([:], at: Self.at(0)).feeds)
        #expect(judge.judge([.ingest: Self.busy(1)], at: Self.at(1)).feeds)
        #expect(judge.judge([:], at: Self.at(30)).feeds)
        // Back again, it is a new one.
        #expect(judge.judge([.ingest: Self.busy(1)], at: Self.at(31)).feeds)
        #expect(!judge.judge([.ingest: Self.busy(1)], at: Self.at(32)).feeds)
    }

    @Test("stalls come in the loops' order")
    mutating func order() {
        let signs = Dictionary(uniqueKeysWithValues: CriticalLoop.allCases.map { ($0, Self.busy(1)) })
        _ = judge.judge(signs, at: Self.at(0))
        let verdict = judge.judge(signs, at: Self.at(12))
        #expect(verdict.stalls.map(\.loop) == [.ingest, .journal, .delivery, .senders, .api, .readers, .registrar])
    }
}
