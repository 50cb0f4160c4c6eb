import Glibc
import RelayCore

/// What the head of an answer says about the attempts to come.
struct ReceiverAdvice {
    let retryAfter: Duration?
    let wish: AttemptOutcome.Wish?

    init(_ fields: ResponseFields) {
        // The host's clock: a receiver whose own is wrong gets what it asked for, within the bound.
        retryAfter = fields.first(name: "retry-after").flatMap { RetryAfter.wait($0, now: Int64(time(nil))) }
        wish = AttemptOutcome.Wish(fields["webhook-delivery"])
    }
}
