import Logging
import NIOCore
import Relay
import RelayCore

/// The demo's course: relay, receiver, webhook, six events, each awaited before the next.
struct DemoRun: Sendable {
    /// What happens, as it happens.
    enum Step: Sendable {
        case receiverReady(url: String)
        case relayReady(directory: String, after: Duration)
        case webhookReady(DemoWebhook)
        case settled(DemoOutcome)
    }

    private struct Delivery: Sendable {
        let request: ReceivedRequest
        let unixSeconds: Int64
    }

    /// Longer than any of it takes on a slow machine.
    static let patience: Duration = .seconds(30)

    let directory: String
    let logger: Logger
    let show: @Sendable (Step) -> Void

    /// - Returns: one outcome for each event.
    func run() async throws -> [DemoOutcome] {
        let receiver = try await Receiver.bind(host: "127.0.0.1", port: 0)
        show(.receiverReady(url: receiver.url))
        let paths = RelayPaths(stateDirectory: directory + "/state", runtimeDirectory: directory + "/run")
        var configuration = Configuration()
        configuration.egress.allow = [try EgressRule("127.0.0.1/32")]
        let relay = RelayServer(configuration: configuration, paths: paths, logger: logger)
        let (deliveries, inbox) = AsyncStream.makeStream(of: Delivery.self)
        let (readiness, ready) = AsyncStream.makeStream(of: Void.self)
        let start = ContinuousClock.now
        return try await withThrowingTaskGroup(of: [DemoOutcome].self) { group in
            group.addTask {
                try await relay.run { ready.yield() }
                throw DemoProblem.relayEnded
            }
            group.addTask {
                try await receiver.run { request in
                    inbox.yield(Delivery(request: request, unixSeconds: WallClock.milliseconds() / 1_000))
                    return ReceiverAnswer()
                }
                throw CancellationError()
            }
            group.addTask {
                try await Task.sleep(for: Self.patience)
                throw DemoProblem.tooSlow(Self.patience)
            }
            group.addTask {
                var readiness = readiness.makeAsyncIterator()
                guard await readiness.next() != nil else { throw CancellationError() }
                show(.relayReady(directory: directory, after: .now - start))
                return try await play(deliveries: deliveries, url: receiver.url)
            }
            guard let outcomes = try await group.next() else { throw DemoProblem.relayEnded }
            group.cancelAll()
            do {
                while try await group.next() != nil {}
            } catch {
                // All is delivered; how the relay and the receiver take their ending changes nothing about that.
            }
            return outcomes
        }
    }

    private func play(deliveries: AsyncStream<Delivery>, url: String) async throws -> [DemoOutcome] {
        let webhook = try await DemoWebhook.register(
            socket: directory + "/run/api.sock", url: url)
        show(.webhookReady(webhook))
        let producer = try await BlockingSocket.connect(directory + "/run/events.sock", timeout: Self.patience)
        defer { producer.close() }
        let verifier = SignatureVerifier(secrets: [webhook.secret])
        var deliveries = deliveries.makeAsyncIterator()
        var outcomes: [DemoOutcome] = []
        for event in DemoEvent.samples(at: WallClock.milliseconds()) {
            let start = ContinuousClock.now
            let reply = try await producer.exchange(event.line) { $0.last == UInt8(ascii: "\n") }
            let parsed = reply.answer.withUnsafeBytes { Reply(UnsafeRawBufferPointer(rebasing: $0.dropLast())) }
            guard case .accepted? = parsed else {
                throw DemoProblem.refused(String(decoding: reply.answer, as: UTF8.self))
            }
            guard let delivery = try await next(&deliveries, id: event.id) else { throw CancellationError() }
            let verdict = verifier.verify(
                headers: delivery.request.headers, body: delivery.request.body, now: delivery.unixSeconds)
            let outcome = DemoOutcome(
                event: event, acknowledgedAfter: reply.at - start,
                deliveredAfter: delivery.request.receivedAt - start, verdict: verdict,
                isBodyIdentical: delivery.request.body == event.body)
            outcomes.append(outcome)
            show(.settled(outcome))
        }
        return outcomes
    }

    /// The delivery with this id; nil if the demo is being ended.
    private func next(_ deliveries: inout AsyncStream<Delivery>.Iterator, id: String) async throws -> Delivery? {
        while let delivery = await deliveries.next(isolation: #isolation) {
            if delivery.request.header(SignatureVerifier.idHeader) == id { return delivery }
        }
        return nil
    }
}
