import Testing

@testable import RelayCore

@Suite("Token bucket")
struct TokenBucketTests {
    private static let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    /// Takes as many tokens as there are.
    private static func drain(_ bucket: inout TokenBucket, at now: MonotonicTime) -> Int {
        var count = 0
        while bucket.nextToken(now: now) == now {
            bucket.take(now: now)
            count += 1
        }
        return count
    }

    @Test func aFullBucketGivesItsBurstAndThenTheRate() {
        var bucket = TokenBucket(RateLimit(perSecond: 2, burst: 5), isFull: true, now: Self.start)
        #expect(Self.drain(&bucket, at: Self.start) == 5)
        #expect(bucket.nextToken(now: Self.start) == Self.start + .milliseconds(500))
        #expect(Self.drain(&bucket, at: Self.start + .milliseconds(499)) == 0)
        #expect(Self.drain(&bucket, at: Self.start + .milliseconds(500)) == 1)
        #expect(Self.drain(&bucket, at: Self.start + .milliseconds(1_500)) == 2)
        #expect(Self.drain(&bucket, at: Self.start + .seconds(3600)) == 5, "it holds no more than its burst")
    }

    @Test func anEmptyBucketGivesItsFirstTokenAfterOneInterval() {
        var bucket = TokenBucket(RateLimit(perSecond: 4, burst: 3), isFull: false, now: Self.start)
        #expect(Self.drain(&bucket, at: Self.start) == 0)
        #expect(bucket.nextToken(now: Self.start) == Self.start + .milliseconds(250))
        #expect(Self.drain(&bucket, at: Self.start + .milliseconds(250)) == 1)
        #expect(Self.drain(&bucket, at: Self.start + .seconds(10)) == 3)
    }

    @Test func anotherLimitGoesOnFromTheTokensThereAre() {
        var bucket = TokenBucket(RateLimit(perSecond: 1, burst: 10), isFull: true, now: Self.start)
        for _ in 0..<7 { bucket.take(now: Self.start) }
        var wider = bucket.changed(to: RateLimit(perSecond: 100, burst: 50), now: Self.start)
        #expect(Self.drain(&wider, at: Self.start) == 3)
        var narrower = bucket.changed(to: RateLimit(perSecond: 1, burst: 2), now: Self.start)
        #expect(Self.drain(&narrower, at: Self.start) == 2)
    }

    @Test("in no stretch of time there are more than the burst and the rate allow", arguments: 1...20)
    func isNeverExceeded(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let rates = [0.001, 0.3, 1, 3, 7.7, 1_000, 33_333.3, 100_000]
        let limit = RateLimit(perSecond: rates[random.below(rates.count)], burst: 1 + random.below(6))
        var bucket = TokenBucket(limit, isFull: random.chance(50), now: Self.start)
        var now = Self.start
        var taken: [MonotonicTime] = []
        for _ in 0..<400 {
            switch random.below(3) {
            case 0: now = max(now, bucket.nextToken(now: now))
            case 1: now = now + .nanoseconds(Int64(Double(random.below(3_000)) * 1_000_000 / limit.perSecond))
            default: break
            }
            if bucket.nextToken(now: now) == now {
                bucket.take(now: now)
                taken.append(now)
            }
        }
        #expect(taken.count > 20)
        for first in taken.indices {
            for last in first..<taken.count {
                let seconds = Double((taken[last] - taken[first]).nanoseconds) / 1e9
                let allowed = Double(limit.burst) + seconds * limit.perSecond
                #expect(Double(last - first + 1) <= allowed + 1e-6, "seed \(seed): \(limit)")
            }
        }
    }

    @Test func limitsOutOfBoundsAreBroughtInto() {
        #expect(RateLimit(perSecond: 0, burst: 0) == RateLimit(perSecond: 0.001, burst: 1))
        #expect(RateLimit(perSecond: 1e9, burst: .max) == RateLimit(perSecond: 100_000, burst: 100_000))
        var slowest = TokenBucket(RateLimit(perSecond: 0.001, burst: 100_000), isFull: false, now: Self.start)
        #expect(slowest.nextToken(now: Self.start) == Self.start + .seconds(1000))
        #expect(Self.drain(&slowest, at: Self.start + .seconds(1000)) == 1)
    }
}
