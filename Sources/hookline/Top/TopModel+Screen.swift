import RelayCore

/// The screen: lines of at most the terminal's width, at most as many as it has.
extension TopModel {
    /// Fewer lines than this have room for one line of figures, the list and the keys.
    static let compactHeight = 12
    /// Narrower screens have one figure beside the other instead of two columns.
    static let narrowWidth = 76
    /// From so many lines on there are recent failures below the list.
    static let tallHeight = 20

    private var isCompact: Bool { height < Self.compactHeight }

    /// Lines for recent failures, with the heading and the empty line above it.
    private var failureLines: Int {
        guard height >= Self.tallHeight, !failures.isEmpty else { return 0 }
        return 2 + min(failures.count, max(3, (height - Self.tallHeight) / 3 + 3))
    }

    /// Lines of the list that are visible.
    var rows: Int {
        let above = isCompact ? compactHead.count : head.count + 2
        return max(0, height - above - failureLines - (height > 2 ? 1 : 0))
    }

    /// - Parameter wall: the time of day, Unix milliseconds, and the same as people there write it.
    func lines(wall: (milliseconds: Int64, text: String)) -> [ScreenLine] {
        var lines: [ScreenLine]
        if mode == .help {
            lines = help
        } else if isCompact {
            lines = compactHead + list(wall.milliseconds)
        } else {
            lines = titled(wall.text) + head.dropFirst() + [ScreenLine(), tableHead] + list(wall.milliseconds)
        }
        let bottom = (mode == .help ? [] : recentFailures(wall.milliseconds)) + (height > 2 ? [foot] : [])
        let room = max(0, height - bottom.count)
        if lines.count > room { lines.removeLast(lines.count - room) }
        lines += Array(repeating: ScreenLine(), count: room - lines.count)
        return (lines + bottom).map { $0.clipped(to: width) }
    }

    // MARK: Head

    private func titled(_ time: String) -> [ScreenLine] {
        var line = ScreenLine("Hookline", .bold)
        if let sample {
            line.add(" \(sample.version)", .dim)
            line.add("  process \(sample.pid), up \(TopText.age(sample.wall - sample.startedAt))", .dim)
        }
        let right =
            "\(time)  every \(interval == interval.rounded() ? "\(Int(interval)) s" : TopText.seconds(interval))"
        guard line.width + 2 + TextWidth.of(right) <= width else { return [line] }
        line = line.padded(to: width - TextWidth.of(right))
        line.add(right, .dim)
        return [line]
    }

    /// The title's place, the verdict, and the figures.
    private var head: [ScreenLine] { [ScreenLine()] + verdict(3) + (height < 16 ? [] : [ScreenLine()]) + figures }

    private var compactHead: [ScreenLine] {
        let isWell = lost == nil && sample?.isReady != false && sample?.isPaused != true
        let lines = (isWell ? [] : verdict(1)) + narrowFigures
        return Array(lines.prefix(max(1, height / 4)))
    }

    /// How it is, in at most so many lines: one where all is well.
    private func verdict(_ linesMax: Int) -> [ScreenLine] {
        func lines(_ text: String, _ look: ScreenLine.Look) -> [ScreenLine] {
            let wrapped = TextWidth.wrap(PrintableText.of(text), to: max(1, width - 2))
            let rest = wrapped.dropFirst(linesMax - 1).joined(separator: " ")
            return (wrapped.prefix(linesMax - 1) + (rest.isEmpty ? [] : [rest])).enumerated().map { index, text in
                ScreenLine((index > 0 ? "  " : "") + TextWidth.clip(text, to: max(1, width - 2)), look)
            }
        }
        if let lost {
            let age = TopText.age(Int64((now - lost.since) * 1000))
            return lines("● No answer for \(age), trying again: \(lost.reason)", .red)
        }
        guard let sample else { return lines("● Asking the daemon …", .dim) }
        guard let problem = sample.problems.first else { return lines("● All is well.", .green) }
        let count = sample.problems.count
        let more = count > 1 ? " (\(count - 1) more: hookline status)" : ""
        return lines("● \(problem.message) ▸ \(problem.command)\(more)", sample.isReady ? .yellow : .red)
    }

    private var latencies: String {
        let parts = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
        return parts.map { "\($0) \(TopText.seconds(history.latency($1)))" }.joined(separator: "  ")
    }

    private var oldest: String {
        guard let sample, sample.pending > 0, let at = sample.oldestAcceptedAt else { return "" }
        return "oldest \(TopText.age(sample.wall - at))"
    }

    private var figures: [ScreenLine] {
        guard width >= Self.narrowWidth else { return narrowFigures }
        let half = min(80, width / 2, width - 46)
        let bars = min(30, half - 24)
        let rates: [(String, Readings, Look)] = [
            ("Events in", history.accepted, .cyan), ("Delivered", history.delivered, .green),
            ("Failed", history.failed, .red),
        ]
        let facts = [
            ("Backlog", TopText.count(sample?.pending ?? 0) + (oldest.isEmpty ? "" : "  " + oldest)),
            ("In flight", TopText.count(sample?.inFlight ?? 0)),
            ("Latency", latencies),
        ]
        return zip(rates, facts).map { rate, fact in
            var line = ScreenLine(rate.0.padded(to: 11), .dim)
            line.add((TopText.rate(rate.1.rate) + "/s").leftPadded(to: 9) + "  ", .bold)
            line.add(Sparkline.text(rate.1.rates(bars, span: TopHistory.span)), rate.2)
            line = line.padded(to: half)
            line.add(fact.0.padded(to: 10), .dim)
            line.add(fact.1, .bold)
            return line
        }
    }

    private var narrowFigures: [ScreenLine] {
        func line(_ parts: [(String, String)]) -> ScreenLine {
            parts.enumerated().reduce(into: ScreenLine()) { line, part in
                line.add((part.offset > 0 ? "  " : "") + part.element.0 + " ", .dim)
                line.add(part.element.1, .bold)
            }
        }
        let waits = ("wait", TopText.count(sample?.pending ?? 0))
        if width < 40 {
            return [
                line([
                    ("in", TopText.rate(history.accepted.rate)), ("out", TopText.rate(history.delivered.rate)), waits,
                ]),
                line([("fail", TopText.rate(history.failed.rate)), ("p99", TopText.seconds(history.latency(0.99)))]),
            ]
        }
        return [
            line([
                ("in", TopText.rate(history.accepted.rate) + "/s"),
                ("out", TopText.rate(history.delivered.rate) + "/s"),
                ("failed", TopText.rate(history.failed.rate) + "/s"),
            ]),
            line(
                [waits, ("in flight", TopText.count(sample?.inFlight ?? 0))] + (oldest.isEmpty ? [] : [("", oldest)])),
            line([("latency", latencies)]),
        ]
    }

    // MARK: Below the list

    private func recentFailures(_ wall: Int64) -> [ScreenLine] {
        guard failureLines > 2 else { return [] }
        var lines = [ScreenLine(), ScreenLine("Recent failures", .bold)]
        for failure in failures.prefix(failureLines - 2) {
            var line = ScreenLine((TopText.age(wall - failure.at) + " ago").leftPadded(to: 12) + "  ", .dim)
            let room = max(12, width / 4)
            let name = PrintableText.of(failure.webhook.name)
            let shown =
                failure.webhook.hasURLAsName ? TextWidth.clipMiddle(name, to: room) : TextWidth.clip(name, to: room)
            line.add(shown.padded(to: room) + "  ")
            line.add(failure.webhook.lastFailure ?? "", .red)
            lines.append(line)
        }
        return lines
    }

    private var foot: ScreenLine {
        if case .question(let question) = mode {
            var line = ScreenLine(question.text, .yellow)
            line.add(" y/n", .bold)
            // On a narrow screen what is asked may be cut, how to answer must not.
            guard line.width > width else { return line }
            line = ScreenLine(TextWidth.clip(question.text, to: max(0, width - 4)), .yellow)
            line.add(" y/n", .bold)
            return line
        }
        if mode == .help { return ScreenLine("Any key: back to the list", .dim) }
        if let notice { return ScreenLine(notice.text, notice.isTrouble ? .red : .yellow) }
        var line = ScreenLine()
        let all = [
            ("q", "quit"), ("?", "help"), ("↑↓", "select"), ("s", "sort"), ("p", "pause"), ("t", "test"),
            ("r", "replay"), ("P", sample?.isPaused == true ? "resume all" : "pause all"),
        ]
        for (index, key) in all.enumerated() {
            var more = ScreenLine((index > 0 ? "  " : "") + key.0, .bold)
            more.add(" " + key.1, .dim)
            guard line.width + more.width <= width else { break }
            line.add(more)
        }
        return line
    }

    private var help: [ScreenLine] {
        let keys = [
            ("↑ ↓  k j", "select a webhook; Page Up, Page Down, g and G go far"),
            ("Esc", "select none, back to the top"),
            ("s", "sort by the next of backlog, rate, failures, name"), ("1 2 3 4", "sort by one of these"),
            ("p", "pause the selected webhook, or resume it"), ("t", "send it a signed sample now"),
            ("r", "replay what was given up or skipped; asks first"),
            ("P", "pause or resume all deliveries of this host; asks first"), ("Ctrl-L", "draw the screen anew"),
            ("q  Ctrl-C", "quit"),
        ]
        var lines = [ScreenLine("Keys", .bold)]
        for (key, text) in keys {
            var line = ScreenLine("  " + key.padded(to: 10) + " ", .cyan)
            line.add(text)
            lines.append(line)
        }
        let notes = [
            "Bars are deliveries a second in the last minute, as far as this screen has seen it.",
            "Latency is from acceptance to the receiver's 2xx, of the last minute's deliveries.",
        ]
        return lines + [ScreenLine()]
            + notes.flatMap { TextWidth.wrap($0, to: max(10, width - 2)) }.map { ScreenLine("  " + $0, .dim) }
    }
}

private typealias Look = ScreenLine.Look
