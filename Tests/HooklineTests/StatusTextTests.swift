import AdminAPI
import Testing

@testable import hookline

@Suite struct StatusTextTests {
    private func status(_ problems: [JSONValue], isReady: Bool = true) -> JSONValue {
        [
            "version": "1.2.3", "pid": 42, "startedAt": "2026-05-02T14:00:00.000Z", "isReady": .bool(isReady),
            "webhooks": ["active": 3, "paused": 0, "disabled": 0],
            "deliveries": ["pending": 7, "inFlight": 1, "oldestAcceptedAt": "2026-05-02T14:30:10.000Z"],
            "journal": ["bytes": 2_048, "segments": 1], "problems": .array(problems),
        ]
    }

    private func lines(_ status: JSONValue, width: Int?) -> [String] {
        StatusText.lines(status, now: 1_777_732_330_000, width: width, style: TextStyle(isEnabled: false))
    }

    @Test func allIsWell() {
        let text = lines(status([]), width: 80)
        #expect(text[0] == "All is well.")
        #expect(text.contains("Daemon      Hookline 1.2.3, process 42, up 32 min"))
        #expect(text.contains { $0.hasPrefix("Deliveries  7 waiting (the oldest for 2 min), 1 in flight") })
    }

    @Test func eachProblemHasItsTimeAndItsCommand() {
        let problems: [JSONValue] = [
            [
                "kind": "paused", "message": "All deliveries are paused.", "since": "2026-05-02T14:02:10.000Z",
                "purpose": "let them go on", "command": "hookline resume",
            ],
            [
                "kind": "webhook_failing", "message": "The webhook wh_1\u{1B}[2J fails.", "since": .null,
                "purpose": "see what its receiver answers", "command": "hookline webhooks test wh_1",
            ],
        ]
        let text = lines(status(problems), width: 80)
        #expect(
            Array(text[..<5]) == [
                "Events are accepted, but look at this:",
                "  - All deliveries are paused. Since 2026-05-02T14:02:10Z, 30 min ago.",
                "    To let them go on: hookline resume",
                "  - The webhook wh_1\\u{1b}[2J fails.",
                "    To see what its receiver answers: hookline webhooks test wh_1",
            ])
        let narrow = lines(status(problems), width: 40)
        #expect(narrow.allSatisfy { TextWidth.of($0) <= 40 })
        #expect(narrow.contains("      hookline webhooks test wh_1"))
        #expect(lines(status(problems, isReady: false), width: 80)[0] == "Events are not accepted.")
    }
}
