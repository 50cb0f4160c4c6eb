import FoundationEssentials
import RelayCore
import Storage

/// The registrar: changes one after the other, and what each segment begins with.
extension SimulatedRelay {
    func change(_ kind: RegistrationChange.Kind) {
        guard !registrations.isChanging else { return }
        registrations.isChanging = true
        let change = RegistrationChange(revision: registrations.table.revision + 1, kind: kind)
        oracle.asked(change)
        send([change]) { [unowned self] result in
            simulation.trace?("change \(change.revision): \(result), \(segmentList)")
            guard case .success = result else {
                registrations.isChanging = false
                return oracle.refused(change)
            }
            registrations.table.apply(change)
            registrations.unsaved.append(change)
            oracle.confirmed(change)
            pumpInbox.post { [unowned self] in
                switch kind {
                case .put(let webhook):
                    oracle.inForce(webhook)
                    scheduler.setLane(of: webhook, now: clock.now, wall: clock.wall)
                case .setPaused(let isPaused):
                    scheduler.isPaused = isPaused
                case .putKey, .removeKey: break
                case .remove(let number):
                    scheduler.removeLane(of: number)
                    oracle.forget(number)
                    begun[number] = nil
                }
                registrarInbox.post { [unowned self] in publish() }
            }
        }
    }

    private func publish() {
        let table = registrations.table
        ingestInbox.post { [unowned self] in
            intake.replaceTable(table)
            registrationsInForce = table
        }
        registrations.events.append(.changed)
        registrations.isChanging = false
    }

    private func send(_ changes: [RegistrationChange], _ answer: @escaping (Result<Void, JournalFailure>) -> Void) {
        let buffer = RecordBuffer()
        Self.append(changes, to: buffer)
        let isTaken = submit(buffer, .records, to: registrarInbox, answer)
        if !isTaken { registrarInbox.post { answer(.failure(.closed)) } }
    }

    static func append(_ changes: [RegistrationChange], to buffer: RecordBuffer) {
        for change in changes {
            let start = buffer.beginRecord(.registration, sequence: 0)
            // A change can always be encoded.
            buffer.append([UInt8]((try? JSONEncoder().encode(change)) ?? Data()))
            buffer.endRecord(at: start)
        }
    }

    /// The registrar has a turn.
    func workRegistrar() {
        registrarInbox.work()
        guard !registrations.isBusy, !registrations.events.isEmpty else { return }
        // A change that is under way comes first.
        if registrations.events[0] == .rotated, registrations.isChanging { return }
        switch registrations.events.removeFirst() {
        case .rotated: beginSegment()
        case .changed:
            guard registrations.unsaved.last.map({ $0.revision <= registrations.table.revision }) == true else {
                return
            }
            saveTable()
        }
    }

    /// What a segment has to begin with before those before it may go is one batch: changes that no snapshot has, and the
    /// checkpoint that tells of them. No change comes between.
    private func beginSegment() {
        registrations.isBusy = true
        registrations.isChanging = true
        let (changes, revision) = (registrations.unsaved, registrations.table.revision)
        simulation.trace?(
            "checkpoint of \(revision) with \(changes.map(\.revision)), saved \(registrations.savedRevision)")
        pumpInbox.post { [unowned self] in
            checkpoint(revision: revision, changes) { [unowned self] isSaved in
                guard !isSaved else { return }
                timers.append((clock.now + .seconds(1), { [unowned self] in registrations.events.append(.rotated) }))
            }
            registrarInbox.post { [unowned self] in
                registrations.isChanging = false
                registrations.isBusy = false
                saveTable()
            }
        }
    }

    func saveTable() {
        guard !registrations.unsaved.isEmpty else { return }
        let table = registrations.table
        registrations.isBusy = true
        lookUps.append { [unowned self] in
            let isSaved: Bool
            do {
                try snapshot.write(table)
                isSaved = true
                simulation.trace?("snapshot of \(table.revision) written")
            } catch {
                isSaved = false
            }
            registrarInbox.post { [unowned self] in
                registrations.isBusy = false
                guard isSaved else { return }
                registrations.unsaved.removeAll { $0.revision <= table.revision }
                registrations.savedRevision = table.revision
            }
        }
    }
}
