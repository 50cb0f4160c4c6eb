import Ingest
import Logging
import NIOCore
import RelayCore
import Synchronization

/// Carries what the pump has found out about receivers on: disabling to the registrations, and news to the webhooks of the
/// same tenant that ask for them.
///
/// | step | durable |
/// |---|---|
/// | the pump posts | nothing: after a crash the next failure says it again |
/// | the registration says disabled | the webhook's state |
/// | the event is on disk | the news; it is delivered and tried again like any other |
final class OperationalEvents: Sendable {
    /// What the pump tells.
    struct News: Sendable {
        let kind: OperationalEvent.Kind
        let webhook: WebhookNumber
        let reason: String
        let count: Int
        var eventID: String?
        /// False: there is no event to be made of it.
        var isAnnounced = true
    }

    private enum Item: Sendable {
        case news(News)
        /// All that was posted before has been done.
        case flush
    }

    private struct State {
        var waiting = 0
        var dropped: UInt64 = 0
        var emitted: [OperationalEvent.Kind: UInt64] = [:]
        /// From now on nothing is tried twice.
        var isStopping = false
        var flushers: [CheckedContinuation<Void, Never>] = []
    }

    private let registrar: Registrar
    private let ingest: IngestLoop
    private let logger: Logger
    private let items: AsyncStream<Item>
    private let sink: AsyncStream<Item>.Continuation
    private let state = Mutex(State())

    init(registrar: Registrar, ingest: IngestLoop, logger: Logger) {
        self.registrar = registrar
        self.ingest = ingest
        self.logger = logger
        (items, sink) = AsyncStream.makeStream()
        sink.onTermination = { [weak self] _ in self?.endFlush() }
    }

    /// How many events were written, by kind, and how many were not for lack of room.
    var statistics: (emitted: [OperationalEvent.Kind: UInt64], dropped: UInt64) {
        state.withLock { ($0.emitted, $0.dropped) }
    }

    func post(_ news: News) {
        let isTaken = state.withLock { state in
            // That a webhook is disabled must get through.
            guard news.kind == .disabled || state.waiting < Limits.operationalEvents else {
                state.dropped += 1
                return false
            }
            state.waiting += 1
            return true
        }
        if isTaken { sink.yield(.news(news)) }
    }

    /// Waits until all that was posted before is on disk, as far as the disk lets it.
    func flush() async {
        await withCheckedContinuation { continuation in
            state.withLock {
                $0.isStopping = true
                $0.flushers.append(continuation)
            }
            // Where nobody does it any more, there is nothing to wait for.
            if case .terminated = sink.yield(.flush) { endFlush() }
        }
    }

    private func endFlush() {
        let flushers = state.withLock { state in
            defer { state.flushers = [] }
            return state.flushers
        }
        for flusher in flushers { flusher.resume() }
    }

    /// Does what was posted, one after the other, until it is cancelled.
    func run() async {
        for await item in items {
            switch item {
            case .flush: endFlush()
            case .news(let news):
                state.withLock { $0.waiting -= 1 }
                if news.kind == .disabled { await disable(news) }
                if news.isAnnounced { await emit(news) }
            }
        }
        endFlush()
    }

    private func disable(_ news: News) async {
        while true {
            do throws(AdministrationError) {
                return try await registrar.disable(news.webhook, reason: news.reason)
            } catch {
                if error == .shuttingDown || isOver { return }
                logger.error(
                    "a webhook's state can't be stored: nothing of it is attempted, and it is tried again in 1 s",
                    metadata: ["error": "\(error)"])
                await pause()
            }
        }
    }

    private func emit(_ news: News) async {
        while let webhook = registrar.current[news.webhook] {
            let event = OperationalEvent(
                kind: news.kind, tenant: webhook.tenant, webhookID: webhook.id, reason: news.reason, count: news.count,
                eventID: news.eventID)
            let isDone = await withCheckedContinuation { continuation in
                ingest.emit(event) { continuation.resume(returning: $0) }
            }
            if isDone { return state.withLock { $0.emitted[news.kind, default: 0] += 1 } }
            if isOver { return state.withLock { $0.dropped += 1 } }
            await pause()
        }
    }

    private var isOver: Bool { Task.isCancelled || state.withLock { $0.isStopping } }

    private func pause() async {
        // Cancelled, it goes on at once and finds out.
        await registrar.pump.loop.sleep(for: .seconds(1))
    }
}
