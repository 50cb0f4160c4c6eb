import Testing

@testable import RelayCore

@Suite("How many log lines there are")
struct LogRateTests {
    private static func at(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    @Test("few lines all pass, and nothing is due")
    func few() {
        var rate = LogRate<String>(perKind: 3)
        let early = (0..<3).map { _ in rate.allows("a", at: Self.at(0)) }
        #expect(early == [true, true, true])
        #expect(rate.nextDue == nil)
        let other = rate.allows("b", at: Self.at(0))
        let summaries = rate.take(at: Self.at(60))
        let late = [60, 60, 60, 119.9].map { rate.allows("a", at: Self.at($0)) }
        #expect(other)
        #expect(summaries.isEmpty)
        #expect(late == [true, true, true, false])
    }

    @Test("what is left out is told at the minute's end, once")
    func summary() {
        var rate = LogRate<String>(perKind: 2)
        let passed = (0..<1_236).count { _ in rate.allows("a", at: Self.at(1)) }
        #expect(passed == 2)
        #expect(rate.nextDue == Self.at(61))
        let taken = [60.9, 61, 200].map { rate.take(at: Self.at($0)) }
        #expect(taken == [[], [.init(kind: "a", count: 1_234)], []])
        #expect(rate.nextDue == nil)
    }

    @Test("a line after the minute's end loses none of what was left out before")
    func late() {
        var rate = LogRate<String>(perKind: 1)
        let passed = [0, 10, 75].map { rate.allows("a", at: Self.at($0)) }
        #expect(passed == [true, false, true])
        #expect(rate.nextDue == Self.at(135))
        let taken = rate.take(at: Self.at(75))
        #expect(taken == [.init(kind: "a", count: 1)])
        #expect(rate.nextDue == nil)
    }

    @Test("one kind is not in the way of another, and all together have a bound")
    func total() {
        var rate = LogRate<Int>(perKind: 2, total: 5)
        let passed = (0..<10).map { kind in (0..<4).count { _ in rate.allows(kind, at: Self.at(0)) } }
        #expect(passed == [2, 2, 1, 0, 0, 0, 0, 0, 0, 0])
        let leftOut = rate.take(at: Self.at(60)).reduce(0) { $0 + $1.count }
        #expect(leftOut == 35)
        let again = rate.allows(9, at: Self.at(60))
        #expect(again)
    }

    @Test("however many kinds there are, memory and summaries are bounded, and every line is counted")
    func bounds() {
        var rate = LogRate<Int>(perKind: 1, total: 10, maxKinds: 50, maxSummaries: 3)
        for kind in 0..<1_000 { for _ in 0..<(kind == 20 ? 9 : 2) { _ = rate.allows(kind, at: Self.at(0)) } }
        let summaries = rate.take(at: Self.at(60))
        #expect(summaries.count == 4)
        #expect(summaries.first == .init(kind: 20, count: 9))
        #expect(summaries.last?.kind == nil)
        #expect(summaries.reduce(0) { $0 + $1.count } == 2_007 - 10)
    }

    @Test("journald's own bound, 10,000 lines in 30 s, is never met")
    func journald() {
        var rate = LogRate<Int>()
        var times: [Double] = []
        for step in 0..<3_000 {
            let second = Double(step) / 20
            for kind in 0..<50 where rate.allows((step + kind * 7) % 300, at: Self.at(second)) { times.append(second) }
            times += rate.take(at: Self.at(second)).map { _ in second }
        }
        for start in stride(from: 0.0, to: 150, by: 1) {
            #expect(times.count { $0 >= start && $0 < start + 30 } < 5_000)
        }
    }
}
