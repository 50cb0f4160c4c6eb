import Glibc
import NIOCore
import NIOPosix
import RelayCore

/// Connects to one of several addresses, all of which the address policy has allowed, as ``ConnectionRace`` says.
///
/// Confined to one event loop. Whatever wins or loses, at most one channel is left open.
final class Dialer {
    /// What came of it.
    enum Outcome {
        case connected(any Channel, IPAddress)
        /// Every address with what it failed of.
        case failed([(address: IPAddress, reason: String)])
        /// Descriptors or memory of this host have run out.
        case hostTrouble(String)
    }

    private let loop: any EventLoop
    private let port: UInt16
    private var race: ConnectionRace
    private let isWanted: () -> Bool
    private var completion: ((Outcome) -> Void)?
    private var connecting: [IPAddress: any Channel] = [:]
    private var failures: [(address: IPAddress, reason: String)] = []
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - addresses: where it may go, and nowhere else.
    ///   - time: for all of it.
    ///   - isWanted: asked before each step; when it is no longer so, everything is closed and nothing reported.
    ///   - completion: called once on the loop, later than this returns.
    init(
        loop: any EventLoop, addresses: [IPAddress], port: UInt16, time: Duration, isWanted: @escaping () -> Bool,
        completion: @escaping (Outcome) -> Void
    ) {
        self.loop = loop
        self.port = port
        self.isWanted = isWanted
        self.completion = completion
        race = ConnectionRace(addresses, time: time)
    }

    func start() { follow(race.start()) }

    private func follow(_ actions: [ConnectionRace.Action]) {
        for action in actions where completion != nil {
            switch action {
            case .connect(let address): connect(to: address)
            case .wait(let duration): wait(for: duration)
            case .giveUp: finish(.failed(failures))
            }
        }
    }

    private func wait(for duration: Duration) {
        timer?.cancel()
        timer = loop.assumeIsolated().scheduleTask(in: .nanoseconds(duration.nanoseconds)) { [self] in
            timer = nil
            guard isWanted() else { return abandon() }
            follow(race.timerFired())
        }
    }

    private func connect(to address: IPAddress) {
        let bound = NIOLoopBound(self, eventLoop: loop)
        let bootstrap = ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            // An answer is one read nearly always: a second one would only hear that there is no more.
            .channelOption(.maxMessagesPerRead, value: 1)
            .connectTimeout(.nanoseconds(race.attemptTime.nanoseconds))
            .channelInitializer { channel in
                // Kept so that a loser can be closed before it has connected.
                bound.value.connecting[address] = channel
                return channel.eventLoop.makeSucceededVoidFuture()
            }
        let future: EventLoopFuture<any Channel>
        do {
            future = bootstrap.connect(to: try address.socketAddress(port: port))
        } catch {
            return failed(address, "\(error)")
        }
        future.assumeIsolated().whenComplete { [self] result in
            connecting[address] = nil
            switch result {
            case .success(let channel): connected(channel, to: address)
            case .failure(let error): failed(address, error)
            }
        }
    }

    private func connected(_ channel: any Channel, to address: IPAddress) {
        guard completion != nil, isWanted() else {
            channel.close(promise: nil)
            return abandon()
        }
        // getpeername(2): what the kernel says it is connected to is what was judged, whatever a filter or a translator
        // on this host has made of the call. Without an answer the peer has gone already, and nothing can reach it.
        if let peer = channel.remoteAddress,
            IPAddress(peer)?.unmapped != address.unmapped || peer.port != Int(port)
        {
            channel.close(promise: nil)
            return failed(address, "the connection leads to another address")
        }
        finish(.connected(channel, address))
    }

    private func failed(_ address: IPAddress, _ error: any Error) {
        if let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) {
            return finish(.hostTrouble(Self.describe(error)))
        }
        failed(address, Self.describe(error))
    }

    private func failed(_ address: IPAddress, _ reason: String) {
        guard completion != nil else { return }
        guard isWanted() else { return abandon() }
        failures.append((address, reason))
        follow(race.failed())
    }

    private func abandon() {
        completion = nil
        closeAll()
    }

    private func finish(_ outcome: Outcome) {
        guard let completion else { return }
        self.completion = nil
        closeAll()
        completion(outcome)
    }

    private func closeAll() {
        timer?.cancel()
        timer = nil
        // Their futures fail, which nobody waits for any more.
        for channel in connecting.values { channel.close(promise: nil) }
        connecting.removeAll()
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case ChannelError.connectTimeout: return "no answer to the connection attempt"
        case let error as IOError:
            // NIO's text names the call; the reason alone reads better.
            return String(cString: strerror(error.errnoCode)).lowercased()
        default: return "\(error)"
        }
    }
}
