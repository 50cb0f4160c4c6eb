import RelayCore
import Storage
import Synchronization
import Testing

@testable import Relay

@Suite("More time for a start that makes progress")
struct StartProgressTests {
    private final class Manager: Sendable {
        let now = Mutex(MonotonicTime(nanoseconds: 5_000_000_000))
        let messages = Mutex<[String]>([])

        func pass(_ time: Duration) { now.withLock { $0 = $0 + time } }
    }

    @Test("the first word after a second, and one a second at most, however many steps there are")
    func pace() {
        let manager = Manager()
        let progress = StartProgress(
            now: { manager.now.withLock { $0 } },
            send: { time, status in manager.messages.withLock { $0.append("\(time): \(status)") } })
        for segment in 1...50 {
            for _ in 0..<10 {
                progress.note(.reading(segment: segment, of: 50))
                manager.pass(.milliseconds(10))
            }
        }
        // 5 s of steps.
        #expect(
            manager.messages.withLock { $0 }
                == [11, 21, 31, 41].map {
                    "30.0 seconds: starting: reading the journal: segment \($0) of 50"
                })
    }

    @Test("time alone is no progress: nothing is sent without a step")
    func silence() {
        let manager = Manager()
        let progress = StartProgress(
            now: { manager.now.withLock { $0 } }, send: { _, _ in manager.messages.withLock { $0.append("") } })
        manager.pass(.seconds(3_600))
        #expect(manager.messages.withLock { $0.isEmpty })
        progress.note(.resolving)
        #expect(manager.messages.withLock { $0.count } == 1)
    }

    @Test("steps say how far it is")
    func texts() {
        #expect("\(RecoveryStep.reading(segment: 12, of: 160))" == "reading the journal: segment 12 of 160")
        #expect(
            "\(RecoveryStep.searching(segment: 160, of: 160))"
                == "looking for the journal's last checkpoint: segment 160 of 160")
    }
}
