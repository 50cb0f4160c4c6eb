import RelayCore
import Testing

@testable import AdminAPI

@Suite struct MetricsTextTests {
    private func lines(_ text: PrometheusText) -> [String] {
        String(decoding: text.bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
    }

    @Test func whatTheFormatReservesIsEscaped() {
        var text = PrometheusText()
        text.family("x", .gauge, "A \\ and a \"quote\"\nand a line.")
        text.sample(1, ("a", "\\ \" \n é"), ("b", ""))
        #expect(
            lines(text) == [
                "# HELP x A \\\\ and a \"quote\"\\nand a line.", "# TYPE x gauge", "x{a=\"\\\\ \\\" \\n é\",b=\"\"} 1",
                "",
            ])
    }

    @Test(arguments: [
        (0.0, "0"), (1, "1"), (-2, "-2"), (0.25, "0.25"), (1e300, "1e+300"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
        (.nan, "NaN"), (1_777_732_330.125, "1777732330.125"),
    ])
    func numbers(_ value: Double, _ expected: String) {
        var text = PrometheusText()
        text.family("x", .gauge, "")
        text.sample(value)
        #expect(lines(text)[2] == "x \(expected)")
    }

    @Test func bucketsAreCumulative() {
        var histogram = Histogram(bounds: [0.001, 0.01])
        for milliseconds in [0, 1, 2, 10, 11, 500] { histogram.observe(.milliseconds(milliseconds)) }
        histogram.observe(.milliseconds(-5))
        #expect(histogram.counts == [3, 2, 2])
        #expect(histogram.count == 7)
        var text = PrometheusText()
        text.family("x", .histogram, "")
        text.samples(histogram)
        #expect(
            lines(text)[2...] == [
                "x_bucket{le=\"0.001\"} 3", "x_bucket{le=\"0.01\"} 5", "x_bucket{le=\"+Inf\"} 7", "x_sum 0.524",
                "x_count 7", "",
            ])
    }

    @Test func theRouteNeedsNoBasePath() async throws {
        try await APIHarness.run { api in
            api.administration.edit { state in
                state.metrics.version = "1.2.3"
                state.metrics.accepted = [.init(type: "job.created", count: 4)]
                state.metrics.refused[.invalidJSON] = 2
                state.metrics.settled[.displaced] = 9
                state.metrics.oldestPending = .milliseconds(1500)
            }
            let answer = try await api.call("GET", "/metrics")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            let lines = answer.body.split(separator: "\n")
            for line in [
                "hookline_build_info{version=\"1.2.3\"} 1", "hookline_events_accepted_total{event=\"job.created\"} 4",
                "hookline_events_refused_total{error=\"invalid_json\"} 2",
                "hookline_events_refused_total{error=\"shutting_down\"} 0",
                "hookline_deliveries_settled_total{result=\"displaced\"} 9", "hookline_backlog_oldest_seconds 1.5",
            ] { #expect(lines.contains { $0 == line }, "\(line)") }
            #expect(try await api.call("POST", "/metrics").status == 405)
        }
    }
}
