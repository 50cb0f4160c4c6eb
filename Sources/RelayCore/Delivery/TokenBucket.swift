/// Says when the next attempt may begin, so that in no stretch of time there are more than the burst and what the rate
/// allows for its length.
///
/// A token bucket as one number: when it will be full again (the generic cell rate algorithm, ITU-T I.371). A token comes
/// in every `interval`, and taking one makes the bucket full one interval later.
struct TokenBucket: Equatable, Sendable {
    let limit: RateLimit
    private let interval: Int64
    private let capacity: Int64
    private var fullAt: MonotonicTime

    /// A full bucket, or an empty one: after a restart nobody knows what went out just before it.
    init(_ limit: RateLimit, isFull: Bool, now: MonotonicTime) {
        self.limit = limit
        // Upwards, so that the rate is never exceeded; at most 1000 s.
        interval = max(1, Int64((1_000_000_000 / limit.perSecond).rounded(.up)))
        capacity = interval * Int64(limit.burst)
        fullAt = isFull ? now : now + .nanoseconds(capacity)
    }

    /// When a token is there: now, or later.
    func nextToken(now: MonotonicTime) -> MonotonicTime {
        max(now, MonotonicTime(nanoseconds: fullAt.nanoseconds + interval - capacity))
    }

    /// Takes a token, which is there.
    mutating func take(now: MonotonicTime) {
        fullAt = MonotonicTime(nanoseconds: max(fullAt.nanoseconds, now.nanoseconds) + interval)
    }

    /// The bucket of another limit that goes on from this one: it has no more tokens than this.
    func changed(to limit: RateLimit, now: MonotonicTime) -> TokenBucket {
        var bucket = TokenBucket(limit, isFull: true, now: now)
        let missing = max(0, fullAt.nanoseconds - now.nanoseconds)
        let tokens = (capacity - min(capacity, missing)) / interval
        bucket.fullAt = now + .nanoseconds(max(0, bucket.capacity - tokens * bucket.interval))
        return bucket
    }
}
