/// Something that is not well with the relay: what, since when, and what to do.
package struct StatusProblem: Sendable, Equatable {
    /// A name for programs; it stays the same.
    package enum Kind: String, Sendable, CaseIterable {
        case notReady = "not_ready"
        case paused
        case webhookFailing = "webhook_failing"
        case webhookDisabled = "webhook_disabled"
        case webhookPaused = "webhook_paused"
        case backlogOld = "backlog_old"
        case journalNearBound = "journal_near_bound"
        case journalDamaged = "journal_damaged"
        case eventsRefused = "events_refused"
    }

    package let kind: Kind
    /// A sentence, for people.
    package let message: String
    /// Since when, Unix milliseconds; nil: it is not known.
    package let since: Int64?
    /// The command that helps, or tells more.
    package let command: String
    /// What the command does: reads on from "To".
    package let purpose: String

    package init(_ kind: Kind, _ message: String, since: Int64?, to purpose: String, run command: String) {
        self.kind = kind
        self.message = message
        self.since = since
        self.purpose = purpose
        self.command = command
    }
}

extension RelayStatus {
    /// A backlog is old from then on: later than the first retries of the default schedule.
    static let oldBacklog: Int64 = 3_600_000
    /// For how long a refusal is worth telling of.
    static let refusalMemory: Int64 = 600_000

    /// What is not well, worst first.
    ///
    /// - Parameter now: Unix milliseconds.
    package func problems(at now: Int64) -> [StatusProblem] {
        var problems: [StatusProblem] = []
        if !isReady {
            problems.append(
                StatusProblem(
                    .notReady,
                    trouble.map { "Events are refused or wait: \($0)." } ?? "The daemon is starting or stopping.",
                    since: troubleSince, to: "read its log", run: "journalctl -u hookline -e"))
        }
        if isPaused {
            let waits =
                pending > 0 ? ": \(Self.count(pending, "delivery", "deliveries")) wait" + (pending == 1 ? "s" : "") : ""
            problems.append(
                StatusProblem(
                    .paused, "All deliveries are paused\(waits).", since: pausedSince, to: "let them go on",
                    run: "hookline resume"))
        }
        problems += webhookProblems + backlogProblems(now) + refusals(now)
        return problems
    }

    private var webhookProblems: [StatusProblem] {
        var problems: [StatusProblem] = []
        if let worst = failing.first {
            let reason = worst.health.lastFailure.map { " (\($0))" } ?? ""
            let webhook = "\(worst.webhook.id) of \(worst.webhook.tenant)"
            problems.append(
                StatusProblem(
                    .webhookFailing,
                    failingCount > 1
                        ? "\(failingCount) webhooks fail, worst \(webhook)\(reason); their events wait."
                        : "The webhook \(webhook) fails\(reason); its events wait.",
                    since: worst.health.failingSince ?? worst.health.lastFailureAt, to: "see what its receiver answers",
                    run: "hookline webhooks test \(worst.webhook.id)"))
        }
        if let first = lastDisabled {
            problems.append(
                StatusProblem(
                    .webhookDisabled,
                    disabled > 1
                        ? "\(disabled) webhooks are disabled, \(first.id) of \(first.tenant) the last of them: "
                            + "they receive nothing."
                        : "The webhook \(first.id) of \(first.tenant) is disabled: it receives nothing.",
                    since: first.updatedAt, to: "start it again when its receiver is back",
                    run: "hookline webhooks resume \(first.id)"))
        }
        if let held = heldBack {
            problems.append(
                StatusProblem(
                    .webhookPaused,
                    "The webhook \(held.webhook.id) of \(held.webhook.tenant) is paused: "
                        + "\(Self.count(held.health.pending, "delivery waits", "deliveries wait"))"
                        + (heldBackCount > 1 ? "; \(heldBackCount - 1) more are paused so." : "."),
                    since: held.webhook.updatedAt, to: "let them go out",
                    run: "hookline webhooks resume \(held.webhook.id)"))
        }
        return problems
    }

    private func backlogProblems(_ now: Int64) -> [StatusProblem] {
        var problems: [StatusProblem] = []
        if let oldest = oldestPendingAt, now - oldest >= Self.oldBacklog {
            problems.append(
                StatusProblem(
                    .backlogOld,
                    "\(Self.count(pending, "delivery waits", "deliveries wait")), the oldest for over an hour.",
                    since: oldest, to: "see for which webhooks", run: "hookline webhooks list --sort backlog --limit 20"
                ))
        }
        if journalMaxBytes > 0, journalBytes > journalMaxBytes / 100 * 95 {
            problems.append(
                StatusProblem(
                    .journalNearBound,
                    "The journal has nearly reached journal.max-bytes: soon events are refused, or deliveries given up.",
                    since: nil, to: "see what fills it", run: "hookline webhooks list --sort backlog --limit 20"))
        }
        if damagedByDisk > 0 {
            problems.append(
                StatusProblem(
                    .journalDamaged,
                    "\(Self.count(damagedByDisk, "damaged journal record was", "damaged journal records were")) found at "
                        + "the start and skipped: the disk may be failing.",
                    since: startedAt, to: "see which files", run: "hookline journal check"))
        }
        return problems
    }

    private func refusals(_ now: Int64) -> [StatusProblem] {
        guard let last = lastRefusal, now - last.at < Self.refusalMemory else { return [] }
        let help: (to: String, run: String) =
            switch last.code {
            case .forbidden:
                ("see what the producer rules allow", "hookline check --config /etc/hookline/hookline.toml")
            case .backlogFull: ("see what fills the journal", "hookline webhooks list --sort backlog --limit 20")
            default: ("see which lines, send them", "hookline send FILE")
            }
        return [
            StatusProblem(
                .eventsRefused,
                "Producers' lines are refused, the last one as \(last.code.rawValue); \(refused) since the start.",
                since: last.at, to: help.to, run: help.run)
        ]
    }

    private static func count(_ count: Int, _ one: String, _ many: String) -> String {
        "\(count) \(count == 1 ? one : many)"
    }
}
