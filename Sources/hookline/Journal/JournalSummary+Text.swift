import AdminAPI
import RelayCore
import Storage

/// `journal inspect` for a person.
extension JournalSummary {
    /// Rows of a list that may have any number of them.
    private static let rowsMax = 20

    func lines(width: Int?, style: TextStyle) -> [String] {
        let recovered = look.recovered
        var lines = [style.bold("Journal in \(PrintableText.of(stateDirectory))"), ""]
        let kinds = kinds.map { "\($0.count) \($0.kind)" }.joined(separator: ", ")
        var facts: [(String, String)] = [("Records", kinds.isEmpty ? "none" : kinds)]
        if let period {
            facts.append(
                (
                    "Accepted",
                    "\(RFC3339.text(milliseconds: period.lowerBound)) to \(RFC3339.text(milliseconds: period.upperBound))"
                ))
        }
        facts += [
            ("Last event", "\(recovered.state.lastSequence)"),
            ("Floor", recovered.state.floor == 0 ? "none" : "segment \(recovered.state.floor)"),
            ("Checkpoint", recovered.checkpointOrdinal.map { "in segment \($0)" } ?? "none"),
        ]
        if let key = look.sealedUnder { facts.append(("Secrets", "sealed under the key \(key)")) }
        lines += facts.map { style.dim($0.padded(to: 12)) + $1 }
        lines += [""] + segmentTable.lines(width: width, style: style)
        lines += Self.table(types, "EVENT TYPE", width, style) + Self.table(tenants, "TENANT", width, style)
        lines += laneLines(width, style)
        for task in tasks {
            lines += ["", "Task \(task.number) (\(task.what)) is not done: the daemon goes on with it."]
        }
        if isDamaged { lines += ["", style.red("Something is wrong: hookline journal check tells what.")] }
        return lines
    }

    private var segmentTable: TextTable {
        var table = TextTable("SEGMENT", "FIRST EVENT", "EVENTS", "NEEDED", "RECORDS", "BYTES", "INDEX", "MADE")
        for (segment, needed) in zip(segments, needed) {
            let header = segment.header
            let range = header.throughOrdinal == header.ordinal ? "" : "-\(header.throughOrdinal)"
            table.add([
                "\(header.ordinal)\(range)", "\(header.firstSequence)", "\(segment.records[.event] ?? 0)", "\(needed)",
                "\(segment.recordCount)", "\(segment.bytes)", segment.hasIndex ? "yes" : "no",
                RFC3339.text(milliseconds: header.createdAt),
            ])
        }
        return table
    }

    private static func table(_ rows: [Counted], _ heading: String, _ width: Int?, _ style: TextStyle) -> [String] {
        guard !rows.isEmpty else { return [] }
        var table = TextTable(heading, "EVENTS")
        for row in rows.prefix(rowsMax) { table.add([row.name, "\(row.count)"]) }
        return [""] + table.lines(width: width, style: style) + more(rows.count)
    }

    private static func more(_ count: Int) -> [String] {
        count > rowsMax ? ["… and \(count - rowsMax) more"] : []
    }

    private func laneLines(_ width: Int?, _ style: TextStyle) -> [String] {
        let lanes = lanes
        guard !lanes.isEmpty else { return [] }
        var table = TextTable("WEBHOOK", "PENDING", "BEGUN", "NEXT EVENT", "DELIVERED", "GIVEN UP", "WHY")
        for (number, lane) in lanes.prefix(Self.rowsMax) {
            let why = SettlementResult.allCases.filter { $0 != .delivered }.compactMap { result in
                results[number]?[result].map { "\($0) \(result.name)" }
            }
            table.add([
                id(number) ?? "number \(number)", "\(lane.pending)", "\(lane.open.count)", "\(lane.cursor)",
                "\(lane.delivered)", "\(lane.givenUp)", why.isEmpty ? "-" : why.joined(separator: ", "),
            ])
        }
        return [""] + table.lines(width: width, style: style) + Self.more(lanes.count)
    }
}
