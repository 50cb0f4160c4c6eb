import AdminAPI
import RelayCore
import Storage

/// What is said about a finding: to a person, and to a program.
extension JournalFinding {
    /// A word for programs.
    var kind: String {
        switch self {
        case .refusal: "refusal"
        case .closed: "closed"
        case .unreadable: "unreadable"
        case .bytes: "bytes"
        case .tail: "tail"
        case .header: "header"
        case .missing: "missing"
        case .duplicate: "duplicate"
        case .foreign: "foreign"
        case .unfinished: "unfinished"
        case .leftOver: "left_over"
        case .index: "index"
        }
    }

    /// What is wrong, and where.
    var text: String {
        switch self {
        case .refusal(let refusal): "\(refusal)"
        case .closed(let error): "\(error)"
        case .unreadable(let stretch):
            "\(stretch.path): bytes \(Self.text(stretch.range)) can't be read from the device (I/O error)"
        case .bytes(let path, let range, let events):
            "\(path): bytes \(Self.text(range)) are damaged, \(Self.text(events))"
        case .tail(let path, let range): "\(path): bytes \(Self.text(range)), the last ones, are no whole record"
        case .header(let path): "\(path): one of the two copies of the header is damaged"
        case .missing(let ordinals, let events):
            ordinals.count == 1
                ? "segment \(ordinals.lowerBound) is missing, \(Self.text(events))"
                : "segments \(ordinals.lowerBound) to \(ordinals.upperBound) are missing, \(Self.text(events))"
        case .duplicate(let path): "\(path): has the same number as another segment"
        case .foreign(let path): "\(path) is no segment of this journal"
        case .unfinished(let path): "\(path) is a segment that has never held anything"
        case .leftOver(let path): "\(path) is left over"
        case .index(let path, let block):
            "\(path): " + (block.map { "block \($0) of the index is damaged" } ?? "is no index of its segment")
        }
    }

    /// What it means, and what to do.
    var advice: String {
        switch self {
        case .refusal: "The daemon does not start before."
        case .closed: "The daemon does not start before it can read this."
        case .unreadable:
            "The disk is failing: copy all of the directory to another one, and let the daemon go on there."
        case .bytes(_, _, let events):
            events == nil
                ? "What stood there tells what became of deliveries, so some may be repeated. Nothing is to be done."
                : "The records there are lost, those around them are not. A backup of the file has them."
        case .tail:
            "What a crash left of a write, or what a daemon is writing: no producer was told that it is kept, unless the "
                + "disk has lost it afterwards. A start leaves it out."
        case .header: "The other copy is good: nothing is lost. The file goes in its time."
        case .missing: "Put the files back and restart; without them their events are lost."
        case .duplicate: "A start removes this one: move it out of the directory if it holds anything."
        case .foreign: "It is left alone; a copy of a segment counts for nothing."
        case .unfinished: "A crash in the middle of making it, or a daemon that is making it. It is left alone."
        case .leftOver: "What a crash left, or a daemon is making: a start removes it."
        case .index: "Nothing is lost: the daemon makes it anew."
        }
    }

    var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("kind", .string(kind)), ("serious", .bool(isSerious)), ("stopsStart", .bool(stopsStart)),
            ("path", .text(path)),
        ]
        if let range {
            members += [("offset", .count(range.lowerBound)), ("bytes", .count(range.count))]
        }
        if case .missing(let ordinals, _) = self {
            members += [("firstOrdinal", .count(ordinals.lowerBound)), ("lastOrdinal", .count(ordinals.upperBound))]
        }
        if let events {
            members += [
                ("firstEvent", .count(events.lowerBound)),
                // Null: nobody knows where they end.
                ("lastEvent", events.upperBound == .max ? .null : .count(events.upperBound)),
            ]
        }
        return .object(JSONObject(members + [("text", .string(text)), ("advice", .string(advice))]))
    }

    private var path: String? {
        switch self {
        case .refusal(let refusal): refusal.path
        case .closed(let error): error.path
        case .unreadable(let stretch): stretch.path
        case .bytes(let path, _, _), .tail(let path, _), .header(let path), .duplicate(let path), .foreign(let path),
            .unfinished(let path), .leftOver(let path), .index(let path, _):
            path
        case .missing: nil
        }
    }

    private var range: Range<Int>? {
        switch self {
        case .unreadable(let stretch): stretch.range
        case .bytes(_, let range, _), .tail(_, let range): range
        default: nil
        }
    }

    private var events: ClosedRange<UInt64>? {
        switch self {
        case .bytes(_, _, let events), .missing(_, let events): events
        default: nil
        }
    }

    private static func text(_ range: Range<Int>) -> String { "\(range.lowerBound) to \(range.upperBound)" }

    private static func text(_ events: ClosedRange<UInt64>?) -> String {
        guard let events else { return "and no event is lost with them" }
        if events.count == 1 { return "with event \(events.lowerBound) at most" }
        if events.upperBound == .max { return "with what came from event \(events.lowerBound) on" }
        return "with the events \(events.lowerBound) to \(events.upperBound) at most"
    }
}
