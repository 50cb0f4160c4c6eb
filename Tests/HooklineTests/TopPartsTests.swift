import Testing

@testable import hookline

@Suite struct TopPartsTests {
    // MARK: Keys

    @Test(
        arguments: [
            ([0x71], [.character("q")]), ([0x1B, 0x5B, 0x41, 0x1B, 0x4F, 0x42], [.up, .down]),
            ([0x1B, 0x5B, 0x35, 0x7E], [.pageUp]), ([0x1B, 0x5B, 0x31, 0x3B, 0x35, 0x43], []), ([0x03], [.interrupt]),
            ([0x1A, 0x0C, 0x0D], [.suspend, .redraw, .enter]), ([0x1B, 0x1B], [.escape]),
            ([0xC3, 0xA9], [.character("é")]),
            ([0xFF, 0x6A], [.character("j")]), ([0x80], []),
        ] as [([UInt8], [TopKey])])
    func keys(bytes: [UInt8], expected: [TopKey]) {
        var reader = TopKeyReader()
        #expect(reader.take(bytes) == expected)
        // However it is cut, the same comes of it.
        var slow = TopKeyReader()
        #expect(bytes.flatMap { slow.take([$0]) } == expected)
    }

    @Test func anEscapeAloneIsAKeyAfterAPause() {
        var reader = TopKeyReader()
        #expect(reader.take([0x1B]) == [])
        #expect(reader.pause() == [.escape])
        #expect(reader.pause() == [])
        #expect(reader.take([0x5B, 0x41]) == [.character("["), .character("A")])
    }

    @Test func anEndlessSequenceIsDropped() {
        var reader = TopKeyReader()
        #expect(reader.take([0x1B, 0x5B] + Array(repeating: 0x31, count: 100)) == [])
        #expect(reader.take([0x71]) == [.character("q")])
    }

    // MARK: Sparklines

    @Test func bars() {
        #expect(Sparkline.text([]) == "")
        #expect(Sparkline.text([nil, 0, 0]) == " ▁▁")
        #expect(Sparkline.text([0, 1, 2, 3, 4, 5, 6, 7, 8]) == "▁▁▂▃▄▅▆▇█")
        #expect(Sparkline.text([1e-9, 1e9]) == "▁█")
    }

    @Test func ratesOverTime() {
        var readings = Readings()
        #expect(readings.rate == nil)
        readings.add(100, at: 0, span: 60)
        #expect(readings.rate == nil)
        #expect(readings.rates(3, span: 60) == [nil, nil, nil])
        for second in 1...120 { readings.add(100 + Double(min(second, 90)) * 10, at: Double(second), span: 60) }
        #expect(readings.rate == 0)
        #expect(readings.rates(4, span: 60) == [10, 10, 0, 0])
        // The last minute's, and the one before, from which the first part begins.
        #expect(readings.all.count == 62)
    }

    @Test func aCounterThatBeginsAnewHasNoRate() {
        var readings = Readings()
        readings.add(50, at: 0, span: 60)
        readings.add(60, at: 1, span: 60)
        #expect(readings.rate == 10)
        readings.add(3, at: 2, span: 60)
        #expect(readings.rate == nil)
        readings.add(5, at: 3, span: 60)
        #expect(readings.rate == 2)
    }

    // MARK: Latency

    private func page(_ counts: [Int]) -> String {
        let bounds = ["0.01", "0.1", "1", "+Inf"]
        return "# TYPE hookline_delivery_latency_seconds histogram\nother 3\n"
            + zip(bounds, counts).map { "hookline_delivery_latency_seconds_bucket{le=\"\($0)\"} \($1)\n" }.joined()
            + "hookline_delivery_latency_seconds_sum 1\n"
    }

    @Test func percentiles() throws {
        #expect(LatencyBuckets("nothing") == nil)
        let buckets = try #require(LatencyBuckets(page([50, 90, 100, 100])))
        #expect(buckets.quantile(0.5) == 0.01)
        #expect(buckets.quantile(0.25) == 0.005)
        #expect(abs(try #require(buckets.quantile(0.95)) - 0.55) < 1e-9)
        #expect(LatencyBuckets(page([0, 0, 0, 10]))?.quantile(0.99) == 1)
        #expect(LatencyBuckets(page([0, 0, 0, 0]))?.quantile(0.5) == nil)
    }

    @Test func percentilesOfWhatCameSince() throws {
        let before = try #require(LatencyBuckets(page([100, 100, 100, 100])))
        let after = try #require(LatencyBuckets(page([100, 110, 110, 110])))
        let between = try #require(after.since(before))
        #expect(abs(try #require(between.quantile(0.5)) - 0.055) < 1e-9)
        #expect(before.since(before) == nil)
        #expect(before.since(after) == nil)
        #expect(after.since(LatencyBuckets()) == nil)
    }

    // MARK: Texts

    @Test(
        arguments: [
            (nil, "–"), (0, "0"), (0.04, "0"), (0.5, "0.5"), (9.96, "10"), (12.34, "12.3"), (99.94, "99.9"),
            (99.95, "100"),
            (1_234.4, "1,234"), (99_999, "99,999"), (123_456, "123k"),
        ] as [(Double?, String)])
    func rates(value: Double?, expected: String) {
        #expect(TopText.rate(value) == expected)
    }

    @Test(
        arguments: [
            (0, "0"), (999_999, "999,999"), (1_000_000, "1.0M"), (12_345_678, "12.3M"), (9_999_999_999, "9.9G"),
        ] as [(Int64, String)])
    func counts(value: Int64, expected: String) {
        #expect(TopText.count(value) == expected)
        #expect(expected.count <= 7)
    }

    @Test(
        arguments: [
            (nil, "–"), (0.0008, "0.8 ms"), (0.0099, "9.9 ms"), (0.00996, "10 ms"), (0.9996, "1.0 s"), (12.4, "12 s"),
            (61, "1 min"),
        ] as [(Double?, String)])
    func seconds(value: Double?, expected: String) {
        #expect(TopText.seconds(value) == expected)
    }

    @Test(
        arguments: [
            (-5, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (3_600_000, "1 h"), (11_520_000, "3 h 12 min"),
            (86_400_000, "24 h"), (172_800_000, "2 d"),
        ] as [(Int64, String)])
    func ages(value: Int64, expected: String) {
        #expect(TopText.age(value) == expected)
    }

    @Test func howFarSendHasCome() {
        var tally = SendTally()
        tally.accepted = 12_344
        tally.duplicates = 1
        #expect(
            SendProgress.text(tally, waiting: 512, rate: 23_456.4, share: nil)
                == "12,345 lines acknowledged, 23,456/s, 512 under way")
        tally.refused = 2
        #expect(
            SendProgress.text(tally, waiting: 0, rate: 0, share: 0.479)
                == "12,345 lines acknowledged, 0/s, 0 under way, 2 refused, 47 % of the file read")
    }
}
