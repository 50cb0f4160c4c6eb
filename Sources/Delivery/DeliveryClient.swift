package import Cryptography
package import NIOCore
import NIOPosix
package import RelayCore

/// Steps 7 and 8 of an event's life: signs a delivery and POSTs it; whatever happens comes back as one outcome.
///
/// Confined to one event loop.
package final class DeliveryClient {
    private let loop: any EventLoop
    private let pool: ConnectionPool
    private let resolver: Resolver
    private var encoder: RequestEncoder

    package init(
        loop: any EventLoop, resolver: Resolver, verifier: CertificateVerifier, policy: AddressPolicy,
        proxy: EgressProxy? = nil, journal: JournalID
    ) throws {
        self.loop = loop
        self.resolver = resolver
        pool = ConnectionPool(
            loop: loop, resolver: resolver, tls: try TLSClient(verifier: verifier), policy: policy, proxy: proxy)
        encoder = RequestEncoder(journal: journal)
    }

    /// Told on the loop when there has been nothing to deliver for so long that no connection is left.
    package var onQuiet: (() -> Void)? {
        get { pool.onQuiet }
        set { pool.onQuiet = newValue }
    }

    /// Which addresses may be reached, and through which proxy, from the next connection on.
    package func use(_ policy: AddressPolicy, _ proxy: EgressProxy?) {
        pool.use(policy, proxy)
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
        loop.assertInEventLoop()
        let now = NIODeadline.now()
        pool.begin(
            Exchange(
                target: target, request: encoder.encode(event, for: target, at: wall), start: now,
                deadline: now + .nanoseconds(timeout.nanoseconds), completion: completion))
    }

    /// Breaks off all attempts, which count as none, and closes all connections.
    package func shutDown() {
        pool.abandonAll()
        resolver.close()
    }
}
