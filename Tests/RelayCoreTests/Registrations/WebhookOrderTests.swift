import RelayCore
import Testing

@Suite struct WebhookOrderTests {
    private func standing(
        _ number: WebhookNumber, pending: Int = 0, failures: Int = 0, delivered: Int = 0, failedAt: Int64? = nil
    ) -> WebhookStanding {
        var standing = WebhookStanding(number: number)
        (standing.pending, standing.consecutiveFailures) = (pending, failures)
        (standing.delivered, standing.lastFailureAt) = (delivered, failedAt)
        return standing
    }

    @Test func whatWantsLookingAtComesFirst() {
        let all = [
            standing(4, pending: 5), standing(3, pending: 9, failures: 1, failedAt: 10),
            standing(2, pending: 5, failures: 3, failedAt: 20), standing(1, delivered: 7),
        ]
        #expect(WebhookOrder.backlog.ranked(all) == [3, 2, 4, 1])
        #expect(WebhookOrder.failures.ranked(all) == [2, 3, 4, 1])
        #expect(WebhookOrder.lastFailure.ranked(all) == [2, 3])
        #expect(WebhookOrder.rate.ranked(all, rates: [4: 0.5, 3: 0.25]) == [4, 3, 1, 2])
        #expect(WebhookOrder.rate.ranked(all) == [1, 2, 3, 4])
        #expect(WebhookOrder.backlog.ranked([]) == [])
    }

    @Test func ratesAreOverTenToTwentySeconds() {
        var book = RateBook()
        func time(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
        #expect(book.rates([standing(1, delivered: 100)], at: time(0)) == [:])
        #expect(book.rates([standing(1, delivered: 110)], at: time(5)) == [1: 2])
        // A webhook that is new has no rate yet, one that has done nothing none.
        #expect(
            book.rates([standing(1, delivered: 200), standing(2, delivered: 50)], at: time(10)) == [1: 10])
        #expect(book.rates([standing(1, delivered: 200), standing(2, delivered: 50)], at: time(20)) == [:])
        #expect(book.rates([standing(1, delivered: 200), standing(2, delivered: 60)], at: time(30)) == [2: 1])
        // Counts that began anew are no negative rate.
        #expect(book.rates([standing(2, delivered: 0)], at: time(40)) == [:])
    }
}
