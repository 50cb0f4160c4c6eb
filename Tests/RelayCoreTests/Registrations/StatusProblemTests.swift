import RelayCore
import Testing

@Suite struct StatusProblemTests {
    private let now: Int64 = 1_777_732_330_000

    private func status(_ change: (inout RelayStatus) -> Void) -> [StatusProblem] {
        var status = RelayStatus()
        status.isReady = true
        status.startedAt = now - 60_000
        status.journalMaxBytes = 1_000_000
        change(&status)
        return status.problems(at: now)
    }

    @Test func allIsWell() {
        #expect(status { _ in } == [])
        // What is quite usual.
        #expect(
            status {
                ($0.pending, $0.oldestPendingAt, $0.damagedRecords, $0.paused) = (5, now - 3_599_999, 1, 1)
                $0.lastRefusal = RelayStatus.Refusal(code: .invalidJSON, at: now - 600_000)
                $0.journalBytes = 950_000
            } == [])
    }

    @Test func trouble() {
        let problem = status {
            ($0.isReady, $0.trouble, $0.troubleSince) = (false, "the journal can't be written: no space", now - 5_000)
        }
        #expect(problem.map(\.kind) == [.notReady])
        #expect(problem[0].message == "Events are refused or wait: the journal can't be written: no space.")
        #expect(problem[0].since == now - 5_000)
        #expect(problem[0].command.hasPrefix("journalctl"))
        #expect(status { $0.isReady = false }.map(\.message) == ["The daemon is starting or stopping."])
    }

    @Test func paused() {
        let problem = status { ($0.isPaused, $0.pausedSince, $0.pending) = (true, now - 9, 1) }
        #expect(problem.map(\.message) == ["All deliveries are paused: 1 delivery waits."])
        #expect(problem[0].command == "hookline resume")
        #expect(problem[0].since == now - 9)
    }

    @Test(arguments: [
        (3_600_000, 0, 0, RefusalCode?.none, [StatusProblem.Kind.backlogOld]),
        (0, 950_001, 0, nil, [.journalNearBound]), (0, 0, 2, nil, [.journalDamaged]),
        (0, 0, 0, .forbidden, [.eventsRefused]), (0, 0, 0, .backlogFull, [.eventsRefused]),
        (4_000_000, 999_999, 1, .invalidJSON, [.backlogOld, .journalNearBound, .journalDamaged, .eventsRefused]),
    ])
    func bounds(
        age: Int64, bytes: Int64, damaged: Int, refusal: RefusalCode?, expected: [StatusProblem.Kind]
    ) {
        let problems = status {
            if age > 0 { ($0.pending, $0.oldestPendingAt) = (3, now - age) }
            ($0.journalBytes, $0.damagedByDisk) = (bytes, damaged)
            if let refusal { $0.lastRefusal = RelayStatus.Refusal(code: refusal, at: now - 599_999) }
            $0.refused = 12
        }
        #expect(problems.map(\.kind) == expected)
        for problem in problems {
            #expect(problem.message.hasSuffix("."))
            #expect(!problem.command.isEmpty)
            #expect(!problem.purpose.hasSuffix("."))
        }
    }
}
