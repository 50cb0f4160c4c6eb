import Ingest
import Logging
import RelayCore
import Storage
import Systemd

/// Feeds systemd's watchdog, only if every critical loop has made progress since the last time or has nothing to do: the
/// ingest loop, the journal's thread, the delivery loop.
struct Supervisor: Sendable {
    let parts: RelayParts
    let notifier: ServiceNotifier
    let logger: Logger

    /// Returns when its task is cancelled, or at once if systemd wants no signs of life.
    func run() async {
        guard let interval = notifier.watchdogInterval else { return }
        var ingestTurns: UInt64?
        var journalTurns: UInt64?
        while !Task.isCancelled {
            let ingest = parts.ingest.progress
            let journal = parts.journal.progress
            let isIngestAlive = ingest.isIdle || ingest.turns != ingestTurns
            let isJournalAlive = !journal.isBusy || journal.turns != journalTurns
            (ingestTurns, journalTurns) = (ingest.turns, journal.turns)
            // The delivery loop answers, or this waits here and systemd hears nothing.
            let statistics = await parts.pump.ask { $0.statistics }
            if isIngestAlive, isJournalAlive {
                notifier.watchdog()
                let state = parts.board.trouble.map { "refusing events: \($0)" } ?? "accepting events"
                notifier.status(
                    "\(state); \(statistics.pending) deliveries pending, \(statistics.inFlight) in flight")
            } else {
                logger.error(
                    "a loop makes no progress",
                    metadata: ["ingest": "\(isIngestAlive)", "journal": "\(isJournalAlive)"])
            }
            do {
                try await Task.sleep(for: interval / 2)
            } catch {
                return
            }
        }
    }
}
