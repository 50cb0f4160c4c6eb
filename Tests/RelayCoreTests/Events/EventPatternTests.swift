import RelayCore
import Testing

/// Which types a pattern means.
@Suite("Event patterns")
struct EventPatternTests {
    @Test(
        "matches",
        arguments: [
            ("*", "job.closed", true), ("*", "a.b.c", true), ("*", "webhook.failing", false),
            ("*", "delivery.given_up", false),
            ("webhook.*", "webhook.failing", true), ("delivery.given_up", "delivery.given_up", true),
            ("application.*", "application.created", true), ("application.*", "application", false),
            ("application.*", "applications.created", false), ("a.b.*", "a.b.c", true), ("a.b.*", "a.b", false),
            ("job.closed", "job.closed", true), ("job.closed", "job.closed2", false),
            ("job.closed", "Job.closed", false),
        ])
    func matches(pattern: String, type: String, isMatch: Bool) throws {
        let parsed = try #require(EventPattern(pattern))
        #expect(parsed.matches(type) == isMatch)
        #expect(parsed.description == pattern)
    }

    @Test(
        "no patterns",
        arguments: [
            "", ".", ".*", "**", "a*", "*.a", "a..b", ".a", "a.", "a.*.b", "a.**", "a b", "a.é", "a/b", "a,b", " *",
            "* ",
        ])
    func bad(pattern: String) {
        #expect(EventPattern(pattern) == nil)
    }

    @Test("names of up to 128 bytes", arguments: [(127, true), (128, true), (129, false)])
    func length(bytes: Int, isValid: Bool) {
        let name = String(repeating: "n", count: bytes)
        #expect((EventPattern(name) != nil) == isValid)
        #expect((EventPattern(name + ".*") != nil) == isValid)
    }
}
