import RelayCore
import Storage

/// Puts one page of a webhook's deliveries together: first what is pending, then what the journal tells of the others.
struct DeliveryReader {
    let journal: Journal
    let webhook: Webhook
    let query: DeliveryQuery
    /// Whether the webhook's deliveries wait for somebody to let them go on.
    let isHeldBack: Bool
    /// The present time, Unix milliseconds and monotonic.
    let clocks: (wall: Int64, monotonic: MonotonicTime)
    /// Gets how many bytes have been read; whether no further segment is to be.
    let isEnough: (Int) -> Bool

    /// - Parameters:
    ///   - pending: nil: none are asked for.
    ///   - bound: pending ones only below it.
    func page(
        _ pending: DeliveryScheduler.PendingDeliveries?, below bound: UInt64
    ) throws(DiskError) -> DeliveryPage {
        var page = DeliveryPage()
        if let pending {
            try add(pending, below: bound, to: &page)
            guard page.next == nil else { return page }
        }
        guard query.status != .pending else { return page }
        guard page.deliveries.count < query.limit else {
            // What is pending ends here; the journal's part begins with the next page.
            page.next = .pending(below: 0)
            return page
        }
        try addHistory(to: &page)
        return page
    }

    // MARK: Pending

    private func add(
        _ pending: DeliveryScheduler.PendingDeliveries, below bound: UInt64, to page: inout DeliveryPage
    ) throws(DiskError) {
        if let first = pending.journalFrom {
            let found = try journal.pendingEvents(
                of: webhook.number, from: first, below: min(bound, pending.seen + 1), limit: query.limit,
                since: query.since, until: query.until, isEnough: isEnough)
            for sequence in found.sequences where !pending.cancelled.contains(sequence) {
                page.deliveries.append(try view(of: sequence, attempts: 0, wait: .turn))
            }
            if let below = found.below {
                page.next = .pending(below: below)
                return
            }
        }
        // Sequences and acceptances ascend together: what is too new is passed over by bisection.
        let deliveries = pending.deliveries
        var index = query.until == .max ? 0 : try firstIndex(in: deliveries, before: query.until)
        while index < deliveries.count {
            guard page.deliveries.count < query.limit else {
                page.next = .pending(below: deliveries[index].sequence + 1)
                return
            }
            let delivery = deliveries[index]
            let view = try view(of: delivery.sequence, attempts: delivery.attempts, wait: delivery.wait)
            if let acceptedAt = view.acceptedAt, acceptedAt < query.since { return }
            page.deliveries.append(view)
            index += 1
        }
    }

    private func firstIndex(
        in deliveries: [DeliveryScheduler.PendingDeliveries.Delivery], before time: Int64
    ) throws(DiskError) -> Int {
        var low = 0
        var high = deliveries.count
        while low < high {
            let middle = (low + high) / 2
            let event = try journal.event(deliveries[middle].sequence)
            if let event, event.acceptedAt >= time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func view(
        of sequence: UInt64, attempts: Int, wait: DeliveryScheduler.PendingDeliveries.Wait
    ) throws(DiskError) -> DeliveryView {
        var view = DeliveryView(status: .pending)
        try describe(sequence, &view)
        view.attempts = attempts
        switch wait {
        case .outcome:
            view.waitsFor = .outcome
        case .retry(let due):
            view.waitsFor = isHeldBack ? .resume : .retry
            view.nextAttemptAt = clocks.wall + max(0, (due - clocks.monotonic).milliseconds)
        case .turn:
            view.waitsFor = isHeldBack ? .resume : .turn
        case .predecessor:
            view.waitsFor = isHeldBack ? .resume : .order
        }
        return view
    }

    // MARK: What has ended

    private func addHistory(to page: inout DeliveryPage) throws(DiskError) {
        var before: Journal.HistoryPlace?
        if case .history(let ordinal, let offset, let entry) = query.cursor {
            before = Journal.HistoryPlace(ordinal: ordinal, offset: offset, entry: entry)
        }
        let history = try journal.history(
            Journal.HistoryQuery(
                webhook: webhook.number,
                results: Set(
                    SettlementResult.allCases.filter { query.status == nil || DeliveryStatus($0) == query.status }),
                isSkippedMeant: query.status == nil || query.status == .skipped, since: query.since,
                until: query.until, before: before, limit: query.limit - page.deliveries.count),
            isEnough: isEnough)
        for entry in history.entries { page.deliveries.append(try view(of: entry)) }
        page.next = history.next.map { .history(ordinal: $0.ordinal, offset: $0.offset, entry: $0.entry) }
    }

    private func view(of entry: Journal.HistoryEntry) throws(DiskError) -> DeliveryView {
        switch entry {
        case .skipped(let sequence, _):
            var view = DeliveryView(status: .skipped)
            try describe(sequence, &view)
            return view
        case .settled(let settlement):
            var view = DeliveryView(status: DeliveryStatus(settlement.result))
            try describe(settlement.sequence, &view)
            view.reason = view.status == .givenUp ? settlement.result : nil
            view.attempts = Int(settlement.attempts)
            view.lastStatus = settlement.status == 0 ? nil : Int(settlement.status)
            view.settledAt = settlement.at
            return view
        }
    }

    private func describe(_ sequence: UInt64, _ view: inout DeliveryView) throws(DiskError) {
        guard let event = try journal.event(sequence) else { return }
        view.eventID = event.id(in: journal.id)
        view.event = String(decoding: event.type, as: UTF8.self)
        view.acceptedAt = event.acceptedAt
    }
}
