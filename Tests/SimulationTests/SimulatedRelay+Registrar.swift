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
                    scheduler.setLane(of: webhook, now: clock.now, wall: clock.wall)
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
        for change in changes {
            let start = buffer.beginRecord(.registration, sequence: 0)
            // A change can always be encoded.
            buffer.append([UInt8]((try? JSONEncoder().encode(change)) ?? Data()))
            buffer.endRecord(at: start)
        }
        let isTaken = submit(buffer, .records, to: registrarInbox, answer)
        if !isTaken { registrarInbox.post { answer(.failure(.closed)) } }
    }

    /// The registrar has a turn.
    func workRegistrar() {
        registrarInbox.work()
        guard !registrations.isBusy, !registrations.events.isEmpty else { return }
        switch registrations.events.removeFirst() {
        case .rotated: beginSegment()
        case .changed:
            guard registrations.unsaved.last.map({ $0.revision <= registrations.table.revision }) == true else { return }
            saveTable()
        }
    }

    private func beginSegment() {
        guard !registrations.unsaved.isEmpty else { return tellCheckpoint() }
        registrations.isBusy = true
        send(registrations.unsaved) { [unowned self] result in
            switch result {
            case .success:
                registrations.isBusy = false
                tellCheckpoint()
            case .failure:
                timers.append(
                    (
                        clock.now + .seconds(1),
                        { [unowned self] in
                            registrations.isBusy = false
                            registrations.events.append(.rotated)
                        }
                    ))
            }
        }
    }

    private func tellCheckpoint() {
        let revision = registrations.table.revision
        pumpInbox.post { [unowned self] in checkpoint(revision: revision) }
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
