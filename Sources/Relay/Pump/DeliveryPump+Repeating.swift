import RelayCore
import Storage

/// Deliveries that are made once more.
extension DeliveryPump {
    /// What became of handing some over.
    struct Repeated: Equatable, Sendable {
        /// How many are pending again.
        var count = 0
        /// The first one that has to wait; nil: none.
        var next: UInt64?
    }

    /// Delivers settled deliveries once more, as many as there is room for.
    func repeatDeliveries(_ events: [Journal.Repeatable], for webhook: WebhookNumber) -> Repeated {
        var repeated = Repeated()
        var room = scheduler.roomToReopen(for: webhook)
        events: for event in events {
            guard room > 0 else {
                repeated.next = event.sequence
                break
            }
            switch scheduler.reopen(
                event.sequence, bytes: event.bytes, for: webhook, isMatched: event.isMatched, now: Clock.monotonic(),
                wall: Clock.wall())
            {
            case .reopened:
                repeated.count += 1
                room -= 1
            case .pending: continue
            case .tooEarly:
                repeated.next = event.sequence
                break events
            }
        }
        if scheduler.hasProgress { scheduleSaving() }
        run()
        return repeated
    }
}

extension PumpHandle {
    /// Waits until everything that has become of deliveries up to now is on disk.
    ///
    /// - Returns: which events one lane needs then, nil for a webhook without one; a failure if it can't be.
    func save(lane webhook: WebhookNumber) async -> Result<JournalNeeds.Lane?, NotSaved> {
        await withCheckedContinuation { continuation in
            tell { pump in
                pump.askNeeds { needs in
                    continuation.resume(returning: needs.map { .success($0.lanes[webhook]) } ?? .failure(NotSaved()))
                }
            }
        }
    }

    struct NotSaved: Error {}
}
