/// Judges by loops' signs of life whether the daemon is alive: signs and a time in, a verdict out.
///
/// A loop is alive if it is idle or has made a step since the watchdog was fed last. One that isn't keeps the watchdog from
/// being fed until it goes on; after a while it is named, once a stall.
package struct LivenessJudge: Sendable {
    /// A loop that makes no progress.
    package struct Stall: Equatable, Sendable {
        package let loop: CriticalLoop
        /// For how long it has not been seen to make any.
        package let time: Duration

        package init(_ loop: CriticalLoop, _ time: Duration) {
            self.loop = loop
            self.time = time
        }
    }

    /// What is to be done.
    package struct Verdict: Equatable, Sendable {
        /// Whether the watchdog is to be fed.
        package var feeds = true
        /// All that stand still for longer than is usual, in the loops' order.
        package var stalls: [Stall] = []
        /// Those of them that did not at the last look.
        package var begun: [Stall] = []
        /// Those that did, and go on; with the time that they stood still.
        package var ended: [Stall] = []

        package init() {}
    }

    /// How long a loop may stand still before it is named.
    private let nameAfter: Duration
    /// A look comes this much later than the one before at most; what is longer, nobody could have used.
    private let longestGap: Duration
    private var fedTurns: [CriticalLoop: UInt64] = [:]
    private var seen: [CriticalLoop: (turns: UInt64, at: MonotonicTime)] = [:]
    private var named: Set<CriticalLoop> = []
    private var lastLook: MonotonicTime?

    /// - Parameters:
    ///   - nameAfter: how long a loop may stand still before it is named.
    ///   - longestGap: between two looks of a process that runs. What exceeds it was no time for the loops either: the
    ///     process was stopped, or the machine.
    package init(nameAfter: Duration, longestGap: Duration) {
        self.nameAfter = nameAfter
        self.longestGap = longestGap
    }

    /// - Parameter signs: of the loops that there are at present.
    package mutating func judge(_ signs: [CriticalLoop: LoopSign], at now: MonotonicTime) -> Verdict {
        let lost = lastLook.map { max(.zero, (now - $0) - longestGap) } ?? .zero
        lastLook = now
        var verdict = Verdict()
        seen = seen.filter { signs[$0.key] != nil }
        for (loop, sign) in signs.sorted(by: { $0.key < $1.key }) {
            let before = seen[loop]
            let isMoving = sign.isIdle || before == nil || before?.turns != sign.turns
            let stoodStill = before.map { max(.zero, now - ($0.at + lost)) } ?? .zero
            seen[loop] = isMoving ? (sign.turns, now) : before.map { ($0.turns, $0.at + lost) }
            let isAlive =
                isMoving || fedTurns[loop] != sign.turns || stoodStill < loop.patience
            if !isAlive { verdict.feeds = false }
            if isMoving {
                if named.remove(loop) != nil { verdict.ended.append(Stall(loop, stoodStill)) }
            } else if stoodStill >= max(nameAfter, loop.patience) {
                verdict.stalls.append(Stall(loop, stoodStill))
                if named.insert(loop).inserted { verdict.begun.append(Stall(loop, stoodStill)) }
            }
        }
        if verdict.feeds { fedTurns = signs.mapValues(\.turns) }
        return verdict
    }
}
