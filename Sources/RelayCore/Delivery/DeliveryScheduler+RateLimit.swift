import HeapModule

/// Rate limits: a lane whose bucket is empty has no work until the next token comes.
extension DeliveryScheduler {
    /// Whether a lane has a token; if not, it waits for one.
    mutating func hasToken(_ slot: Int, now: MonotonicTime) -> Bool {
        guard let token = lanes[slot].bucket?.nextToken(now: now), token > now else { return true }
        lanes[slot].isThrottled = true
        throttles.insert(Timer(due: token, webhook: lanes[slot].webhook, sequence: 0))
        return false
    }

    /// Lets lanes go on that have a token again.
    mutating func endThrottles(_ now: MonotonicTime) {
        while let timer = throttles.min, timer.due <= now {
            throttles.removeMin()
            guard let slot = slots[timer.webhook] else { continue }
            lanes[slot].isThrottled = false
            queueIfReady(slot)
        }
    }

    /// Takes a webhook's limit over.
    ///
    /// - Parameter isNew: whether the webhook is: one that was there before the start may have been called just before it.
    mutating func setRateLimit(_ limit: RateLimit?, _ slot: Int, isNew: Bool, now: MonotonicTime) {
        guard limit != lanes[slot].bucket?.limit else { return }
        lanes[slot].isThrottled = false
        lanes[slot].bucket = limit.map { limit in
            lanes[slot].bucket?.changed(to: limit, now: now) ?? TokenBucket(limit, isFull: isNew, now: now)
        }
    }
}
