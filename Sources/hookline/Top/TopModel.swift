import RelayCore

/// What the live screen knows, and what follows from samples and keys. No terminal, no socket and no clock.
struct TopModel: Sendable {
    enum Order: String, CaseIterable, Sendable {
        case backlog, rate, failures, name

        var next: Order {
            let all = Self.allCases
            return all[((all.firstIndex(of: self) ?? 0) + 1) % all.count]
        }
    }

    /// What the keys do besides changing the screen.
    enum Action: Equatable, Sendable {
        /// A look is wanted now.
        case look
        case quit
        case suspend
        /// All is to be drawn anew.
        case redraw
        case setActive(TopWebhook, Bool)
        case test(TopWebhook)
        case countReplay(TopWebhook)
        case replay(TopWebhook)
        case pauseAll(Bool)
    }

    struct Question: Equatable, Sendable {
        let text: String
        let action: Action
    }

    enum Mode: Equatable, Sendable {
        case list, help
        case question(Question)
    }

    struct Notice: Equatable, Sendable {
        let text: String
        let isTrouble: Bool
        /// Seconds since the start, as samples have them.
        let until: Double
    }

    struct Failure: Equatable, Sendable {
        let webhook: TopWebhook
        let at: Int64
    }

    /// For how many seconds a notice stays.
    static let noticeSeconds = 8.0
    static let failuresMax = 50
    /// Rows beyond the visible ones that are asked for, so that a step does not wait for the next look.
    static let margin = 10

    var width: Int
    var height: Int
    private(set) var order: Order
    /// What the sample is sorted by: the order, but for the moment until the first look after a change.
    private(set) var shownOrder: Order
    private(set) var sample: TopSample?
    private(set) var history = TopHistory()
    private(set) var failures: [Failure] = []
    private(set) var mode = Mode.list
    private(set) var notice: Notice?
    /// Why the last look failed, and the time of the last one that did not.
    private(set) var lost: (reason: String, since: Double)?
    /// Places in the sorted list of all webhooks: of the selected one, and of the first visible one.
    private(set) var cursor = 0
    private(set) var first = 0
    /// Nothing is selected until somebody moves: the list shows what is first in its order.
    private(set) var isSelecting = false
    private(set) var selected: String?
    private(set) var now = 0.0
    let interval: Double

    init(width: Int, height: Int, order: Order = .backlog, interval: Double = 1) {
        (self.width, self.height, self.interval) = (width, height, interval)
        (self.order, shownOrder) = (order, order)
    }

    /// Which part of the sorted list the next look is to bring.
    var wish: (order: Order, offset: Int, limit: Int) {
        (order, max(0, first - Self.margin), min(200, max(1, rows) + 2 * Self.margin))
    }

    /// The webhook that keys are about.
    var selection: TopWebhook? {
        sample?.webhooks.first { $0.id == selected }
    }

    // MARK: Samples

    mutating func take(_ new: TopSample, order: Order) {
        now = max(now, new.at)
        // One that was asked for before a key has changed the order says nothing of this one.
        guard order == self.order else { return }
        if let old = sample, old.pid != new.pid || old.startedAt != new.startedAt {
            history = TopHistory()
            tell("The daemon has been restarted.")
        }
        lost = nil
        shownOrder = order
        sample = new
        history.add(new)
        for webhook in new.failures.reversed() {
            guard let at = webhook.lastFailureAt else { continue }
            failures.removeAll { $0.webhook.id == webhook.id && $0.at == at }
            failures.insert(Failure(webhook: webhook, at: at), at: 0)
        }
        failures.sort { $0.at > $1.at }
        failures.removeLast(max(0, failures.count - Self.failuresMax))
        follow()
    }

    /// A look has failed.
    mutating func fail(_ reason: String, at time: Double) {
        now = max(now, time)
        lost = (reason, lost?.since ?? sample?.at ?? time)
    }

    mutating func resize(width: Int, height: Int) {
        (self.width, self.height) = (width, height)
        scroll()
    }

    mutating func tick(_ time: Double) {
        now = max(now, time)
        if let notice, notice.until <= now { self.notice = nil }
    }

    /// The selection stays with its webhook wherever that goes in the list. One that has gone out of sight is selected no
    /// longer: keys must not mean another one unawares.
    private mutating func follow() {
        guard let sample else { return }
        if isSelecting {
            if let selected {
                if let index = sample.webhooks.firstIndex(where: { $0.id == selected }) {
                    cursor = sample.offset + index
                } else {
                    deselect()
                }
            } else {
                cursor = max(0, min(cursor, sample.webhookCount - 1))
                select()
            }
        }
        scroll()
    }

    private mutating func deselect() {
        (isSelecting, selected, cursor) = (false, nil, first)
    }

    private mutating func select() {
        guard let sample else { return }
        let index = cursor - sample.offset
        selected = sample.webhooks.indices.contains(index) ? sample.webhooks[index].id : nil
    }

    private mutating func scroll() {
        let rows = max(1, rows)
        if isSelecting, cursor < first { first = cursor }
        if isSelecting, cursor >= first + rows { first = cursor - rows + 1 }
        first = max(0, min(first, max(0, (sample?.webhookCount ?? 0) - rows)))
    }

    // MARK: Notices and questions

    mutating func tell(_ text: String, isTrouble: Bool = false) {
        notice = Notice(text: text, isTrouble: isTrouble, until: now + Self.noticeSeconds)
    }

    /// How many deliveries a replay of a webhook would make.
    mutating func counted(_ count: Int64, isExact: Bool, of webhook: TopWebhook) {
        guard count > 0 else { return tell("Nothing of \(webhook.name) was given up or skipped: nothing to replay.") }
        notice = nil
        let many = (isExact ? "" : "at least ") + "\(Self.grouped(count)) deliver\(count == 1 ? "y" : "ies")"
        mode = .question(Question(text: "Replay \(many) of \(webhook.name)?", action: .replay(webhook)))
    }

    // MARK: Keys

    mutating func press(_ key: TopKey) -> [Action] {
        switch (mode, key) {
        case (_, .interrupt): return [.quit]
        case (_, .suspend): return [.suspend]
        case (_, .redraw): return [.redraw]
        case (.question(let question), .character("y")), (.question(let question), .character("Y")):
            mode = .list
            return [question.action]
        case (.question, .character("n")), (.question, .character("N")), (.question, .character("q")),
            (.question, .escape):
            mode = .list
            tell("Nothing was done.")
            return []
        case (.question, _): return []
        case (_, .character("q")):
            if mode == .help {
                mode = .list
                return []
            }
            return [.quit]
        case (.help, _):
            mode = .list
            return []
        case (.list, _): return pressInList(key)
        }
    }

    private mutating func pressInList(_ key: TopKey) -> [Action] {
        switch key {
        case .up, .character("k"): return move(to: cursor - 1)
        case .down, .character("j"): return move(to: cursor + 1)
        case .pageUp: return move(to: cursor - max(1, rows - 1))
        case .pageDown: return move(to: cursor + max(1, rows - 1))
        case .home, .character("g"): return move(to: 0)
        case .end, .character("G"): return move(to: Int.max)
        case .character("s"): return sort(by: order.next)
        case .character("1"): return sort(by: .backlog)
        case .character("2"): return sort(by: .rate)
        case .character("3"): return sort(by: .failures)
        case .character("4"): return sort(by: .name)
        case .character("?"), .character("h"): mode = .help
        case .character("p"): return selection.map { [.setActive($0, $0.state != "active")] } ?? nothingSelected()
        case .character("t"):
            guard let selection else { return nothingSelected() }
            tell("Testing \(selection.name) …")
            return [.test(selection)]
        case .character("r"):
            guard let selection else { return nothingSelected() }
            tell("Counting what failed of \(selection.name) …")
            return [.countReplay(selection)]
        case .character("P"):
            guard let sample else { return [] }
            mode = .question(
                Question(
                    text: sample.isPaused
                        ? "Resume all deliveries of this host?" : "Pause all deliveries of this host?",
                    action: .pauseAll(!sample.isPaused)))
        case .escape:
            first = 0
            deselect()
            notice = nil
            return [.look]
        default: break
        }
        return []
    }

    private mutating func nothingSelected() -> [Action] {
        tell("Select a webhook first: ↑ and ↓, or k and j.")
        return []
    }

    private mutating func sort(by order: Order) -> [Action] {
        guard order != self.order else { return [] }
        self.order = order
        first = 0
        deselect()
        return [.look]
    }

    private mutating func move(to place: Int) -> [Action] {
        guard let sample else { return [] }
        // The first key selects what is at the top, and moves only if it means more than one step.
        let isStep = place == cursor + 1 || place == cursor - 1
        cursor = max(0, min(isSelecting || !isStep ? place : first, sample.webhookCount - 1))
        isSelecting = sample.webhookCount > 0
        select()
        scroll()
        let loaded = sample.offset..<(sample.offset + sample.webhooks.count)
        let last = min(first + max(1, rows), sample.webhookCount) - 1
        return loaded.contains(first) && loaded.contains(max(first, last)) ? [] : [.look]
    }

    // MARK: Texts

    static func grouped(_ number: Int64) -> String { SendTally.grouped(Int(clamping: number)) }
}
