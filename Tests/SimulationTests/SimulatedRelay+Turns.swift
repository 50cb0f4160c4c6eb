import RelayCore
import Storage

/// Turns of all parts.
extension SimulatedRelay {
    /// When something is to be done next.
    var nextDue: MonotonicTime? {
        ([saving.due, scheduler.nextTimer].compactMap { $0 } + timers.map(\.due) + flights.map(\.due)).min()
    }

    /// The threads that read, and write the snapshot: there are two, so that one piece of work may overtake the one before.
    func lookUp(_ count: Int = .max) {
        for _ in 0..<min(count, lookUps.count) where !lookUps.isEmpty {
            lookUps.remove(at: simulation.random.below(min(2, lookUps.count)))()
        }
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
                || !registrations.events.isEmpty && !registrations.isBusy && !registrations.isChanging
                || keeper.terms != nil || keeper.isWished && !keeper.isWaiting
            if !isBusy { return }
        }
        oracle.complain("it never comes to rest" + condition)
    }

    /// An orderly stop, as far as the disk lets it.
    func stop() {
        workIngest()
        // A change that is under way comes first.
        for _ in 0..<20 where registrations.isChanging {
            commit()
            pumpInbox.work()
            registrarInbox.work()
        }
        isStopped = true
        checkpoint(revision: registrations.table.revision, registrations.unsaved) { _ in }
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

    var segmentList: [String] {
        journal.allSegments.map { "\($0.header.ordinal)-\($0.header.throughOrdinal): \($0.validBytes)" }
    }

    /// Where it stands, for a message.
    var condition: String {
        """
        ; \(registrations.table.list(tenant: nil).map(\.number).map { ($0, scheduler.health(of: $0)) }), saving \(saving), \
        flights \(flights.count), look-ups \(lookUps.count), ready \(scheduler.hasReadyWork), \
        timer \(scheduler.nextTimer.map { "\($0 - clock.now)" } ?? "none"), obstacle \(intake.obstacle.map { "\($0)" } ?? "none"), \
        keeper \(keeper.isWished) \(keeper.isWaiting) \(keeper.isTight), journal \(journal.bytes) of \(simulation.terms.maxBytes) \
        in \(segmentList), \
        checkpoint in \(journal.checkpointOrdinal), registrar \(registrations.isBusy) \(registrations.events)
        """
    }

    /// What is kept within bounds whatever happens.
    func checkBounds() {
        let segments = journal.allSegments
        for (one, next) in zip(segments, segments.dropFirst())
        where one.header.throughOrdinal >= next.header.ordinal || one.header.firstSequence > next.header.firstSequence {
            oracle.complain("segments \(one.path) and \(next.path) are out of order")
        }
        for webhook in registrations.table.list(tenant: nil).map(\.number) {
            guard let health = scheduler.health(of: webhook) else { continue }
            if health.pending < 0 { oracle.complain("\(health.pending) deliveries of \(webhook) are pending") }
        }
    }
}
