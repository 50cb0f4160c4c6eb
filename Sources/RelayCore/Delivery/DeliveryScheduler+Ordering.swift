import DequeModule

/// Order: which delivery waits for which.
///
/// What is blocked is open as any delivery between two tries is: on disk as begun, counted, and within the same bounds.
extension DeliveryScheduler {
    /// A lane's wish to see the events of deliveries whose value it does not know.
    package struct LookUp: Equatable, Sendable {
        package let webhook: WebhookNumber
        package let sequences: [UInt64]
        let generation: Int
    }

    /// The next events to look up for a lane's order; nil if no lane wants any now.
    package mutating func nextLookUp() -> LookUp? {
        while let webhook = unplaced.popFirst() {
            guard let slot = slots[webhook] else { continue }
            lanes[slot].isQueuedForLookUp = false
            guard !lanes[slot].order.isLookingUp, !lanes[slot].order.unplaced.isEmpty else { continue }
            lanes[slot].order.isLookingUp = true
            return LookUp(
                webhook: webhook, sequences: Array(lanes[slot].order.unplaced.prefix(Limits.valueLookUps)),
                generation: lanes[slot].order.generation)
        }
        return nil
    }

    /// Takes the events that ``nextLookUp()`` asked for.
    ///
    /// - Parameter events: those that there still are; nil: they could not be read, and are asked for again.
    package mutating func found(_ events: [UInt64: EventRecord]?, for lookUp: LookUp) {
        guard let slot = slots[lookUp.webhook], lanes[slot].order.generation == lookUp.generation else { return }
        lanes[slot].order.isLookingUp = false
        if let events {
            for sequence in lookUp.sequences { place(sequence, events[sequence], slot) }
            lanes[slot].order.unplaced.removeFirst(lookUp.sequences.count)
            lanes[slot].order.held = max(0, lanes[slot].order.held - lookUp.sequences.count)
        }
        queueLookUp(slot)
        wake(slot)
    }

    private mutating func place(_ sequence: UInt64, _ event: EventRecord?, _ slot: Int) {
        guard lanes[slot].open[sequence]?.place == .unknown else { return }
        let place = lanes[slot].order.place(of: event)
        lanes[slot].open[sequence]?.place = place
        guard let delivery = lanes[slot].open[sequence] else { return }
        lanes[slot].joinLine(sequence, delivery)
        switch delivery.phase {
        case .inFlight:
            if case .line(let key) = delivery.place { lanes[slot].order.lines[key]?.inFlight += 1 }
        case .blocked: lanes[slot].makeReady(sequence)
        case .parked, .due: break
        }
    }

    func wantsLookUp(_ slot: Int) -> Bool {
        !lanes[slot].order.unplaced.isEmpty && !lanes[slot].order.isLookingUp
    }

    mutating func queueLookUp(_ slot: Int) {
        guard wantsLookUp(slot), !lanes[slot].isQueuedForLookUp else { return }
        lanes[slot].isQueuedForLookUp = true
        unplaced.append(lanes[slot].webhook)
    }

    /// Takes an ordering over, for what is open too.
    mutating func setOrdering(_ ordering: DeliveryOrdering, _ slot: Int) {
        lanes[slot].reorder(ordering)
        queueLookUp(slot)
    }

    /// Puts a delivery that is made once more where it belongs.
    mutating func enterOrder(_ sequence: UInt64, _ slot: Int) {
        guard let delivery = lanes[slot].open[sequence] else { return }
        guard delivery.place != .unknown else {
            lanes[slot].order.unplaced.append(sequence)
            return queueLookUp(slot)
        }
        lanes[slot].joinLine(sequence, delivery)
        lanes[slot].makeReady(sequence)
    }

    /// Begins a fresh event's delivery.
    ///
    /// - Returns: false: it is open from now on, and waits for an earlier one of its line.
    mutating func beginFresh(
        _ fresh: Lane.Waiting, _ slot: Int, epoch: UInt32, now: MonotonicTime, wall: Int64
    ) -> Bool {
        let place = lanes[slot].order.place(of: fresh.event)
        let delivery = Lane.Open(
            attempts: 0, phase: .inFlight, isRecorded: false, bytes: UInt32(clamping: fresh.bytes),
            begun: Lane.Moment(monotonic: now, wall: wall), place: place, epoch: epoch,
            isOperational: fresh.event.isOperational)
        lanes[slot].open[fresh.sequence] = delivery
        lanes[slot].joinLine(fresh.sequence, delivery)
        touched.insert(lanes[slot].webhook)
        guard lanes[slot].mayBegin(fresh.sequence, delivery) else {
            changeParked(slot, by: 1)
            lanes[slot].makeReady(fresh.sequence)
            if !lanes[slot].takesFresh(isCrowded: isCrowded) { releaseWaiting(slot) }
            return false
        }
        return true
    }

    /// An attempt has ended: the next one of its line may go.
    mutating func leaveLine(_ place: LaneOrder.Place, _ slot: Int) {
        guard case .line(let key) = place else { return }
        lanes[slot].order.lines[key]?.inFlight -= 1
        lanes[slot].promote(key)
    }

    /// A delivery is not open any more.
    mutating func forgetPlace(of delivery: Lane.Open, _ sequence: UInt64, _ slot: Int) {
        if delivery.isRepeat { lanes[slot].openRepeats -= 1 }
        guard case .line(let key) = delivery.place else { return }
        lanes[slot].order.lines[key]?.remove(sequence, isRepeat: delivery.isRepeat)
        lanes[slot].promote(key)
    }
}
