import RelayCore
import Storage

/// The keeper: indices, and room in the journal.
extension SimulatedRelay {
    /// The keeper has a turn.
    func workKeeper() {
        if !keeper.indices.isEmpty { loadIDs() }
        if let terms = keeper.terms {
            keeper.terms = nil
            makeRoom(terms)
        }
        guard keeper.isWished, !keeper.isWaiting else { return }
        keeper.isWished = false
        if journal.failure != nil {
            journal.probe()
            lookLater()
        }
        makeIndices()
        keeper.isWaiting = true
        let checkpointOrdinal = journal.checkpointOrdinal
        pumpInbox.post { [unowned self] in
            askNeeds { [unowned self] needs in answered(needs, checkpointOrdinal) }
        }
    }

    private func answered(_ needs: JournalNeeds?, _ checkpointOrdinal: UInt64) {
        keeper.isWaiting = false
        guard let needs else { return lookLater() }
        keeper.terms = Housekeeping.Terms(
            needs: needs, checkpointOrdinal: checkpointOrdinal,
            keptSince: clock.wall - max(simulation.terms.retention, simulation.terms.dedupeWindow).milliseconds,
            maxBytes: simulation.terms.maxBytes, savedRevision: registrations.savedRevision)
    }

    private func lookLater() {
        timers.append((clock.now + .seconds(1), { [unowned self] in keeper.isWished = true }))
    }

    private func makeRoom(_ terms: Housekeeping.Terms) {
        let outcome: Housekeeping.Outcome
        do throws(DiskError) {
            outcome = try housekeeping.makeRoom(terms) { [unowned self] in commitFloor($0) }
        } catch {
            return lookLater()
        }
        ingestInbox.post { [unowned self] in intake.forgetDuplicates(before: outcome.firstSequence) }
        if outcome.displaceBytes > 0 {
            let bytes = Int(outcome.displaceBytes)
            pumpInbox.post { [unowned self] in _ = scheduler.displaceLargest(bytes: bytes, wall: clock.wall) }
        }
        keeper.isTight = journal.bytes > terms.maxBytes - terms.maxBytes / 8
        if keeper.isTight { lookLater() }
        let obstacle: EventIntake.Obstacle? = outcome.isFull ? .backlogFull : nil
        ingestInbox.post { [unowned self] in intake.obstacle = obstacle }
    }

    /// Others have their turns while the keeper waits for the disk.
    private func commitFloor(_ ordinal: UInt64) -> Bool {
        let answer = Answer()
        journal.publishFloor(ordinal) { result in
            if case .success = result { answer.isYes = true }
        }
        if simulation.random.chance(30) { workPump() }
        if simulation.random.chance(30) { workRegistrar() }
        commit()
        if answer.isYes { oracle.commits += 1 }
        return answer.isYes
    }

    private final class Answer: @unchecked Sendable {
        // One thread uses it.
        var isYes = false
    }

    private func makeIndices() {
        // Segments without an index are scanned.
        while (try? journal.indexNext()) == true {}
        let through = journal.indexedThrough
        ingestInbox.post { [unowned self] in intake.noteIndexed(through: through) }
    }

    private func loadIDs() {
        let indices = keeper.indices
        keeper.indices = []
        let generation = IDFilterGeneration(capacity: max(1024, indices.reduce(0) { $0 + $1.idCount } * 2))
        do throws(IndexFault) {
            for index in indices {
                let sequences = index.summary.firstSequence...index.summary.lastSequence
                try index.forEachFingerprint { _ = generation.insert($0, among: sequences) }
            }
        } catch {
            return
        }
        ingestInbox.post { [unowned self] in
            intake.adopt(generation, isComplete: false)
            intake.adopt(nil, isComplete: true)
        }
    }
}
