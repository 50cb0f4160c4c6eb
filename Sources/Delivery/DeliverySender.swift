package import Cryptography
package import NIOCore
package import RelayCore

/// Signs deliveries and POSTs them over its own connections.
///
/// Confined to one event loop.
package final class DeliverySender {
    private let loop: any EventLoop
    private let pool: ConnectionPool
    private var encoder: RequestEncoder

    /// - Parameter shared: with the senders on other loops.
    package init(
        loop: any EventLoop, resolver: Resolver, verifier: CertificateVerifier, policy: AddressPolicy,
        proxy: EgressProxy? = nil, journal: JournalID, shared: SharedLimits = SharedLimits()
    ) throws {
        self.loop = loop
        pool = ConnectionPool(
            loop: loop, resolver: resolver, tls: try TLSClient(verifier: verifier), policy: policy, proxy: proxy,
            shared: shared)
        encoder = RequestEncoder(journal: journal)
    }

    /// Told on the loop when there has been nothing to deliver for so long that no connection is left.
    var onQuiet: (() -> Void)? {
        get { pool.onQuiet }
        set { pool.onQuiet = newValue }
    }

    /// Attempts that are not over, or whose answers are still being read.
    var inFlight: Int { pool.inFlight }

    /// Which addresses may be reached, and through which proxy, from the next connection on.
    func use(_ policy: AddressPolicy, _ proxy: EgressProxy?) {
        pool.use(policy, proxy)
    }

    /// Attempts a delivery.
    ///
    /// - Parameter completion: called once on the loop, perhaps before this returns.
    func attempt(_ request: DeliveryRequest, completion: @escaping (AttemptOutcome) -> Void) {
        loop.assertInEventLoop()
        let now = NIODeadline.now()
        pool.begin(
            Exchange(
                target: request.target,
                request: encoder.encode(request.event, for: request.target, at: request.wall), start: now,
                deadline: now + .nanoseconds(request.timeout.nanoseconds), completion: completion))
    }

    /// Breaks off all attempts, which count as none, and closes all connections.
    func shutDown() {
        pool.abandonAll()
    }
}

/// What is to be delivered, to whom.
struct DeliveryRequest: Sendable {
    let event: EventRecord
    let target: DeliveryTarget
    /// For all of it, the name's look-up and the reading of the answer included.
    let timeout: Duration
    /// Unix milliseconds: `webhook-timestamp`, and which secrets sign.
    let wall: Int64
}
