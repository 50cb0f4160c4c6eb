import RelayCore
import Testing

/// `Retry-After` and `webhook-delivery`, as receivers write them.
@Suite("What an answer's head asks for")
struct RetryAfterTests {
    /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
    private static let example: Int64 = 784_111_777
    private static let day: Int64 = 86_400

    @Test(
        "seconds",
        arguments: [
            ("0", 0), ("1", 1), ("120", 120), (" 7\t", 7), ("86400", 86_400), ("86401", 86_400),
            ("99999999999999999999999999", 86_400), ("9223372036854775807", 86_400),
        ] as [(String, Int64)])
    func seconds(text: String, wait: Int64) {
        #expect(RetryAfter.wait(text, now: Self.example) == .seconds(wait))
    }

    @Test(
        "what is neither is ignored",
        arguments: [
            "", " ", "-1", "+1", "1.5", "1s", "soon", "0x10", "１２", "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Wed, 29 Feb 1995 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
            "Son, 06 Nov 1994 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
            "Sun Nov 06 08:49:37 1994 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov  06 08:49:37 1994",
            "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994  08:49:37 GMT",
        ])
    func neither(text: String) {
        #expect(RetryAfter.wait(text, now: Self.example) == nil)
    }

    @Test(
        "the three forms of a date",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
            "Sun Nov 06 08:49:37 1994",
        ])
    func forms(text: String) {
        #expect(HTTPDate.seconds(text, now: Self.example) == Self.example)
        #expect(RetryAfter.wait(text, now: Self.example - 90) == .seconds(90))
        #expect(RetryAfter.wait(text, now: Self.example + 90) == .zero)
        #expect(RetryAfter.wait(text, now: Self.example - 2 * Self.day) == .seconds(Self.day))
    }

    @Test(
        "dates at the edges of the calendar",
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800), ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800), ("Thu, 31 Dec 2099 00:00:00 GMT", 4_102_358_400),
        ] as [(String, Int64)])
    func edges(text: String, seconds: Int64) {
        #expect(HTTPDate.seconds(text, now: 1_777_000_000) == seconds)
    }

    /// 1,777,000,000 is in 2026.
    @Test(
        "two digits of a year mean at most 50 years ahead",
        arguments: [("76", 3_345_062_400), ("77", 220_924_800), ("26", 1_767_225_600), ("00", 946_684_800)]
            as [(String, Int64)])
    func twoDigits(year: String, seconds: Int64) {
        #expect(HTTPDate.seconds("Monday, 01-Jan-\(year) 00:00:00 GMT", now: 1_777_000_000) == seconds)
    }

    @Test("every day from 1970 to 2100 has the number after the one before")
    func calendar() {
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        var expected: Int64 = 0
        for year in 1970...2100 {
            for month in months {
                for day in 1...31 {
                    let text = "Mon, \(day < 10 ? "0" : "")\(day) \(month) \(year) 00:00:00 GMT"
                    guard let seconds = HTTPDate.seconds(text, now: 0) else { continue }
                    #expect(seconds == expected, "\(text)")
                    expected += Self.day
                }
            }
        }
        #expect(expected == 4_133_980_800)
    }

    @Test("the longest wish is a day, and jitter only adds a fifth to it")
    func wished() {
        #expect(RetryPolicy.wished(.seconds(100), random: 0) == .seconds(100))
        #expect(RetryPolicy.wished(.seconds(100), random: 1000) == .seconds(120))
        #expect(RetryPolicy.wished(.seconds(1_000_000), random: 0) == .seconds(86_400))
    }

    @Test(
        "webhook-delivery",
        arguments: [
            ([], nil), ([""], nil), (["disabled"], nil), (["disable"], .disable), (["Disable "], .disable),
            (["abort-message"], .abortMessage), (["x, ABORT-MESSAGE"], .abortMessage),
            (["abort-message", "disable"], .disable), (["abort-message,disable"], .disable), (["abort message"], nil),
        ] as [([String], AttemptOutcome.Wish?)])
    func wishes(values: [String], wish: AttemptOutcome.Wish?) {
        #expect(AttemptOutcome.Wish(values) == wish)
    }
}
