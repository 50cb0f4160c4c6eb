import AdminAPI
import RelayCore
import Storage

/// The records of one segment, a line each: `journal inspect --segment`.
struct SegmentListing {
    let ordinal: UInt64
    let json: Bool

    func print(_ inspection: JournalInspection) throws {
        let segments = try inspection.open().0.journal.allSegments
        guard
            let number = segments.firstIndex(where: {
                ($0.header.ordinal...$0.header.throughOrdinal).contains(ordinal)
            })
        else {
            throw StorageRefusal(path: inspection.directory, reason: "there is no segment \(ordinal) in it")
        }
        var id: JournalID?
        let facts = try inspection.read { place, header, offset, segment in
            id = segments.first?.header.journal
            guard segment == number, let id else { return }
            let value = Self.describe(place, header, offset, id)
            Console.print(json ? String(decoding: JSONWriter.compact(value), as: UTF8.self) : Self.line(value))
        }
        for damage in facts.segments.dropFirst(number).first?.damage ?? [] { Console.note("hookline: \(damage)") }
    }

    private static func describe(
        _ place: (buffer: RecordBuffer, offset: Int), _ header: RecordFormat.Header, _ offset: Int, _ id: JournalID
    ) -> JSONValue {
        let kind = RecordKind(rawValue: header.kind)
        var members: [(String, JSONValue)] = [
            ("offset", .count(offset)), ("kind", .string(kind.map { "\($0)" } ?? "unknown")),
            ("sequence", .count(header.sequence)), ("bytes", .count(header.totalBytes)),
        ]
        let payload = UnsafeRawBufferPointer(
            start: place.buffer.bytes + place.offset + RecordFormat.headerBytes, count: header.length)
        switch kind {
        case .event:
            guard let event = EventRecord(buffer: place.buffer, offset: place.offset) else { break }
            members += [
                ("id", .string(event.id(in: id))), ("event", .string(String(decoding: event.type, as: UTF8.self))),
                ("tenantId", .string(String(decoding: event.tenant, as: UTF8.self))),
                ("acceptedAt", .time(event.acceptedAt)), ("dataBytes", .count(event.data.count)),
                ("webhooks", .array((0..<event.webhookCount).map { .count(event.webhook($0).number) })),
            ]
        case .progress:
            guard let record = ProgressRecord(payload) else { break }
            members += [
                ("lanes", .count(record.lanes.count)),
                ("settled", .count(record.lanes.reduce(0) { $0 + $1.progress.settled.count })),
                ("begun", .count(record.lanes.reduce(0) { $0 + $1.progress.opened.count })),
                ("retried", .count(record.lanes.reduce(0) { $0 + $1.progress.retried.count })),
            ]
        case .checkpoint:
            guard let record = CheckpointRecord(payload) else { break }
            members += [
                ("part", .count(record.part)), ("parts", .count(record.parts)), ("asOf", .count(record.asOf)),
                ("lanes", .count(record.lanes.count)),
            ]
        case .floor:
            members.append(("floor", FloorRecord.ordinal(payload).map { .count($0) } ?? .null))
        case .registration, .task, nil:
            // They hold secrets and names.
            break
        }
        return .object(JSONObject(members))
    }

    private static func line(_ value: JSONValue) -> String {
        let members = value.objectValue?.members ?? []
        return members.map { "\($0.name)=\(String(decoding: JSONWriter.compact($0.value), as: UTF8.self))" }
            .joined(separator: " ")
    }
}
