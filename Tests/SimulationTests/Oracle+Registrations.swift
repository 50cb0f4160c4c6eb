import RelayCore

/// What the registration table must hold after a start.
extension Oracle {
    struct Registrations {
        /// The table with every change that was confirmed.
        var confirmed = RegistrationTable(catalogue: EventCatalogue())
        /// The change that is on its way to the disk, and those since the last confirmed one that were refused when so many
        /// commits had succeeded.
        var doubtful: [(change: RegistrationChange, refusedAfter: Int?)] = []
    }

    func asked(_ change: RegistrationChange) {
        registrations.doubtful.append((change, nil))
        if case .remove(let number) = change.kind { removed.insert(number) }
    }

    func confirmed(_ change: RegistrationChange) {
        registrations.confirmed.apply(change)
        registrations.doubtful = []
        if case .put(let webhook) = change.kind, removed.contains(webhook.number),
            registrations.confirmed[webhook.number] == nil
        {
            complain("number \(webhook.number) is given out again")
        }
    }

    func refused(_ change: RegistrationChange) {
        registrations.doubtful.removeLast()
        registrations.doubtful.append((change, commits))
    }

    func check(_ table: RegistrationTable) {
        defer {
            registrations.confirmed = table
            registrations.doubtful = []
        }
        if table.list(tenant: nil) == registrations.confirmed.list(tenant: nil) { return }
        for (change, refusedAfter) in registrations.doubtful where commits <= refusedAfter ?? .max {
            var possible = registrations.confirmed
            possible.apply(change)
            if table.list(tenant: nil) == possible.list(tenant: nil) { return }
        }
        complain(
            "webhooks \(table.list(tenant: nil).map(\.number)) of revision \(table.revision) are found, not "
                + "\(registrations.confirmed.list(tenant: nil).map(\.number)) of \(registrations.confirmed.revision)")
    }

    /// Before a crash: what is settled has been on its way to the disk for no longer than the contract allows.
    func crashing(at now: MonotonicTime, savesFail: Bool) {
        guard !savesFail else { return }
        for acceptance in open.values {
            for (webhook, fate) in acceptance.fates {
                if case .settled(let at) = fate, now - at > .milliseconds(100) {
                    complain("event \(acceptance.sequence) was settled for \(webhook) \(now - at) ago and is not saved")
                }
            }
        }
    }
}
