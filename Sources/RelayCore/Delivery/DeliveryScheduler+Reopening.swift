/// Deliveries that are made once more.
extension DeliveryScheduler {
    package enum Reopening: Equatable, Sendable {
        case reopened
        /// It is pending as it is, or the webhook is gone.
        case pending
        /// To be asked again later: the lane has not come that far.
        case tooEarly
    }

    /// Delivers a settled delivery once more, or one that never was.
    ///
    /// - Parameter isMatched: whether the event went to the webhook when it was accepted.
    package mutating func reopen(
        _ sequence: UInt64, bytes: Int, for webhook: WebhookNumber, isMatched: Bool, now: MonotonicTime, wall: Int64
    ) -> Reopening {
        guard let slot = slots[webhook], !lanes[slot].health.isDisabled, lanes[slot].open[sequence] == nil else {
            return .pending
        }
        guard sequence < reach(of: lanes[slot]) else { return isMatched ? .pending : .tooEarly }
        // What the journal has not heard of yet it never hears of: in one record the settlement has the last word.
        let unsaved = lanes[slot].unsaved.settled.lastIndex { $0.sequence == sequence }
        lanes[slot].open[sequence] = Lane.Open(
            attempts: 0, phase: .blocked, isRecorded: unsaved == nil, bytes: UInt32(clamping: bytes),
            begun: Lane.Moment(monotonic: now, wall: wall), isRepeat: true, place: lanes[slot].order.placeUnseen)
        lanes[slot].openRepeats += 1
        changeParked(slot, by: 1)
        enterOrder(sequence, slot)
        lanes[slot].pending += 1
        lanes[slot].pendingBytes += bytes
        if let unsaved {
            lanes[slot].unsaved.settled.remove(at: unsaved)
            unsavedBytes = max(0, unsavedBytes - LaneProgress.settlementBytes)
        } else {
            lanes[slot].unsaved.reopened.append(
                LaneProgress.Opening(sequence: sequence, bytes: UInt32(clamping: bytes)))
            unsavedBytes += 12
        }
        touched.insert(webhook)
        wake(slot)
        return .reopened
    }

    /// How many more deliveries a webhook's lane takes to be made once more at present.
    package func roomToReopen(for webhook: WebhookNumber) -> Int {
        guard let slot = slots[webhook], !isCrowded else { return 0 }
        return max(0, Limits.laneWindow - lanes[slot].openRepeats)
    }
}
