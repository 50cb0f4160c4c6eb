import AdminAPI
import FoundationEssentials
import RelayCore
import Storage

/// The records of one segment, a line each: `journal inspect --segment`. Neither payloads nor secrets.
struct SegmentListing {
    let ordinal: UInt64
    let json: Bool

    /// - Throws: ``OutputStream/Failure``; `StorageRefusal` if there is no such segment.
    func print(_ inspection: JournalInspection) throws {
        let look = try inspection.look()
        let number = look.segments.firstIndex { segment in
            (segment.header.ordinal...segment.header.throughOrdinal).contains(ordinal)
        }
        guard let number else {
            throw StorageRefusal(path: inspection.directory, reason: "there is no segment \(ordinal) in it")
        }
        let output = OutputStream()
        var failure: OutputStream.Failure?
        func put(_ members: [(String, JSONValue)]) {
            guard failure == nil else { return }
            do throws(OutputStream.Failure) { try output.line(line(members)) } catch { failure = error }
        }
        _ = try inspection.read(
            number, of: look,
            record: {
                put(Self.members($0, look.id))
                return failure == nil
            },
            damage: {
                put([("offset", .count($0.lowerBound)), ("kind", "damage"), ("bytes", .count($0.count))])
            })
        if let failure { throw failure }
        try output.flush()
    }

    private func line(_ members: [(String, JSONValue)]) -> String {
        func text(_ value: JSONValue) -> String { String(decoding: JSONWriter.compact(value), as: UTF8.self) }
        if json { return text(.object(JSONObject(members))) }
        return members.map { name, value in
            // What can stand there without quotes is easier to read and to copy.
            if case .string(let word) = value, word.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x22 && $0 < 0x7F }) {
                return "\(name)=\(word)"
            }
            return "\(name)=\(text(value))"
        }
        .joined(separator: " ")
    }

    private static func members(_ record: JournalRecord, _ id: JournalID) -> [(String, JSONValue)] {
        var members: [(String, JSONValue)] = [
            ("offset", .count(record.offset)), ("kind", .string(record.kind.map { "\($0)" } ?? "unknown")),
            ("sequence", .count(record.header.sequence)), ("bytes", .count(record.header.totalBytes)),
        ]
        switch record.kind {
        case .event: members += record.event.map { event($0, id) } ?? []
        case .progress: members += ProgressRecord(record.payload).map(progress) ?? []
        case .checkpoint:
            guard let part = CheckpointRecord(record.payload) else { break }
            members += [
                ("number", .count(part.number)), ("part", .count(part.part)), ("parts", .count(part.parts)),
                ("asOf", .count(part.asOf)), ("revision", .count(part.revision)), ("floor", .count(part.floor)),
                ("lanes", .count(part.lanes.count)),
            ]
        case .floor: members.append(("floor", FloorRecord.ordinal(record.payload).map { .count($0) } ?? .null))
        case .registration: members += registration(record.payload)
        case .task:
            // One that can't be read is told of by "journal check".
            if let task = try? JSONDecoder().decode(JournalTask.self, from: Data(record.payload)) {
                members += [("task", .count(task.number)), ("what", .string(task.what)), ("done", .bool(task.isDone))]
            }
        case nil: break
        }
        return members
    }

    private static func event(_ event: EventRecord, _ id: JournalID) -> [(String, JSONValue)] {
        let matched = (0..<event.webhookCount).map(event.webhook)
        return [
            ("id", .string(event.id(in: id))), ("event", .string(String(decoding: event.type, as: UTF8.self))),
            ("tenantId", .string(String(decoding: event.tenant, as: UTF8.self))),
            ("acceptedAt", .time(event.acceptedAt)), ("dataBytes", .count(event.data.count)),
            ("webhooks", .array(matched.filter(\.takesDeliveries).map { .count($0.number) })),
            ("skipped", .array(matched.filter { !$0.takesDeliveries }.map { .count($0.number) })),
        ]
    }

    private static func progress(_ record: ProgressRecord) -> [(String, JSONValue)] {
        func count(_ each: (LaneProgress) -> Int) -> JSONValue {
            .count(record.lanes.reduce(0) { $0 + each($1.progress) })
        }
        return [
            ("lanes", .array(record.lanes.map { .count($0.webhook) })),
            ("delivered", count { $0.settled.count { $0.result == .delivered } }),
            ("otherwiseEnded", count { $0.settled.count { $0.result != .delivered } }),
            ("begun", count(\.opened.count)), ("retried", count(\.retried.count)),
            ("reopened", count(\.reopened.count)),
        ]
    }

    /// Which webhook was changed; its secrets, headers and URL stay where they are.
    private static func registration(_ payload: UnsafeRawBufferPointer) -> [(String, JSONValue)] {
        // One that can't be read is told of by "journal check".
        guard let change = try? RegistrationCoding.withheld.decode(payload) else { return [] }
        let revision: (String, JSONValue) = ("revision", .count(change.revision))
        switch change.kind {
        case _ where change.revision == 0:
            // What was a webhook before the state was sealed under another key.
            return [("change", "overwritten")]
        case .put(let webhook):
            return [
                revision, ("change", "put"), ("webhook", .count(webhook.number)), ("id", .string(webhook.id)),
                ("tenantId", .string(webhook.tenant)),
            ]
        case .remove(let number): return [revision, ("change", "remove"), ("webhook", .count(number))]
        case .setPaused(let isPaused): return [revision, ("change", isPaused ? "pause" : "resume")]
        case .putKey(let key):
            return [revision, ("change", "put_key"), ("id", .string(key.id)), ("tenantId", .text(key.tenant))]
        case .removeKey(let id): return [revision, ("change", "remove_key"), ("id", .string(id))]
        }
    }
}

extension JournalTask {
    /// A word for programs.
    var what: String {
        switch kind {
        case .eraseEvent: "erase_event"
        case .eraseTenant: "erase_tenant"
        case .replay: "replay"
        case .replayEvent: "replay_event"
        }
    }
}
