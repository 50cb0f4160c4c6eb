import RelayCore
import Storage

/// Turns of all parts.
extension SimulatedRelay {
    /// When something is to be done next.
    var nextDue: MonotonicTime? {
        ([saving.due, scheduler.nextTimer].compactMap { $0 } + timers.map(\.due) + flights.map(\.due)).min()
    }

    /// The threads that read, and write the snapshot.
    func lookUp(_ count: Int = .max) {
        for _ in 0..<min(count, lookUps.count) where !lookUps.isEmpty { lookUps.removeFirst()() }
    }

    /// Everybody has turns until nobody has anything to do at this moment.
    func settle() {
        for _ in 0..<200 {
            guard !simulation.disk.isDown else { return }
            commit()
            workIngest()
            workPump()
            lookUp()
            workRegistrar()
            workKeeper()
            let isBusy =
                journal.progress.isBusy || !ingestInbox.isEmpty || !pumpInbox.isEmpty || !registrarInbox.isEmpty
                || !lookUps.isEmpty || rounds.first?.isDone == true
                || !registrations.events.isEmpty && !registrations.isBusy
                || keeper.terms != nil || keeper.isWished && !keeper.isWaiting
            if !isBusy { return }
        }
        oracle.complain("it never comes to rest")
    }

    /// An orderly stop, as far as the disk lets it.
    func stop() {
        workIngest()
        isStopped = true
        checkpoint(revision: registrations.table.revision)
        for _ in 0..<20 where saving.inFlight > 0 {
            commit()
            pumpInbox.work()
        }
        journal.close()
        journal.run()
        if !registrations.unsaved.isEmpty {
            // What is not in the snapshot is in the journal.
            _ = try? snapshot.write(registrations.table)
        }
    }

    /// What is kept within bounds whatever happens.
    func checkBounds() {
        let segments = journal.allSegments
        for (one, next) in zip(segments, segments.dropFirst())
        where one.header.throughOrdinal >= next.header.ordinal || one.header.firstSequence > next.header.firstSequence {
            oracle.complain("segments \(one.path) and \(next.path) are out of order")
        }
        for webhook in registrations.table.webhooks.keys {
            guard let health = scheduler.health(of: webhook) else { continue }
            if health.pending < 0 { oracle.complain("\(health.pending) deliveries of \(webhook) are pending") }
        }
    }
}
