/// The list of webhooks on the screen. Only the lines that are visible are made.
extension TopModel {
    /// A column of the list; those that are worth most come first in ``priority``.
    enum Column: CaseIterable, Sendable {
        case name, tenant, state, breaker, waiting, inFlight, rate, bars, outcome

        static let priority: [Column] = [.name, .waiting, .state, .rate, .bars, .outcome, .tenant, .breaker, .inFlight]

        var heading: String {
            switch self {
            case .name: "WEBHOOK"
            case .tenant: "TENANT"
            case .state: "STATE"
            case .breaker: "BREAKER"
            case .waiting: "WAITING"
            case .inFlight: "FLIGHT"
            case .rate: "RATE/S"
            case .bars: "LAST MINUTE"
            case .outcome: "LAST OUTCOME"
            }
        }

        /// The columns of the terminal that it needs at least.
        var width: Int {
            switch self {
            case .name: 8
            case .tenant: 12
            case .state: 8
            case .breaker: 9
            case .waiting: 8
            case .inFlight: 6
            case .rate: 6
            case .bars: 12
            case .outcome: 14
            }
        }

        var isNumber: Bool { self == .waiting || self == .inFlight || self == .rate }

        /// What the list is sorted by when this column is marked.
        var order: Order? {
            switch self {
            case .name: .name
            case .waiting: .backlog
            case .rate: .rate
            case .state: .failures
            default: nil
            }
        }
    }

    private static let marker = 2

    /// The columns that there is room for, in their places, with their widths.
    var columns: [(column: Column, width: Int)] {
        var chosen: [Column] = []
        var used = Self.marker
        for column in Column.priority {
            let needed = column.width + (chosen.isEmpty ? 0 : 2)
            // The name gets room before the less important ones.
            let nameFirst = chosen.count >= 3 ? 8 : 0
            guard used + needed + nameFirst <= width || chosen.isEmpty else { break }
            chosen.append(column)
            used += needed
        }
        var rest = max(0, width - used)
        var widths = Dictionary(uniqueKeysWithValues: chosen.map { ($0, $0.width) })
        if chosen == [.name] { widths[.name] = max(1, width - Self.marker) }
        func widen(_ column: Column, to wanted: Int, of share: Int) {
            guard let width = widths[column] else { return }
            let more = min(rest, share, max(0, wanted - width))
            widths[column] = width + more
            rest -= more
        }
        widen(.name, to: 24, of: rest)
        widen(.tenant, to: 20, of: rest / 4)
        widen(.bars, to: 20, of: rest / 4)
        widen(.name, to: 40, of: rest / 2)
        widen(.outcome, to: 60, of: rest)
        widen(.bars, to: 30, of: rest)
        widen(.name, to: 80, of: rest)
        return Column.allCases.compactMap { column in widths[column].map { (column, $0) } }
    }

    var tableHead: ScreenLine {
        columns.enumerated().reduce(into: ScreenLine("  ")) { line, entry in
            let (column, width) = entry.element
            let isSorted = column.order == shownOrder
            let text = column.heading + (isSorted ? "▾" : "")
            let cell = column.isNumber ? text.leftPadded(to: width) : text.padded(to: width)
            line.add(entry.offset > 0 ? "  " : "")
            line.add(TextWidth.clip(cell, to: width), isSorted ? .bold : .dim)
        }
    }

    func list(_ wall: Int64) -> [ScreenLine] {
        guard let sample else { return [] }
        guard sample.webhookCount > 0 else {
            return TextWidth.wrap(
                "There are no webhooks. \"hookline webhooks add URL --tenant TENANT --event '*'\" adds one.",
                to: max(1, width - 2)
            ).map { ScreenLine("  " + $0, .dim) }
        }
        let columns = columns
        return (first..<max(first, min(first + rows, sample.webhookCount))).map { place in
            let index = place - sample.offset
            guard sample.webhooks.indices.contains(index) else { return ScreenLine("  …", .dim) }
            return row(sample.webhooks[index], columns, wall)
        }
    }

    private func row(_ webhook: TopWebhook, _ columns: [(column: Column, width: Int)], _ wall: Int64) -> ScreenLine {
        let isSelected = isSelecting && webhook.id == selected
        return columns.enumerated().reduce(into: ScreenLine(isSelected ? "▸ " : "  ", .bold)) { line, entry in
            let (column, width) = entry.element
            var (text, look) = cell(column, width, webhook, wall)
            text = PrintableText.of(text)
            // The end of a URL tells it from others of the same host.
            let isURL = column == .name && webhook.hasURLAsName
            text = isURL ? TextWidth.clipMiddle(text, to: width) : TextWidth.clip(text, to: width)
            if isSelected, column == .name { look = .marked }
            line.add(entry.offset > 0 ? "  " : "")
            line.add(column.isNumber ? text.leftPadded(to: width) : text.padded(to: width), look)
        }
    }

    private func cell(
        _ column: Column, _ width: Int, _ webhook: TopWebhook, _ wall: Int64
    ) -> (String, ScreenLine.Look) {
        switch column {
        case .name: (webhook.name, .plain)
        case .tenant: (webhook.tenant, .dim)
        case .state: state(webhook)
        case .breaker:
            switch webhook.breaker {
            case "open": ("open", .red)
            case "half_open": ("half open", .yellow)
            default: ("closed", .dim)
            }
        case .waiting: (TopText.count(webhook.pending), webhook.pending > 0 ? .bold : .dim)
        case .inFlight: (TopText.count(webhook.inFlight), .plain)
        case .rate: (TopText.rate(history.rate(of: webhook.id)), .plain)
        case .bars: (Sparkline.text(history.rates(of: webhook.id, width)), .green)
        case .outcome: outcome(webhook, wall)
        }
    }

    private func state(_ webhook: TopWebhook) -> (String, ScreenLine.Look) {
        switch webhook.state {
        case "active":
            webhook.failures > 0 ? ("failing", webhook.breaker == "closed" ? .yellow : .red) : ("active", .green)
        case "paused": ("paused", .cyan)
        default: (webhook.state, .red)
        }
    }

    private func outcome(_ webhook: TopWebhook, _ wall: Int64) -> (String, ScreenLine.Look) {
        if webhook.state == "disabled", let reason = webhook.stateReason { return (reason, .red) }
        let failure = webhook.lastFailureAt ?? .min
        let success = webhook.lastSuccessAt ?? .min
        if failure > success { return ("\(webhook.lastFailure ?? "failed"), \(TopText.age(wall - failure)) ago", .red) }
        return success == .min ? ("none yet", .dim) : ("ok, \(TopText.age(wall - success)) ago", .dim)
    }
}
