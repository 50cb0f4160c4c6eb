import Glibc
import Logging
import RelayCore
import Storage
import Synchronization
import Systemd

/// Feeds systemd's watchdog, only if every critical loop has shown a sign of life since the last time, and keeps the line
/// that `systemctl status` shows.
///
/// It has a thread of its own, waits for nobody, and takes no lock that a loop holds while it works: whatever hangs, it can
/// say so. Where systemd wants no signs of life it sleeps until a state changes.
final class Supervisor: Sendable {
    /// What the deliveries' loop tells.
    struct Figures: Equatable, Sendable {
        var pending = 0
        var failing = 0
        var isPaused = false
        /// When the oldest event with a pending delivery was accepted, Unix milliseconds.
        var oldestAcceptedAt: Int64?
    }

    private struct State {
        var status = ServiceStatus()
        var figures = Figures()
        var trouble: String?
        var stopping: String?
        var hasNews = false
        /// Whether the deliveries' loop is to be asked for figures.
        var mustAsk = false
        var isEnding = false
        /// The line that was sent last.
        var told = ""
    }

    /// Times that follow from the watchdog's.
    private struct Pace {
        let watchdog: Duration

        /// How long answers are waited for.
        var grace: Duration { min(.milliseconds(250), watchdog / 20) }
        /// From one look to the next; with the waiting it stays below half of the watchdog's time.
        var look: Duration { watchdog / 2 - grace * 2 }
        /// From a look at which something stood still to the next one.
        var hurry: Duration { min(.seconds(1), watchdog / 10) }
        /// What stands still for so long is named.
        var naming: Duration { watchdog / 2 }
    }

    /// States that change again and again are told at intervals.
    private static let newsInterval = Duration.milliseconds(100)

    private let notifier: ServiceNotifier
    private let logger: Logger
    private let bell: AlarmBell
    private let faults = FaultSwitch()
    private let pace: Pace?
    private let state = Mutex(State())

    init(notifier: ServiceNotifier, bell: AlarmBell, logger: Logger) {
        self.notifier = notifier
        self.bell = bell
        self.logger = logger
        pace = notifier.watchdogInterval.map { Pace(watchdog: $0) }
    }

    // MARK: From any thread

    /// Whether anybody listens to it.
    var isWanted: Bool { notifier.isManaged || faults != nil }
    /// Whether figures are asked for at every look; else only changes of state are told.
    var keepsFigures: Bool { pace != nil }

    func note(trouble: String?) { change { $0.trouble = trouble } }

    func note(_ figures: Figures) { change { $0.figures = figures } }

    /// Figures may have changed: they are asked for soon.
    func noteChange() {
        let isNews = state.withLock { state in
            defer { state.mustAsk = true }
            return !state.mustAsk
        }
        if isNews { bell.ring() }
    }

    /// Start-up is done: events are accepted.
    func ready() {
        notifier.ready(status: line { _ in })
    }

    func reloading() { notifier.reloading() }

    /// Reloading is over.
    ///
    /// - Parameter outcome: stays in the line until the next time.
    func reloaded(_ outcome: String) {
        notifier.ready(status: line { $0.status.reload = outcome })
    }

    func stopping(_ what: String) {
        notifier.stopping(status: line { $0.stopping = what })
    }

    /// Asks for more time to stop.
    func extendStop(by time: Duration, _ what: String) {
        notifier.extendTimeout(by: time, status: line { $0.stopping = what })
    }

    /// Lets ``run(_:)`` return.
    func end() {
        state.withLock { $0.isEnding = true }
        bell.ring()
    }

    private func change(_ body: (inout State) -> Void) {
        let isNews = state.withLock { state in
            let before = (state.trouble, state.figures)
            body(&state)
            guard before != (state.trouble, state.figures) else { return false }
            state.hasNews = true
            return true
        }
        if isNews { bell.ring() }
    }

    private func line(_ body: (inout State) -> Void) -> String {
        state.withLock { state in
            body(&state)
            state.told = Self.text(state, withFigures: keepsFigures)
            state.hasNews = false
            return state.told
        }
    }

    private static func text(_ state: State, withFigures: Bool) -> String {
        var status = state.status
        status.state = state.trouble.map { .refusing($0) } ?? .accepting
        if let stopping = state.stopping { status.state = .stopping(stopping) }
        status.isPaused = state.figures.isPaused
        status.failing = state.figures.failing
        if withFigures {
            let oldest = state.figures.oldestAcceptedAt.map { Duration.milliseconds(max(0, Clock.wall() - $0)) }
            status.figures = ServiceStatus.Figures(pending: state.figures.pending, oldest: oldest)
        }
        return status.text
    }

    // MARK: The thread

    /// Runs until ``end()``.
    ///
    /// - Parameter ask: has the figures noted; does not wait for them.
    func run(_ probes: [LoopProbe], ask: () -> Void) {
        var judge = pace.map { LivenessJudge(nameAfter: $0.naming, longestGap: $0.watchdog) }
        var nextLook = pace.map { _ in Clock.monotonic() }
        var hung: Set<CriticalLoop> = []
        var nextNews = Clock.monotonic()
        while !state.withLock({ $0.isEnding }) {
            if let loop = faults?.loop, hung.insert(loop).inserted {
                logger.critical("a loop is made to hang, as the fault file says", metadata: ["loop": "\(loop)"])
                for probe in probes where probe.loop == loop { probe.hang() }
            }
            if let pace, let due = nextLook, due <= Clock.monotonic() {
                let feeds = look(probes, &judge, grace: pace.grace)
                nextLook = Clock.monotonic() + (feeds ? pace.look : pace.hurry)
            }
            let now = Clock.monotonic()
            if nextNews <= now {
                let mustAsk = state.withLock { state in
                    defer { state.mustAsk = false }
                    return state.mustAsk
                }
                if mustAsk { ask() }
                if tellNews() || mustAsk { nextNews = now + Self.newsInterval }
            }
            let news = state.withLock { $0.hasNews || $0.mustAsk } ? nextNews : nil
            // The ring of the end may have been heard above, while answers were waited for.
            guard !state.withLock({ $0.isEnding }) else { return }
            bell.wait(until: [nextLook, faults.map { _ in now + .seconds(1) }, news].compactMap { $0 }.min())
        }
    }

    /// - Returns: whether there was anything to tell.
    @discardableResult
    private func tellNews() -> Bool {
        let text: String? = state.withLock { state in
            guard state.hasNews else { return nil }
            state.hasNews = false
            let text = Self.text(state, withFigures: keepsFigures)
            guard text != state.told else { return nil }
            state.told = text
            return text
        }
        if let text { notifier.status(text) }
        return text != nil
    }

    /// - Returns: whether the watchdog was fed.
    private func look(_ probes: [LoopProbe], _ judge: inout LivenessJudge?, grace: Duration) -> Bool {
        for probe in probes { probe.ask() }
        let deadline = Clock.monotonic() + grace
        while Clock.monotonic() < deadline, !probes.allSatisfy({ $0.sign().isIdle }) { bell.wait(until: deadline) }
        let signs = Dictionary(uniqueKeysWithValues: probes.map { ($0.loop, $0.sign()) })
        guard let verdict = judge?.judge(signs, at: Clock.monotonic()) else { return false }
        if verdict.feeds { notifier.watchdog() }
        state.withLock { state in
            state.status.stalls = verdict.stalls
            state.hasNews = true
        }
        // Told before it is logged: the log may be what hangs.
        tellNews()
        for stall in verdict.begun {
            logger.critical(
                "a loop makes no progress: systemd is told nothing, and restarts the daemon",
                metadata: [
                    LogMessage.key: "\(LogMessage.loopStalled)", "loop": "\(stall.loop)",
                    "for": "\(stall.time.milliseconds) ms",
                ])
        }
        for stall in verdict.ended {
            logger.notice(
                "a loop makes progress again",
                metadata: [
                    LogMessage.key: "\(LogMessage.loopGoesOn)", "loop": "\(stall.loop)",
                    "stood": "\(stall.time.milliseconds) ms",
                ])
        }
        return verdict.feeds
    }
}
