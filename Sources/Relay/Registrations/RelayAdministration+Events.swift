import RelayCore
import Storage

/// Events, one with its whole life, and all as they come.
extension RelayAdministration {
    func event(id: String, tenant: String?) async throws(AdministrationError) -> EventView {
        let (owner, sequences) = try await places(ofEvent: id, tenant: tenant)
        guard let sequence = sequences.first, let event = try await read(sequence) else { throw .noEvent }
        let webhooks = registrar.current.list(tenant: owner)
        let isPaused = registrar.current.isPaused
        let pending = await pending(sequence, event, webhooks)
        let clocks = (wall: Clock.wall(), monotonic: Clock.monotonic())
        // What has ended by now is on disk before the journal is read. Where it can't be written, what is known is shown.
        if let webhook = webhooks.first { _ = await pump.save(lane: webhook.number) }
        let present = EventView.Present(webhooks: webhooks, pending: pending, isPaused: isPaused, clocks: clocks)
        let result: Result<EventView, DiskError>? = await onScanThread { [journal] in
            do throws(DiskError) {
                var life = EventLife(of: sequence)
                try journal.forEachProgress(of: sequence) { life.apply($0) }
                var view = EventView(event, life, present, journal: journal.id)
                for older in sequences.dropFirst().prefix(Self.earlierMax) {
                    if let event = try journal.event(older) { view.earlier.append(event.acceptedAt) }
                }
                return .success(view)
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let view): return view
        case .failure(let error): throw .storage("the journal can't be read: \(error)")
        case nil: throw .shuttingDown
        }
    }

    /// Earlier events with the same id that are named.
    private static let earlierMax = 20

    private func read(_ sequence: UInt64) async throws(AdministrationError) -> EventRecord? {
        let result: Result<EventRecord?, DiskError>? = await onScanThread { [journal] in
            do throws(DiskError) { return .success(try journal.event(sequence)) } catch { return .failure(error) }
        }
        switch result {
        case .success(let event): return event
        case .failure(let error): throw .storage("the journal can't be read: \(error)")
        case nil: throw .shuttingDown
        }
    }

    private func pending(
        _ sequence: UInt64, _ event: EventRecord, _ webhooks: [Webhook]
    ) async -> [WebhookNumber: DeliveryScheduler.PendingDeliveries.Delivery] {
        let matches = webhooks.map { ($0.number, event.goes(to: $0.number)) }
        return await pump.ask { pump in
            var found: [WebhookNumber: DeliveryScheduler.PendingDeliveries.Delivery] = [:]
            for (number, isMatched) in matches {
                found[number] = pump.scheduler.pendingDelivery(of: number, sequence, isMatched: isMatched)
            }
            return found
        }
    }

    func follow(_ choice: FollowChoice) async throws(AdministrationError) -> AsyncStream<Followed> {
        try followers.follow(choice)
    }

    func endFollowing() { followers.end() }
}
