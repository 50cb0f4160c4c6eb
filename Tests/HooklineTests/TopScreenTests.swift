import AdminAPI
import Testing

@testable import hookline

@Suite struct TopScreenTests {
    private static let wall = TopModelTests.wall

    private func lines(_ model: TopModel) -> [String] {
        model.lines(wall: (Self.wall + 60_000, "14:32:10")).map(\.text)
    }

    /// A model with all that the screen can show.
    private func busy(width: Int, height: Int, webhooks: Int) -> TopModel {
        var model = TopModel(width: width, height: height)
        for second in 0...60 {
            let wish = model.wish
            var sample = TopModelTests.sample(
                Double(second), count: webhooks, from: min(wish.offset, webhooks), limit: wish.limit)
            sample.accepted = Int64(second * 1_234)
            sample.delivered = Int64(second * 1_200)
            sample.failedAttempts = Int64(second * 3)
            sample.pending = 12_345
            sample.inFlight = 64
            sample.oldestAcceptedAt = sample.wall - 180_000
            sample.problems = [.init(message: "A problem that takes some words to tell.", command: "hookline status")]
            for index in sample.webhooks.indices {
                sample.webhooks[index].delivered = Int64(second * (index + 1))
                sample.webhooks[index].lastSuccessAt = sample.wall - 1_000
            }
            if webhooks > 3 {
                sample.webhooks[1].description = "李さんの注文 👩🏽‍💻 \u{1B}[31mred\u{202E}\n"
                sample.webhooks[2].failures = 7
                sample.webhooks[2].breaker = "open"
                sample.webhooks[2].lastFailure = "HTTP 503: \u{1B}]0;title\u{7}" + String(repeating: "long ", count: 50)
                sample.webhooks[2].lastFailureAt = sample.wall
                sample.webhooks[3].state = "paused"
                sample.failures = [sample.webhooks[2]]
            }
            model.take(sample, order: .backlog)
        }
        return model
    }

    @Test(arguments: [(80, 24), (160, 50), (20, 5), (40, 12), (100, 16), (300, 100), (1, 1), (5, 2), (20, 200)])
    func nothingIsWiderOrHigherThanTheScreen(width: Int, height: Int) {
        for webhooks in [0, 1, 5, 10_000] {
            var model = busy(width: width, height: height, webhooks: webhooks)
            for step in ["list", "selected", "help", "question", "lost"] {
                switch step {
                case "selected": _ = model.press(.down)
                case "help": _ = model.press(.character("?"))
                case "question":
                    _ = model.press(.enter)
                    _ = model.press(.character("P"))
                case "lost":
                    _ = model.press(.character("n"))
                    model.fail("nobody listens on /run/hookline/api.sock\n: the daemon is not running", at: 75)
                default: break
                }
                let screen = lines(model)
                #expect(screen.count == height, "\(webhooks) \(step)")
                for line in screen {
                    #expect(TextWidth.of(line) <= width, "\(webhooks) \(step): \(line)")
                    #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202E }, "\(line)")
                }
            }
        }
    }

    @Test func anOrdinaryTerminal() {
        let screen = lines(busy(width: 80, height: 24, webhooks: 5))
        #expect(screen[0] == "Hookline 1.2.3  process 42, up 3 h 13 min                    14:32:10  every 1 s")
        #expect(screen[1] == "● A problem that takes some words to tell. ▸ hookline status")
        #expect(screen[3] == "Events in    1,234/s  ██████████  Backlog   12,345  oldest 3 min")
        #expect(screen[4] == "Delivered    1,200/s  ██████████  In flight 64")
        #expect(screen[5] == "Failed         3.0/s  ██████████  Latency   p50 –  p95 –  p99 –")
        #expect(
            screen[7].split(separator: " ") == [
                "WEBHOOK", "STATE", "WAITING▾", "RATE/S", "LAST", "MINUTE", "LAST", "OUTCOME",
            ])
        #expect(screen[8].hasPrefix("  hooks.example/0       active           5     1.0  ████████████  ok, 1 s ago"))
        #expect(screen[9].hasPrefix("  李さんの注文"))
        #expect(screen[10].contains("failing"))
        #expect(screen[11].contains("paused"))
        #expect(screen[18] == "Recent failures")
        #expect(screen[19].hasPrefix("     0 s ago  hooks.example/2       HTTP 503"))
        #expect(screen[23].hasPrefix("q quit  ? help  ↑↓ select"))
    }

    @Test func aWideTerminalHasMoreColumns() {
        let screen = lines(busy(width: 160, height: 50, webhooks: 5))
        for heading in ["TENANT", "BREAKER", "FLIGHT"] { #expect(screen[7].contains(heading)) }
        #expect(screen[10].contains("open"))
    }

    @Test func aTinyTerminalHasTheListAndTheFigures() {
        let screen = lines(busy(width: 20, height: 5, webhooks: 5))
        #expect(screen[0] == "in 1,234  out 1,200…")
        #expect(screen[1].hasPrefix("  hoo…le/0"))
        #expect(screen[1].hasSuffix(" 5"))
        #expect(screen[4].hasPrefix("q quit  ? help"))
    }

    @Test func aQuestionsAnswerIsAlwaysToBeSeen() {
        var model = busy(width: 20, height: 5, webhooks: 5)
        _ = model.press(.character("P"))
        #expect(lines(model)[4].hasSuffix(" y/n"))
    }

    @Test func withoutWebhooksItSaysHowToAddOne() {
        let screen = lines(busy(width: 80, height: 24, webhooks: 0)).joined(separator: "\n")
        #expect(screen.contains("hookline webhooks add"))
    }

    @Test func aLossStandsAtTheTop() {
        var model = busy(width: 80, height: 24, webhooks: 5)
        model.fail("nobody listens on /run/hookline/api.sock", at: 72)
        #expect(
            lines(model)[1] == "● No answer for 12 s, trying again: nobody listens on /run/hookline/api.sock")
        model.resize(width: 60, height: 24)
        #expect(lines(model)[1] == "● No answer for 12 s, trying again: nobody listens on")
        #expect(lines(model)[2] == "  /run/hookline/api.sock")
        model.resize(width: 20, height: 5)
        #expect(lines(model)[0].hasPrefix("● No answer"))
    }

    @Test func theSelectedRowIsMarkedWithoutColours() {
        var model = busy(width: 80, height: 24, webhooks: 5)
        #expect(!lines(model).contains { $0.hasPrefix("▸") })
        _ = model.press(.down)
        #expect(lines(model).filter { $0.hasPrefix("▸ hooks.example/0") }.count == 1)
    }

    /// A screen of ten thousand webhooks is made of those that are in sight: not slower than one of a hundred.
    @Test func tenThousandCostNoMoreThanAHundred() {
        let few = busy(width: 160, height: 50, webhooks: 100)
        let many = busy(width: 160, height: 50, webhooks: 10_000)
        #expect(many.sample?.webhooks.count ?? 0 <= 70)
        #expect(many.list(Self.wall).count == few.list(Self.wall).count)
    }

    @Test func theReportForPrograms() throws {
        let model = busy(width: 80, height: 24, webhooks: 5)
        let report = TopReport.json(model)
        #expect(report["perSecond"]?["accepted"]?.doubleValue == 1_234)
        #expect(report["backlog"]?["pending"] == 12_345)
        #expect(report["latencySeconds"]?["p99"] == .null)
        #expect(report["webhooks"]?.arrayValue?.count == 5)
        #expect(report["webhooks"]?.arrayValue?.first?["deliveredPerSecond"]?.doubleValue == 1)
        #expect(report["recentFailures"]?.arrayValue?.count == 20)
    }
}
