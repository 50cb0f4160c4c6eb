import Testing

@testable import RelayCore

@Suite("The line that systemctl status shows")
struct ServiceStatusTests {
    @Test("only what there is to say is said")
    func lines() {
        var status = ServiceStatus()
        #expect(status.text == "accepting events")
        status.figures = ServiceStatus.Figures(pending: 0, oldest: .seconds(3))
        #expect(status.text == "accepting events; 0 deliveries pending")
        status.figures = ServiceStatus.Figures(pending: 1)
        #expect(status.text == "accepting events; 1 delivery pending")
        status.figures = ServiceStatus.Figures(pending: 12, oldest: .seconds(200))
        status.failing = 2
        status.isPaused = true
        #expect(
            status.text
                == "accepting events; all deliveries paused; 2 webhooks failing; 12 deliveries pending, the oldest for 3 min"
        )
        status = ServiceStatus()
        status.state = .refusing("the journal can't be written: no")
        status.failing = 1
        status.reload = "configuration not reloaded: x"
        #expect(
            status.text
                == "refusing events: the journal can't be written: no; 1 webhook failing; configuration not reloaded: x"
        )
    }

    @Test("what stands still stands in front")
    func stalls() {
        var status = ServiceStatus()
        status.stalls = [.init(.journal, .seconds(17)), .init(.registrar, .milliseconds(15_900))]
        #expect(status.text == "no progress: journal for 17 s, registrar for 15 s; accepting events")
    }

    @Test(
        "times are rough",
        arguments: [
            (0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_799, "47 h"),
            (172_800, "2 d"), (-5, "0 s"),
        ])
    func times(seconds: Int, text: String) {
        #expect(ServiceStatus.rough(.seconds(seconds)) == text)
    }
}
