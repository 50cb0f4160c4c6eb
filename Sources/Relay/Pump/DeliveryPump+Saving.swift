import NIOCore
import RelayCore
import Storage

/// What the pump knows of its way to the disk.
final class SavingState {
    /// The next time that progress is saved.
    var timer: Scheduled<Void>?
    /// Records that the journal has not answered.
    var inFlight = 0
    var checkpoints: UInt64 = 0
    /// Who wants to know what is needed once all progress is on disk.
    var askers: [(JournalNeeds?) -> Void] = []
}

/// Saving: within ``Limits/settlementDelay`` what has become of deliveries is on disk.
///
/// | after | durable |
/// |---|---|
/// | an outcome | nothing: a crash repeats the attempt |
/// | `takeProgress`, submitted | nothing |
/// | its commit | settlements, tries, cursors up to the taking |
/// | a failed commit | nothing: `restoreProgress`, and again after a second |
extension DeliveryPump {
    private static let retryTime = TimeAmount.seconds(1)

    func scheduleSaving(after delay: TimeAmount = .nanoseconds(Limits.settlementDelay.nanoseconds)) {
        guard saving.timer == nil, saving.inFlight == 0 else { return }
        saving.timer = loop.assumeIsolated().scheduleTask(in: delay) { [self] in
            saving.timer = nil
            save()
        }
    }

    /// Hands over what the journal does not know yet.
    private func save() {
        guard saving.inFlight == 0 else { return }
        let askers = saving.askers
        saving.askers = []
        guard let progress = scheduler.takeProgress() else { return answer(askers, with: needs(for: askers)) }
        let buffer = RecordBuffer(capacity: 4096)
        progress.append(to: buffer, sequence: scheduler.seen)
        submit(buffer, .records, progress, needs: needs(for: askers), askers)
    }

    private func needs(for askers: [(JournalNeeds?) -> Void]) -> JournalNeeds? {
        askers.isEmpty ? nil : scheduler.needs
    }

    private func answer(_ askers: [(JournalNeeds?) -> Void], with needs: JournalNeeds?) {
        for asker in askers { asker(needs) }
    }

    private func submit(
        _ buffer: RecordBuffer, _ kind: JournalBatch.Kind, _ progress: ProgressRecord?, needs: JournalNeeds?,
        _ askers: [(JournalNeeds?) -> Void]
    ) {
        saving.inFlight += 1
        let bound = NIOLoopBound(self, eventLoop: loop)
        let boundAskers = NIOLoopBound(askers, eventLoop: loop)
        let isTaken = journal.submit(
            JournalBatch(buffer, kind: kind) { [loop] result in
                loop.execute {
                    bound.value.saved(progress, result, isCheckpoint: kind == .checkpoint)
                    if case .success = result {
                        bound.value.answer(boundAskers.value, with: needs)
                    } else {
                        bound.value.answer(boundAskers.value, with: nil)
                    }
                }
            })
        if !isTaken {
            saving.inFlight -= 1
            answer(askers, with: nil)
        }
    }

    private func saved(_ progress: ProgressRecord?, _ result: Result<Void, JournalFailure>, isCheckpoint: Bool) {
        saving.inFlight -= 1
        switch result {
        case .success:
            if isCheckpoint { onCheckpoint?() }
            onProgress?()
            if scheduler.hasProgress { scheduleSaving() }
            if !saving.askers.isEmpty { scheduleSaving(after: .zero) }
            // Attempts may have waited for it.
            run()
        case .failure:
            if let progress { scheduler.restoreProgress(progress) }
            if isCheckpoint { onMissingCheckpoint?() }
            // The journal tells of its trouble itself; what is settled stays in memory until it is better.
            scheduleSaving(after: Self.retryTime)
            let askers = saving.askers
            saving.askers = []
            self.answer(askers, with: nil)
        }
        finishStopping()
    }

    /// Tells which events the lanes need, once everything is on disk that makes others unneeded; nil if it can't be.
    func askNeeds(_ answer: @escaping (JournalNeeds?) -> Void) {
        saving.askers.append(answer)
        if saving.inFlight == 0 {
            saving.timer?.cancel()
            saving.timer = nil
            save()
        }
    }

    /// Writes the state of all lanes, from which the next start goes on.
    ///
    /// - Parameters:
    ///   - revision: of the registration table.
    ///   - others: records that a start has to find there too. They become durable with the checkpoint or not at all.
    func checkpoint(revision: UInt64, with others: RecordBuffer) {
        saving.timer?.cancel()
        saving.timer = nil
        let buffer = RecordBuffer(capacity: 16 * 1024)
        let progress = scheduler.takeProgress()
        progress?.append(to: buffer, sequence: scheduler.seen)
        buffer.append(others.contents)
        saving.checkpoints += 1
        let wall = Clock.wall()
        CheckpointRecord.append(
            number: UInt64(bitPattern: wall) << 8 | saving.checkpoints & 0xFF, asOf: scheduler.seen,
            revision: revision, madeAt: wall, floor: journal.floor,
            lanes: scheduler.laneStates(now: Clock.monotonic(), wall: wall), to: buffer)
        submit(buffer, .checkpoint, progress, needs: nil, [])
    }
}
