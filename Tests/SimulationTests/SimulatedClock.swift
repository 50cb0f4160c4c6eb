import RelayCore

/// Both clocks of the simulated host: the wall clock may jump.
final class SimulatedClock: @unchecked Sendable {
    // One thread uses it.
    private(set) var now = MonotonicTime(nanoseconds: 0)
    private(set) var wall: Int64 = 1_777_000_000_000
    /// When the wall clock jumped last.
    private(set) var jumpedAt = MonotonicTime(nanoseconds: -1)

    func advance(by duration: Duration) {
        now = now + duration
        wall = 1_777_000_000_000 + offset + now.nanoseconds / 1_000_000
    }

    func jump(by milliseconds: Int64) {
        offset += milliseconds
        jumpedAt = now
        advance(by: .zero)
    }

    private var offset: Int64 = 0
}

/// What one part of the relay tells another one: done later, in order.
final class Inbox: @unchecked Sendable {
    // One thread uses it.
    private var messages: [() -> Void] = []

    var isEmpty: Bool { messages.isEmpty }
    func post(_ message: @escaping () -> Void) { messages.append(message) }

    /// Forgets what was told, and does something else for each of it.
    func drain(_ body: () -> Void) {
        for _ in messages { body() }
        messages = []
    }

    /// Does some of what was told, the oldest first.
    func work(atMost count: Int = .max) {
        for _ in 0..<min(count, 1_000) where !messages.isEmpty { messages.removeFirst()() }
    }
}
