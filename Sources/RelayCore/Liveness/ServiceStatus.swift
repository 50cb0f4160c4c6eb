/// How the daemon is, in one line for `systemctl status`.
package struct ServiceStatus: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        case accepting
        /// With the reason.
        case refusing(String)
        /// With what is going on.
        case stopping(String)
    }

    /// What a look at the deliveries tells.
    package struct Figures: Equatable, Sendable {
        package var pending: Int
        /// How long ago the oldest event was accepted that has a pending delivery; nil: not known.
        package var oldest: Duration?

        package init(pending: Int, oldest: Duration? = nil) {
            self.pending = pending
            self.oldest = oldest
        }
    }

    package var state = State.accepting
    package var isPaused = false
    /// Webhooks whose receivers are failing.
    package var failing = 0
    /// Nil: nothing is said that would soon be wrong.
    package var figures: Figures?
    package var stalls: [LivenessJudge.Stall] = []
    /// What came of the last reload of the configuration.
    package var reload: String?

    package init() {}

    package var text: String {
        var parts: [String] = []
        switch state {
        case .accepting: parts.append("accepting events")
        case .refusing(let reason): parts.append("refusing events: \(reason)")
        case .stopping(let what): parts.append("stopping: \(what)")
        }
        if !stalls.isEmpty {
            let loops = stalls.map { "\($0.loop.rawValue) for \(Self.rough($0.time))" }
            parts.insert("no progress: \(loops.joined(separator: ", "))", at: 0)
        }
        if isPaused { parts.append("all deliveries paused") }
        if failing > 0 { parts.append("\(failing) \(failing == 1 ? "webhook" : "webhooks") failing") }
        if let figures {
            var text = "\(figures.pending) \(figures.pending == 1 ? "delivery" : "deliveries") pending"
            if figures.pending > 0, let oldest = figures.oldest { text += ", the oldest for \(Self.rough(oldest))" }
            parts.append(text)
        }
        if let reload { parts.append(reload) }
        return parts.joined(separator: "; ")
    }

    /// In the largest unit that gives at least two: `95 s`, `3 min`, `47 h`.
    static func rough(_ time: Duration) -> String {
        let seconds = max(0, time.milliseconds / 1000)
        if seconds < 120 { return "\(seconds) s" }
        if seconds < 7_200 { return "\(seconds / 60) min" }
        if seconds < 172_800 { return "\(seconds / 3_600) h" }
        return "\(seconds / 86_400) d"
    }
}
