import Dispatch
import Ingest
import Logging
import RelayCore
import Synchronization
import Testing

@Suite("Events that the relay makes itself", .serialized)
struct OperationalEventTests {
    private static let event = OperationalEvent(
        kind: .failing, tenant: "acme", webhookID: "wh_1", reason: "HTTP 500", count: 5, eventID: nil)

    /// What comes of an event; nil: nothing within five seconds.
    private static func outcome(_ loop: IngestLoop) -> Bool? {
        let answer = Mutex<Bool?>(nil)
        let answered = DispatchSemaphore(value: 0)
        loop.emit(event) { isDone in
            answer.withLock { $0 = isDone }
            answered.signal()
        }
        guard answered.wait(timeout: .now() + .seconds(5)) == .success else { return nil }
        return answer.withLock { $0 }
    }

    @Test("one that no webhook wants is done at once")
    func unwanted() throws {
        try Listener.run { #expect(Self.outcome($0.loop) == true) }
    }

    @Test("nobody waits for a loop that has ended")
    func ended() throws {
        try Listener.run { listener in
            listener.stop()
            #expect(Self.outcome(listener.loop) == false)
        }
    }

    @Test("nobody waits for a loop that never runs, whether it was asked before that was known or after")
    func neverRun() {
        let loop = IngestLoop(store: MemoryStore(), wall: { 0 }, logger: Logger(label: "test"))
        let answers = Mutex<[Bool]>([])
        loop.emit(Self.event) { isDone in answers.withLock { $0.append(isDone) } }
        loop.end()
        #expect(answers.withLock { $0 } == [false])
        #expect(Self.outcome(loop) == false)
    }
}
