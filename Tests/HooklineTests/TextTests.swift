import Testing

@testable import hookline

@Suite struct TextTests {
    @Test(
        arguments: [
            ("200ms", Duration.milliseconds(200)), ("2s", .seconds(2)), ("2", .seconds(2)),
            ("0.5s", .milliseconds(500)),
            ("3m", .seconds(180)), ("1h", .seconds(3_600)), ("1d", .seconds(86_400)), ("366d", .seconds(366 * 86_400)),
            ("367d", nil), ("", nil), ("ms", nil), ("-1s", nil), ("1 s", nil), ("1w", nil), ("nan", nil),
        ] as [(String, Duration?)])
    func durations(text: String, expected: Duration?) {
        #expect(DurationArgument(argument: text)?.duration == expected)
    }

    @Test func headersOnTheCommandLine() {
        #expect(ReceivedHeader(argument: "a=b=c")?.value == "b=c")
        #expect(ReceivedHeader(argument: "webhook-signature: v1,abc=")?.value == "v1,abc=")
        #expect(ReceivedHeader(argument: "webhook-signature=v1,abc=")?.name == "webhook-signature")
        #expect(ReceivedHeader(argument: "a") == nil)
        #expect(ReceivedHeader(argument: "=b") == nil)
    }

    @Test func controlCharactersAreShown() {
        #expect(PrintableText.of("a\u{1B}[31mb\u{9B}\u{202E}\n") == #"a\u{1b}[31mb\u{9b}\u{202e}\u{a}"#)
        #expect(PrintableText.of("a\nb\u{7}", keepsNewlines: true) == "a\nb\\u{7}")
        #expect(PrintableText.of("Łucja 李 👩🏽‍💻") == "Łucja 李 👩🏽‍💻")
    }

    @Test func indentedJSONChangesNoToken() {
        let text = #"{"a":[1e400,-0,{}, [ ]],"b":"x, {\"y\": 1}","c":{"d":null}}"#
        #expect(
            JSONIndenter.indented(Array(text.utf8), prefix: "") == """
                {
                  "a": [
                    1e400,
                    -0,
                    {},
                    []
                  ],
                  "b": "x, {\\"y\\": 1}",
                  "c": {
                    "d": null
                  }
                }
                """)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")])
    func groupedDigits(number: Int, expected: String) {
        #expect(SendTally.grouped(number) == expected)
    }

    @Test func summaries() {
        var tally = SendTally()
        tally.accepted = 1
        #expect(tally.summary(after: .milliseconds(10)) == "1 line in 10 ms (100/s): 1 accepted")
        tally.accepted = 1_998
        tally.duplicates = 1
        tally.refused = 1
        #expect(
            tally.summary(after: .seconds(2))
                == "2,000 lines in 2.0 s (1,000/s): 1,998 accepted, 1 duplicate, 1 refused")
    }

    @Test func demoEventsAreOneOfEachType() throws {
        let events = DemoEvent.samples(at: 1_777_732_330_000)
        #expect(
            events.map(\.type) == [
                "application.created", "application.scored", "application.shortlisted", "application.rejected",
                "job.created", "job.closed",
            ])
        for event in events {
            #expect(event.line.last == 10)
            #expect(!event.line.dropLast().contains(10))
            #expect(event.body.withUnsafeBytes { ObjectScanner($0) } != nil)
            #expect(DeliverySummary(body: event.body).tenant == DemoEvent.tenant)
        }
    }
}
