import Cryptography
import Foundation
import NIOCore
import NIOPosix
import RelayCore
import Synchronization
import Testing

@testable import Delivery

/// Attempts that are spread over several event loops, against a receiver on the loopback interface.
@Suite("Delivery client", .serialized)
struct DeliveryClientTests {
    /// Enough for other loops to have some.
    private static let count = Limits.attemptsHere + 64

    /// Answers each request with 204, or not at all.
    private final class Receiver: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answers: Bool
        private let connections: Mutex<Int>

        init(answers: Bool) {
            self.answers = answers
            connections = Mutex(0)
        }

        var connectionCount: Int { connections.withLock { $0 } }

        func channelActive(context: ChannelHandlerContext) {
            connections.withLock { $0 += 1 }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            // A request of less than a kilobyte comes in one piece over the loopback interface.
            guard answers, unwrapInboundIn(data).readableBytesView.starts(with: "POST ".utf8) else { return }
            context.writeAndFlush(
                wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 204 No Content\r\n\r\n")), promise: nil)
        }
    }

    /// What became of attempts, counted on the client's loop.
    private final class Tally {
        var delivered = 0
        var abandoned = 0
        var failures: [String] = []
        var isShutDown = false

        var count: Int { delivered + abandoned + failures.count }
    }

    /// Lets a client with as many loops beside its own make attempts at a receiver; returns what the body makes of it.
    private static func run(
        others: Int, answers: Bool, count: Int, timeout: Duration = .seconds(20), policy changed: AddressPolicy? = nil,
        then body: @escaping @Sendable (DeliveryClient, Tally) -> Void = { _, _ in },
        until isDone: @escaping @Sendable (Tally) -> Bool
    ) async throws -> (delivered: Int, abandoned: Int, failures: [String], connections: Int) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2 + others)
        let lookUps = NIOThreadPool(numberOfThreads: 1)
        lookUps.start()
        let receiver = Receiver(answers: answers)
        let server = try await ServerBootstrap(group: group.next())
            .serverChannelOption(.backlog, value: 512)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(receiver) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let loop = group.next()
        let policy = AddressPolicy(allow: [try EgressRule("127.0.0.1/32")], requireHTTPS: false)
        let resolver = Resolver(threads: lookUps)
        let verifier = try CertificateVerifier(authorities: "")
        @Sendable func sender(_ loop: any EventLoop) throws -> DeliverySender {
            try DeliverySender(
                loop: loop, resolver: resolver, verifier: verifier, policy: policy, journal: JournalID(high: 1, low: 2))
        }
        var handles: [SenderHandle] = []
        for _ in 0..<others {
            let other = group.next()
            handles.append(try await other.submit { SenderHandle(try sender(other), loop: other) }.get())
        }
        let secret = WebhookSecret(randomBytes: [UInt8](repeating: 3, count: 32))
        let target = DeliveryTarget(
            Webhook(
                number: 1, id: "wh_1", tenant: "acme", url: try WebhookURL("http://127.0.0.1:\(port)/"), patterns: [],
                secret: secret.text, createdAt: 0), secret: secret, signatureHeader: "X-Signature", userAgent: "test")
        let events = try (0..<count).map {
            try EventFixture.event(UInt64($0 + 1), type: "job.created", tenant: "acme", data: "{}")
        }
        let bound = try await loop.submit { [handles] in
            let client = DeliveryClient(loop: loop, own: try sender(loop), others: handles, resolver: resolver)
            let tally = Tally()
            if let changed { client.use(changed, nil) }
            client.together {
                for event in events {
                    client.attempt(event, for: target, timeout: timeout, wall: 0) { outcome in
                        switch outcome.result {
                        case .delivered: tally.delivered += 1
                        case .abandoned: tally.abandoned += 1
                        case .failed(let failure): tally.failures.append(failure.reason)
                        }
                    }
                }
            }
            body(client, tally)
            return NIOLoopBound((client, tally), eventLoop: loop)
        }.get()
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !loop.submit({ isDone(bound.value.1) }).get(), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
        let result = try await loop.submit {
            let tally = bound.value.1
            return (tally.delivered, tally.abandoned, tally.failures)
        }.get()
        try await server.close()
        try await group.shutdownGracefully()
        try await lookUps.shutdownGracefully()
        return (result.0, result.1, result.2, receiver.connectionCount)
    }

    @Test("every attempt has one outcome, whichever loop made it", arguments: [0, 1, 3])
    func all(others: Int) async throws {
        let count = Self.count
        let result = try await Self.run(others: others, answers: true, count: count) { $0.count >= count }
        #expect(result.delivered == count, "\(result.failures.prefix(3))")
        #expect(result.connections == count)
    }

    @Test("attempts whose time is up on other loops fail as they do on its own")
    func timeout() async throws {
        let count = Self.count
        let result = try await Self.run(others: 1, answers: false, count: count, timeout: .milliseconds(300)) {
            $0.count >= count
        }
        #expect(result.failures.count == count)
        #expect(result.failures.allSatisfy { $0.contains("it ran out while waiting for the response") })
    }

    @Test("a shut down is over when all attempts on all loops have been told to count as none", arguments: [0, 2])
    func shutDown(others: Int) async throws {
        let count = Self.count
        let result = try await Self.run(
            others: others, answers: false, count: count,
            then: { client, tally in
                client.shutDown {
                    #expect(tally.abandoned == count)
                    tally.isShutDown = true
                }
            }, until: { $0.isShutDown })
        #expect(result.abandoned == count && result.delivered == 0 && result.failures.isEmpty)
    }

    @Test("a changed policy counts on all loops")
    func policy() async throws {
        let count = Self.count
        let result = try await Self.run(
            others: 2, answers: true, count: count, policy: AddressPolicy(allow: [], requireHTTPS: false)
        ) { $0.count >= count }
        #expect(result.failures.count == count && result.connections == 0)
        #expect(result.failures.allSatisfy { $0.contains("127.0.0.1") }, "\(result.failures.prefix(3))")
    }
}
