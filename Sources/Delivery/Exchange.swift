import NIOCore
import RelayCore

/// One attempt on its way: from the wish to deliver to exactly one outcome.
final class Exchange {
    /// What it waits for: named when the time is up.
    enum Phase {
        case resolving, connecting, proxy, handshake, response
        /// The answer has begun.
        case answer
    }

    let target: DeliveryTarget
    let request: ByteBuffer
    let start: NIODeadline
    let deadline: NIODeadline
    private(set) var phase = Phase.resolving
    /// Since when; nil: it has not begun with anything.
    private var phaseStart: NIODeadline?
    private var phases = AttemptPhases()
    /// Where it stands in the list of those whose deadlines are watched.
    var index = 0
    /// Whether a kept connection has turned out closed for it: the next one is new.
    var mustBeNew = false
    var connection: ReceiverConnection?
    /// What will become its connection, once the proxy and TLS have agreed.
    var channel: (any Channel)?
    private var completion: ((AttemptOutcome) -> Void)?

    init(
        target: DeliveryTarget, request: ByteBuffer, start: NIODeadline, deadline: NIODeadline,
        completion: @escaping (AttemptOutcome) -> Void
    ) {
        self.target = target
        self.request = request
        self.start = start
        self.deadline = deadline
        self.completion = completion
    }

    /// Goes on to the next step.
    func enter(_ next: Phase) {
        let now = NIODeadline.now()
        note(until: now)
        phase = next
        phaseStart = now
    }

    private func note(until now: NIODeadline) {
        guard let phaseStart else { return }
        let time = Duration.nanoseconds((now - phaseStart).nanoseconds)
        switch phase {
        case .resolving: phases.resolve = (phases.resolve ?? .zero) + time
        case .connecting, .proxy: phases.connect = (phases.connect ?? .zero) + time
        case .handshake: phases.tls = (phases.tls ?? .zero) + time
        case .response: phases.firstByte = (phases.firstByte ?? .zero) + time
        case .answer: break
        }
    }

    var isOver: Bool { completion == nil }

    /// Reports the outcome; what comes after the first one is not reported.
    func finish(_ result: AttemptOutcome.Result, status: UInt16? = nil, wish: AttemptOutcome.Wish? = nil) {
        guard let completion else { return }
        self.completion = nil
        let now = NIODeadline.now()
        if case .failed = result { note(until: now) }
        completion(
            AttemptOutcome(
                result, status: status, duration: .nanoseconds((now - start).nanoseconds), wish: wish, phases: phases))
    }

    func fail(_ kind: AttemptFailure.Kind, _ reason: String) {
        fail(AttemptFailure(kind, reason))
    }

    func fail(_ failure: AttemptFailure) {
        finish(.failed(failure))
    }

    /// Lets go of whatever it has on the way.
    ///
    /// - Parameter close: called with its connection, if there is one by now.
    func letGo(_ close: (ReceiverConnection) -> Void) {
        let (connection, channel) = (connection, channel)
        self.connection = nil
        self.channel = nil
        if let connection { close(connection) }
        channel?.close(promise: nil)
    }
}
