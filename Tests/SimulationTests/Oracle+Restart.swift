import RelayCore
import Storage

/// What a start must have found.
extension Oracle {
    func restarted(_ journal: Journal, _ state: RecoveryState, _ table: RegistrationTable) {
        for webhook in removed where table[webhook] == nil { forget(webhook) }
        check(table)
        for acceptance in open.values.sorted(by: { $0.sequence < $1.sequence }) {
            check(acceptance, journal, state, table)
        }
        sweep()
    }

    private func check(
        _ acceptance: Acceptance, _ journal: Journal, _ state: RecoveryState, _ table: RegistrationTable
    ) {
        let sequence = acceptance.sequence
        // The disk does not fail here.
        let event = (try? journal.event(sequence)) ?? nil
        let isThere = event.map { String(decoding: $0.data, as: UTF8.self) == acceptance.event.data } ?? false
        switch acceptance.status {
        case .limbo:
            acceptance.status = isThere ? .durable : .gone
        case .refused(let commit):
            if isThere, commits > commit { complain("event \(sequence) was refused, and is back") }
            acceptance.status = isThere ? .durable : .gone
        case .durable, .gone:
            break
        }
        guard acceptance.status == .durable else { return }
        for (webhook, fate) in acceptance.fates {
            let lane = state.lanes[webhook]
            let isPending = lane.map { $0.open[sequence] != nil || sequence >= $0.cursor } ?? false
            switch fate {
            case .saved: continue
            case .settled: acceptance.fates[webhook] = isPending && isThere ? .owed : .saved
            case .owed:
                if table[webhook] == nil {
                    complain("webhook \(webhook) is gone, and event \(sequence) was owed to it")
                } else if !isThere {
                    complain("event \(sequence) was acknowledged and owed to \(webhook), and is gone")
                } else if !isPending {
                    complain("event \(sequence) was owed to \(webhook), and a start does not know")
                }
            }
        }
    }
}
