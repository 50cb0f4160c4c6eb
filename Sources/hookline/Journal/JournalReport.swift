import AdminAPI
import RelayCore
import Storage

/// What `journal check` says.
struct JournalReport {
    private struct Finding {
        let kind: String
        let text: String
        let advice: String
        /// Whether something is lost, or a start would be refused.
        let isSerious: Bool
    }

    private let findings: [Finding]
    private let facts: JournalInspection.Facts
    private let stateDirectory: String

    init(_ facts: JournalInspection.Facts, stateDirectory: String) {
        self.facts = facts
        self.stateDirectory = stateDirectory
        findings =
            facts.refusals.map {
                Finding(kind: "refusal", text: "\($0)", advice: "The daemon does not start before.", isSerious: true)
            } + facts.damage.map(Self.finding)
            + facts.foreign.map {
                Finding(
                    kind: "foreign", text: "\($0) is no segment of this journal",
                    advice: "It is left alone; a copy of a segment counts for nothing.", isSerious: false)
            }
    }

    var isWell: Bool { !findings.contains { $0.isSerious } }

    private static func finding(_ damage: JournalDamage) -> Finding {
        switch damage {
        case .bytes:
            Finding(
                kind: "bytes", text: "\(damage)",
                advice:
                    "The records there are lost; what is around them is not. A copy of the file, if there is one, has them.",
                isSerious: true)
        case .tail:
            Finding(
                kind: "tail", text: "\(damage)",
                advice: "What a crash left of a write, or what a running daemon is writing; a start leaves it out.",
                isSerious: false)
        case .headerCopy:
            Finding(
                kind: "header", text: "\(damage)", advice: "The other copy is good: nothing is lost.", isSerious: true)
        case .missing:
            Finding(
                kind: "missing", text: "\(damage)",
                advice: "Put the files back and restart; without them their events are lost.", isSerious: true)
        }
    }

    private var events: Int { facts.segments.reduce(0) { $0 + ($1.records[.event] ?? 0) } }
    private var records: Int { facts.segments.reduce(0) { $0 + $1.records.values.reduce(0, +) } }

    func lines(style: TextStyle) -> [String] {
        var lines = findings.flatMap { finding in
            [
                (finding.isSerious ? style.red("✗ ") : style.yellow("- ")) + PrintableText.of(finding.text),
                "  " + style.dim(finding.advice),
            ]
        }
        let bytes = facts.segments.reduce(0) { $0 + $1.bytes }
        let verdict = isWell ? style.green("All is well") : style.red("Not all is well")
        lines.append(
            "\(verdict): \(facts.segments.count) segments, \(events) events, \(records) records, \(bytes) bytes in \(PrintableText.of(stateDirectory)) were read."
        )
        return lines
    }

    var json: JSONValue {
        [
            "ok": .bool(isWell),
            "stateDirectory": .string(stateDirectory),
            "segments": .count(facts.segments.count),
            "events": .count(events),
            "records": .count(records),
            "findings": .array(
                findings.map {
                    [
                        "kind": .string($0.kind), "serious": .bool($0.isSerious), "text": .string($0.text),
                        "advice": .string($0.advice),
                    ]
                }),
        ]
    }
}
