import Glibc
import RelayCore
import Storage

/// Events as lines of JSON: `journal export`.
struct EventExport {
    let inspection: JournalInspection
    let filter: ExportFilter
    let details: Bool

    struct Outcome {
        /// What is missing, or may be.
        var findings: [JournalFinding] = []
        var damagedStretches = 0
    }

    /// - Throws: ``OutputStream/Failure`` where the lines can't be written.
    func run() throws -> Outcome {
        let look = try inspection.look()
        let selection = EventSelection(filter, look)
        let output = OutputStream()
        // Told where events can be missing; what only stops a start is the matter of `check`.
        var outcome = Outcome(findings: look.findings.filter { $0.mayHideEvents(look) })
        var lines = EventLines(look)
        for number in look.segments.indices where selection.mayBeIn(number, look) {
            var failure: OutputStream.Failure?
            var needsWindow: UInt64?
            var next: UInt64 = 0
            repeat {
                if let start = needsWindow {
                    lines.window = try inspection.settlements(from: start, of: look)
                    needsWindow = nil
                }
                let facts = try inspection.read(
                    number, of: look,
                    record: { record in
                        guard record.kind == .event, let event = record.event, event.sequence >= next,
                            selection.contains(event)
                        else { return true }
                        if details, event.sequence >= lines.window?.end ?? 0 {
                            (needsWindow, next) = (event.sequence, event.sequence)
                            return false
                        }
                        do throws(OutputStream.Failure) {
                            try output.write { lines.append(event, details: details, to: &$0) }
                        } catch {
                            failure = error
                        }
                        return failure == nil
                    })
                if let failure { throw failure }
                if needsWindow == nil { outcome.note(facts.findings) }
            } while needsWindow != nil
        }
        try output.flush()
        outcome.findings += inspection.unreadable
        return outcome
    }
}

extension EventExport.Outcome {
    fileprivate mutating func note(_ findings: [JournalFinding]) {
        damagedStretches += findings.count
        self.findings += findings
    }
}

extension JournalFinding {
    fileprivate func mayHideEvents(_ look: JournalInspection.Look) -> Bool {
        switch self {
        case .missing, .closed, .duplicate, .unreadable: true
        // A file whose owner or mode is wrong is read all the same; one without a header is not.
        case .refusal(let refusal): look.recovered.directory.leftOut.contains(refusal.path)
        case .bytes, .header, .tail, .foreign, .unfinished, .leftOver, .index: false
        }
    }
}
