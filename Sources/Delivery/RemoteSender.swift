package import NIOCore
import RelayCore

/// Reaches a sender that has a loop of its own.
package struct SenderHandle: Sendable {
    package let loop: any EventLoop
    private let desk: NIOLoopBound<SenderDesk>

    /// To be made on the sender's loop.
    package init(_ sender: DeliverySender, loop: any EventLoop) {
        self.loop = loop
        desk = NIOLoopBound(SenderDesk(sender, loop: loop), eventLoop: loop)
    }

    fileprivate func tell(_ body: @escaping @Sendable (SenderDesk) -> Void) {
        loop.execute { [desk] in body(desk.value) }
    }
}

private struct Job: Sendable {
    let request: DeliveryRequest
    /// What waits for the outcome.
    let slot: Int
}

private struct Answer: Sendable {
    let slot: Int
    let outcome: AttemptOutcome
}

/// The end of the way at the sender: takes attempts, and gives outcomes back when the loop has seen to all that is ready,
/// since they come many at a time.
private final class SenderDesk {
    let sender: DeliverySender
    private let loop: any EventLoop
    private var answers: [Answer] = []
    private var isReturnDue = false
    var onAnswers: (([Answer]) -> Void)?

    init(_ sender: DeliverySender, loop: any EventLoop) {
        self.sender = sender
        self.loop = loop
    }

    func begin(_ jobs: [Job]) {
        for job in jobs {
            sender.attempt(job.request) { [self] outcome in
                answers.append(Answer(slot: job.slot, outcome: outcome))
                armReturn()
            }
        }
    }

    private func armReturn() {
        guard !isReturnDue else { return }
        isReturnDue = true
        loop.assumeIsolated().execute { [self] in
            isReturnDue = false
            giveBack()
        }
    }

    /// Gives back what is known.
    func giveBack() {
        guard !answers.isEmpty else { return }
        let known = answers
        answers = []
        answers.reserveCapacity(known.count)
        onAnswers?(known)
    }
}

/// The end of the way at the owner of attempts: they go to a sender on another loop, and outcomes come back, many at a time.
///
/// Confined to the owner's loop.
final class RemoteSender {
    private let owner: any EventLoop
    private let handle: SenderHandle
    private var outbox: [Job] = []
    private var completions: [((AttemptOutcome) -> Void)?] = []
    private var freeSlots: [Int] = []
    /// Attempts whose outcomes are not known here.
    private(set) var inFlight = 0

    /// - Parameter onQuiet: called on the owner's loop when the sender's last connection has been closed for its age.
    init(_ handle: SenderHandle, owner: any EventLoop, onQuiet: @escaping () -> Void) {
        self.handle = handle
        self.owner = owner
        let bound = NIOLoopBound((self, onQuiet), eventLoop: owner)
        handle.tell { [owner] desk in
            desk.onAnswers = { answers in owner.execute { bound.value.0.take(answers) } }
            desk.sender.onQuiet = { owner.execute { bound.value.1() } }
        }
    }

    /// Takes an attempt, which begins after the next ``flush()``.
    func attempt(_ request: DeliveryRequest, completion: @escaping (AttemptOutcome) -> Void) {
        inFlight += 1
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            completions[slot] = completion
        } else {
            slot = completions.count
            completions.append(completion)
        }
        outbox.append(Job(request: request, slot: slot))
    }

    /// Hands over what was taken.
    func flush() {
        guard !outbox.isEmpty else { return }
        let jobs = outbox
        outbox = []
        outbox.reserveCapacity(jobs.count)
        handle.tell { $0.begin(jobs) }
    }

    private func take(_ answers: [Answer]) {
        for answer in answers {
            // Answered once: the sender sees to that.
            guard let completion = completions[answer.slot] else { continue }
            completions[answer.slot] = nil
            freeSlots.append(answer.slot)
            inFlight -= 1
            completion(answer.outcome)
        }
    }

    func use(_ policy: AddressPolicy, _ proxy: EgressProxy?) {
        handle.tell { $0.sender.use(policy, proxy) }
    }

    /// Breaks off all attempts.
    ///
    /// - Parameter completion: called when all outcomes are known.
    func shutDown(completion: @escaping () -> Void) {
        flush()
        let bound = NIOLoopBound(completion, eventLoop: owner)
        handle.tell { [owner] desk in
            desk.sender.shutDown()
            desk.giveBack()
            desk.onAnswers = nil
            owner.execute { bound.value() }
        }
    }
}
