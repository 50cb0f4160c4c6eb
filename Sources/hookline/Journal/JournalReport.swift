import AdminAPI
import RelayCore
import Storage

/// What `journal check` says.
struct JournalReport {
    private let findings: [JournalFinding]
    private let segments: [JournalInspection.SegmentFacts]
    private let stateDirectory: String

    init(_ inspection: JournalInspection) throws {
        let look = try inspection.look()
        (segments, findings) = try inspection.readAll(look)
        stateDirectory = inspection.stateDirectory
    }

    var isWell: Bool { !findings.contains(where: \.isSerious) }
    private var wouldStart: Bool { !findings.contains(where: \.stopsStart) }

    private var events: Int { segments.reduce(0) { $0 + ($1.records[.event] ?? 0) } }
    private var records: Int { segments.reduce(0) { $0 + $1.recordCount } }
    private var bytes: Int { segments.reduce(0) { $0 + $1.bytes } }

    func lines(style: TextStyle) -> [String] {
        let lines = findings.flatMap { finding in
            [
                (finding.isSerious ? style.red("✗ ") : style.yellow("- ")) + PrintableText.of(finding.text),
                "  " + style.dim(finding.advice),
            ]
        }
        let verdict = isWell ? style.green("All is well") : style.red("Not all is well")
        return lines + [
            "\(verdict): \(Self.count(segments.count, "segment")), \(Self.count(events, "event")), "
                + "\(Self.count(records, "record")), \(StatusText.size(Int64(bytes))) in "
                + "\(PrintableText.of(stateDirectory)). A start would \(wouldStart ? "succeed" : "fail")."
        ]
    }

    private static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    var json: JSONValue {
        [
            "ok": .bool(isWell),
            "wouldStart": .bool(wouldStart),
            "stateDirectory": .string(stateDirectory),
            "segments": .count(segments.count),
            "events": .count(events),
            "records": .count(records),
            "bytes": .count(bytes),
            "findings": .array(findings.map(\.json)),
        ]
    }
}
