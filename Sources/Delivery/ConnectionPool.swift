import DequeModule
import NIOCore
import RelayCore

/// Connections to receivers, kept open between deliveries; confined to one event loop.
///
/// Resolve, judge every address, connect to the judged ones in turn, TLS with the host's name, one request, and back. With a
/// proxy: connect to that, a tunnel, and on from TLS.
final class ConnectionPool {
    private let loop: any EventLoop
    private let resolver: Resolver
    private let tls: TLSClient
    /// What it shares with the pools of other loops.
    private let shared: SharedLimits
    /// Which addresses may be reached. Connections that were made under another policy are not used again.
    private(set) var policy: AddressPolicy
    private(set) var proxy: EgressProxy?
    private(set) var policyVersion = 0
    private var idle: [Origin: Deque<ReceiverConnection>] = [:]
    private var idleCount = 0
    /// With the number of the request that was answered: most have had another one since they came in here.
    private var lingering = Deque<(ReceiverConnection, UInt64)>()
    /// Attempts that are not over, or whose answers are still being read.
    private var exchanges: [Exchange] = []
    private var sweep: RepeatedTask?
    private var isEndingLateAttempts = false
    private var idleSweep: RepeatedTask?
    private var isTrimmingArmed = false
    /// Told when the last idle connection has been closed for its age.
    var onQuiet: (() -> Void)?

    private static let connectionAge = TimeAmount.nanoseconds(Limits.connectionAge.nanoseconds)

    /// How often deadlines are looked at while there are any.
    private static let sweepInterval = TimeAmount.milliseconds(20)

    init(
        loop: any EventLoop, resolver: Resolver, tls: TLSClient, policy: AddressPolicy, proxy: EgressProxy?,
        shared: SharedLimits
    ) {
        self.loop = loop
        self.resolver = resolver
        self.tls = tls
        self.policy = policy
        self.proxy = proxy
        self.shared = shared
    }

    /// Takes changed settings over.
    func use(_ policy: AddressPolicy, _ proxy: EgressProxy?) {
        self.policy = policy
        self.proxy = proxy
        policyVersion += 1
        closeAllIdle()
    }

    // MARK: Attempts

    var inFlight: Int { exchanges.count }

    /// Begins an attempt; its exchange hears of the outcome.
    func begin(_ exchange: Exchange) {
        exchange.index = exchanges.count
        exchanges.append(exchange)
        if sweep == nil { startSweep() }
        start(exchange)
    }

    /// Sends the attempt over a kept connection, or makes a new one.
    func start(_ exchange: Exchange) {
        guard !exchange.isOver else { return ended(exchange) }
        if !exchange.mustBeNew, let connection = takeIdle(exchange.target.origin) {
            connection.send(exchange, isReused: true)
            return
        }
        resolve(exchange)
    }

    /// An attempt is over and its connection has nothing more to read for it.
    func ended(_ exchange: Exchange) {
        guard exchange.index < exchanges.count, exchanges[exchange.index] === exchange else { return }
        let last = exchanges.removeLast()
        if last !== exchange {
            exchanges[exchange.index] = last
            last.index = exchange.index
        }
        if exchanges.isEmpty {
            sweep?.cancel()
            sweep = nil
        }
    }

    private func startSweep() {
        let bound = NIOLoopBound(self, eventLoop: loop)
        sweep = loop.scheduleRepeatedTask(initialDelay: Self.sweepInterval, delay: Self.sweepInterval) { _ in
            bound.value.endLateAttempts()
        }
    }

    private func endLateAttempts() {
        guard !isEndingLateAttempts else { return }
        let now = NIODeadline.now()
        // When hundreds of receivers hang their attempts end at the same moment.
        let late = exchanges.filter { $0.deadline <= now }
        let atOnce = Pace.atOnce(of: late.count)
        for exchange in late.prefix(atOnce) {
            let seconds = Double((exchange.deadline - exchange.start).nanoseconds / 1_000_000) / 1000
            // What a head has said counts; a connection that is not there yet says nothing better than that.
            exchange.connection?.timeIsUp()
            exchange.fail(.timeout, "no answer within \(seconds) s: it ran out while \(exchange.phase.waiting)")
            exchange.letGo { $0.close() }
            ended(exchange)
        }
        guard late.count > atOnce else { return }
        isEndingLateAttempts = true
        loop.assumeIsolated().scheduleTask(in: Pace.pause) { [self] in
            isEndingLateAttempts = false
            endLateAttempts()
        }
    }

    /// Ends all attempts: they count as none.
    func abandonAll() {
        for exchange in exchanges {
            exchange.finish(.abandoned)
            exchange.letGo { $0.close() }
        }
        exchanges.removeAll()
        sweep?.cancel()
        sweep = nil
        closeAllIdle()
    }

    private func closeAllIdle() {
        idleSweep?.cancel()
        idleSweep = nil
        for connections in idle.values { for connection in connections { connection.close() } }
        idle.removeAll()
        idleCount = 0
    }

    // MARK: Idle connections

    /// Keeps a connection for the next attempt to the same origin.
    func release(_ connection: ReceiverConnection) {
        guard connection.policyVersion == policyVersion, .now() - connection.madeAt < Self.connectionAge else {
            return connection.close()
        }
        idle[connection.origin, default: Deque()].append(connection)
        idleCount += 1
        if idleSweep == nil { startIdleSweep() }
        if idle[connection.origin]?.count ?? 0 > shared.idleMax { armTrimming() }
    }

    /// More are idle at an origin than are kept: those go that nobody wants before long. Outcomes come many at a time, and
    /// the next attempts after them.
    private func armTrimming() {
        guard !isTrimmingArmed else { return }
        isTrimmingArmed = true
        loop.assumeIsolated().scheduleTask(in: .nanoseconds(Limits.idleBeyondTime.nanoseconds)) { [self] in
            isTrimmingArmed = false
            trim()
        }
    }

    private func trim() {
        let limit = NIODeadline.now() - .nanoseconds(Limits.idleBeyondTime.nanoseconds)
        for origin in idle.keys {
            while let count = idle[origin]?.count, count > shared.idleMax {
                guard let oldest = idle[origin]?.first, oldest.idleSince < limit else {
                    armTrimming()
                    break
                }
                idle[origin]?.removeFirst()
                idleCount -= 1
                oldest.close()
            }
        }
    }

    /// An idle connection was closed by its receiver.
    func removeIdle(_ connection: ReceiverConnection) {
        guard let index = idle[connection.origin]?.firstIndex(where: { $0 === connection }) else { return }
        idle[connection.origin]?.remove(at: index)
        idleCount -= 1
        if idle[connection.origin]?.isEmpty == true { idle[connection.origin] = nil }
    }

    /// The one used last: the others may go when there is less to do.
    private func takeIdle(_ origin: Origin) -> ReceiverConnection? {
        guard let connection = idle[origin]?.popLast() else { return nil }
        idleCount -= 1
        return connection
    }

    private func startIdleSweep() {
        let bound = NIOLoopBound(self, eventLoop: loop)
        let interval = TimeAmount.nanoseconds(Limits.idleConnectionTime.nanoseconds / 4)
        idleSweep = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            bound.value.closeOldIdle()
        }
    }

    private func closeOldIdle() {
        let limit = NIODeadline.now() - .nanoseconds(Limits.idleConnectionTime.nanoseconds)
        for (origin, connections) in idle {
            let old = connections.filter { $0.idleSince < limit }
            guard !old.isEmpty else { continue }
            let kept = connections.filter { $0.idleSince >= limit }
            idle[origin] = kept.isEmpty ? nil : kept
            idleCount -= old.count
            for connection in old { connection.close() }
        }
        if idleCount == 0 {
            idleSweep?.cancel()
            idleSweep = nil
            if exchanges.isEmpty { onQuiet?() }
        }
    }

    /// The rest of an answer is read on a connection although its outcome is known.
    func lingers(_ connection: ReceiverConnection) {
        lingering.append((connection, connection.requests))
        shared.addLingering(1)
        while shared.hasTooManyLingering || lingering.count > Limits.lingeringConnections,
            let (oldest, request) = lingering.popFirst()
        {
            oldest.stopLingering(over: request)
        }
    }

    /// It has been read, or will not be.
    func lingersNoMore() {
        shared.addLingering(-1)
    }

    // MARK: New connections

    private func resolve(_ exchange: Exchange) {
        if proxy != nil, let refusal = policy.refusalThroughProxy(of: exchange.target) {
            exchange.fail(.forbidden, refusal)
            return ended(exchange)
        }
        switch proxy?.host ?? exchange.target.url.host {
        case .address(let address):
            connect(exchange, to: [address])
        case .name(let name):
            exchange.enter(.resolving)
            let bound = NIOLoopBound((self, exchange), eventLoop: loop)
            resolver.resolve(name) { [loop] answer in
                loop.execute {
                    let (pool, exchange) = bound.value
                    switch answer {
                    case .failed(let reason):
                        exchange.fail(
                            pool.proxy == nil ? .resolve : .host,
                            "the \(pool.proxy == nil ? "" : "proxy's ")name \(name) can't be resolved: \(reason)")
                        pool.ended(exchange)
                    case .addresses(let addresses):
                        pool.connect(exchange, to: addresses)
                    }
                }
            }
        }
    }

    private func connect(_ exchange: Exchange, to addresses: [IPAddress]) {
        guard !exchange.isOver else { return ended(exchange) }
        // One address that is not allowed is enough: the name's owner could have any of them connected to. Where the proxy
        // is the administrator has said.
        for address in addresses where proxy == nil {
            if let refusal = refusal(of: address, for: exchange.target) {
                exchange.finish(.failed(refusal))
                return ended(exchange)
            }
        }
        exchange.enter(.connecting)
        let left = Duration.nanoseconds((exchange.deadline - NIODeadline.now()).nanoseconds)
        let dialer = Dialer(
            loop: loop, addresses: addresses, port: proxy?.port ?? exchange.target.url.port, time: left,
            isWanted: { !exchange.isOver }, completion: { [self] outcome in dialed(exchange, outcome) })
        dialer.start()
    }

    private func dialed(_ exchange: Exchange, _ outcome: Dialer.Outcome) {
        switch outcome {
        case .connected(let channel, let address):
            // The policy may have changed since the address was judged.
            if proxy == nil, let refusal = refusal(of: address, for: exchange.target) {
                channel.close(promise: nil)
                exchange.finish(.failed(refusal))
                return ended(exchange)
            }
            connected(exchange, channel)
        case .failed(let failures):
            if let proxy {
                let reasons = failures.map { "\($0.address) port \(proxy.port): \($0.reason)" }
                exchange.fail(.host, "the proxy can't be reached: \(reasons.joined(separator: "; "))")
            } else {
                exchange.finish(.failed(.connect(failures, to: exchange.target.url)))
            }
            ended(exchange)
        case .hostTrouble(let reason):
            exchange.fail(.host, "no connection can be made here: \(reason)")
            ended(exchange)
        }
    }

    private func refusal(of address: IPAddress, for target: DeliveryTarget) -> AttemptFailure? {
        let verdict = policy.verdict(
            for: address, port: target.url.port, isHTTPS: target.url.scheme == .https, tenant: target.tenant,
            madeByAdministrator: target.madeByAdministrator)
        return AttemptFailure(verdict, of: address, for: target.url)
    }

    private func connected(_ exchange: Exchange, _ channel: any Channel) {
        guard !exchange.isOver else {
            channel.close(promise: nil)
            return ended(exchange)
        }
        // Closed with the attempt, should its time run out before there is a connection.
        exchange.channel = channel
        guard let proxy else { return secure(exchange, channel) }
        exchange.enter(.proxy)
        let bound = NIOLoopBound((self, exchange, channel), eventLoop: loop)
        let tunnel = ProxyTunnel(proxy, to: exchange.target.url) { failure in
            let (pool, exchange, channel) = bound.value
            if let failure { exchange.fail(failure) }
            pool.secure(exchange, channel)
        }
        pass(exchange, channel) { try channel.pipeline.syncOperations.addHandler(tunnel) }
    }

    private func secure(_ exchange: Exchange, _ channel: any Channel) {
        pass(exchange, channel) {
            guard exchange.target.url.scheme == .https else { return try ready(exchange, channel) }
            exchange.enter(.handshake)
            let bound = NIOLoopBound((self, exchange, channel), eventLoop: loop)
            try tls.start(on: channel, to: exchange.target.origin) { failure in
                let (pool, exchange, channel) = bound.value
                if let failure { exchange.fail(.tls, failure) }
                pool.pass(exchange, channel) { try pool.ready(exchange, channel) }
            }
        }
    }

    /// Takes the next step towards a connection, unless the attempt is over.
    private func pass(_ exchange: Exchange, _ channel: any Channel, _ step: () throws -> Void) {
        if !exchange.isOver {
            do {
                return try step()
            } catch {
                // What can't be set up here, or a channel that was closed meanwhile.
                exchange.fail(.connect, "the connection can't be set up: \(error)")
            }
        }
        exchange.channel = nil
        channel.close(promise: nil)
        ended(exchange)
    }

    private func ready(_ exchange: Exchange, _ channel: any Channel) throws {
        let connection = ReceiverConnection(origin: exchange.target.origin, pool: self)
        try channel.pipeline.syncOperations.addHandler(connection)
        exchange.channel = nil
        connection.send(exchange, isReused: false)
    }
}

extension Exchange.Phase {
    fileprivate var waiting: String {
        switch self {
        case .resolving: "resolving the name"
        case .connecting: "connecting"
        case .proxy: "waiting for the proxy"
        case .handshake: "in the TLS handshake"
        case .response, .answer: "waiting for the response"
        }
    }
}
