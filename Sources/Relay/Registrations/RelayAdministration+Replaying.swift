import RelayCore
import Storage

/// Replays: counting what is meant, and beginning the task.
extension RelayAdministration {
    /// How long is counted before the caller is answered.
    private static let countingTime: Duration = .seconds(5)

    func replay(
        webhook id: String, tenant: String?, _ request: ReplayRequest
    ) async throws(AdministrationError) -> ReplayAnswer {
        let webhook = try findForReplay(id, tenant)
        let last = await pump.ask { $0.scheduler.seen }
        let replay = JournalTask.Replay(
            webhook: webhook.number, id: webhook.id, tenant: webhook.tenant, status: request.status,
            since: request.since,
            until: request.until, next: 1, through: last)
        let (count, isExact) = try await count(replay, webhook)
        guard !request.isDryRun else { return ReplayAnswer(count: count, isExact: isExact, task: nil) }
        return ReplayAnswer(count: count, isExact: isExact, task: try await journalTasks.add(.replay(replay)))
    }

    func replay(
        event id: String, tenant: String?, webhook: String?
    ) async throws(AdministrationError) -> ReplayAnswer {
        let (owner, sequences) = try await places(ofEvent: id, tenant: tenant)
        guard let sequence = sequences.first else { throw .noEvent }
        let webhooks: [WebhookNumber]
        if let webhook {
            webhooks = [try findForReplay(webhook, owner).number]
        } else {
            webhooks = try await takers(of: owner, for: sequence)
        }
        let pending = await pump.ask { pump in
            Set(webhooks.filter { pump.scheduler.needs(of: $0)?.open.holds(sequence) ?? false })
        }
        let meant = webhooks.filter { !pending.contains($0) }
        let task = try await journalTasks.add(
            .replayEvent(JournalTask.ReplayEvent(id: id, tenant: owner, sequence: sequence, webhooks: meant)))
        return ReplayAnswer(count: meant.count, task: task)
    }

    private func findForReplay(_ id: String, _ tenant: String?) throws(AdministrationError) -> Webhook {
        let webhook = try find(id, tenant)
        if case .disabled = webhook.state {
            throw .conflict("The webhook is disabled: make it active first, then its events can be replayed.")
        }
        return webhook
    }

    /// Those of the tenant that the event matched, and those that match it now; none that is disabled.
    private func takers(
        of tenant: String, for sequence: UInt64
    ) async throws(AdministrationError) -> [WebhookNumber] {
        let all = registrar.current.list(tenant: tenant)
        let result: Result<[WebhookNumber]?, DiskError>? = await onScanThread { [journal] in
            do throws(DiskError) {
                guard let event = try journal.event(sequence) else { return .success(nil) }
                let type = String(decoding: event.type, as: UTF8.self)
                return .success(
                    all.filter { webhook in
                        if case .disabled = webhook.state { return false }
                        return webhook.wants(type) || event.goes(to: webhook.number) || event.skips(webhook.number)
                    }.map(\.number))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let webhooks?): return webhooks
        case .success(nil): throw .noEvent
        case .failure(let error): throw .storage("the journal can't be read: \(error)")
        case nil: throw .shuttingDown
        }
    }

    /// How many deliveries a replay means, as far as that can be counted in time.
    private func count(
        _ replay: JournalTask.Replay, _ webhook: Webhook
    ) async throws(AdministrationError) -> (Int, isExact: Bool) {
        // What was settled up to now counts.
        guard case .success = await pump.save(lane: webhook.number) else {
            throw .storage("what has become of deliveries can't be stored at present")
        }
        var selection = ReplaySelection(replay, of: webhook)
        var ordinal: UInt64 = 0
        let deadline = ContinuousClock.now + Self.countingTime
        while true {
            let (selected, after) = (selection, ordinal)
            let result: Result<(ReplaySelection, UInt64?), DiskError>? = await onScanThread { [journal] in
                var selection = selected
                do throws(DiskError) {
                    let reached = try journal.select(&selection, after: after)
                    return .success((selection, reached))
                } catch {
                    return .failure(error)
                }
            }
            switch result {
            case .success((let selected, let reached)):
                selection = selected
                if let reached { ordinal = reached }
                guard reached == nil || ContinuousClock.now >= deadline else { continue }
                let lane = await pump.ask { $0.scheduler.needs(of: webhook.number) }
                if let lane { selection.exclude(lane) }
                return (selection.chosen.count, reached == nil)
            case .failure(let error): throw .storage("the journal can't be read: \(error)")
            case nil: throw .shuttingDown
            }
        }
    }
}
