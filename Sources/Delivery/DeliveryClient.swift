package import NIOCore
package import RelayCore

/// Steps 7 and 8 of an event's life: signs deliveries and POSTs them; whatever happens to one comes back as one outcome.
///
/// Confined to its owner's loop. Attempts are made there, which costs no hand-over, and while there are more at a time also
/// on other loops: each goes where the fewest are on their way.
package final class DeliveryClient {
    private typealias Waiting = (request: DeliveryRequest, completion: (AttemptOutcome) -> Void)

    private let resolver: Resolver
    private let own: DeliverySender
    private var remotes: [RemoteSender] = []
    /// Attempts for this loop that have not begun.
    private var waiting: [Waiting] = []
    private var isGathering = false
    /// Told on the loop when there has been nothing to deliver for so long that connections have been closed for it.
    package var onQuiet: (() -> Void)?
    /// Told on the loop after each attempt that has begun here: what can't wait for the others may begin then.
    package var onStep: (() -> Void)?

    /// - Parameters:
    ///   - own: on the owner's loop.
    ///   - others: on other loops.
    ///   - resolver: the one that all of them use.
    package init(loop: any EventLoop, own: DeliverySender, others: [SenderHandle], resolver: Resolver) {
        self.own = own
        self.resolver = resolver
        own.onQuiet = { [weak self] in self?.noteQuiet() }
        remotes = others.map { RemoteSender($0, owner: loop) { [weak self] in self?.noteQuiet() } }
    }

    private func noteQuiet() {
        if own.inFlight == 0, remotes.allSatisfy({ $0.inFlight == 0 }) { onQuiet?() }
    }

    /// Which addresses may be reached, and through which proxy, from the next connection on.
    package func use(_ policy: AddressPolicy, _ proxy: EgressProxy?) {
        own.use(policy, proxy)
        for remote in remotes { remote.use(policy, proxy) }
    }

    /// Attempts a delivery.
    ///
    /// - Parameters:
    ///   - timeout: for all of it, the name's look-up and the reading of the answer included.
    ///   - wall: Unix milliseconds: `webhook-timestamp`, and which secrets sign.
    ///   - completion: called once on the loop, perhaps before this returns.
    package func attempt(
        _ event: EventRecord, for target: DeliveryTarget, timeout: Duration, wall: Int64,
        completion: @escaping (AttemptOutcome) -> Void
    ) {
        let request = DeliveryRequest(event: event, target: target, timeout: timeout, wall: wall)
        let here = own.inFlight + waiting.count
        if here >= Limits.attemptsHere, let remote = remotes.min(by: { $0.inFlight < $1.inFlight }),
            remote.inFlight < here
        {
            remote.attempt(request, completion: completion)
        } else {
            waiting.append((request, completion))
        }
        if !isGathering { flush() }
    }

    /// Lets the attempts that `body` makes begin together: those on other loops first, which need not wait for this one.
    package func together(_ body: () -> Void) {
        isGathering = true
        body()
        isGathering = false
        flush()
    }

    private func flush() {
        for remote in remotes { remote.flush() }
        guard !waiting.isEmpty else { return }
        let attempts = waiting
        waiting.removeAll(keepingCapacity: true)
        for (request, completion) in attempts {
            own.attempt(request, completion: completion)
            onStep?()
        }
    }

    /// Breaks off all attempts, which count as none, and closes all connections.
    ///
    /// - Parameter completion: called on the loop when all outcomes have been reported, perhaps before this returns.
    package func shutDown(completion: @escaping () -> Void) {
        flush()
        own.shutDown()
        resolver.close()
        var left = remotes.count
        guard left > 0 else { return completion() }
        for remote in remotes {
            remote.shutDown {
                left -= 1
                if left == 0 { completion() }
            }
        }
    }
}
