package import RelayCore

/// One thing that looking at a state directory has found, as ``JournalInspection`` tells it.
package enum JournalFinding: Equatable, Sendable {
    /// What stops a start.
    case refusal(StorageRefusal)
    /// A file that can't be opened or read as a whole.
    case closed(DiskError)
    /// A stretch of a file that the device can't read.
    case unreadable(ReadOnlyDisk.Unreadable)
    /// A stretch of a segment that no checksum vouches for, or a record that can't be understood. The events are those that
    /// may have been there, by the records around it; nil: none is missing.
    case bytes(path: String, Range<Int>, events: ClosedRange<UInt64>?)
    /// Bytes behind the last whole record of all.
    case tail(path: String, Range<Int>)
    /// One of the two copies of a segment's header.
    case header(path: String)
    /// Segments that are not there, and events that were in them at most.
    case missing(ordinals: ClosedRange<UInt64>, events: ClosedRange<UInt64>?)
    /// A second segment with the ordinal of another one.
    case duplicate(path: String)
    /// A file in the journal's directory that is none of it.
    case foreign(path: String)
    /// A segment that never held anything.
    case unfinished(path: String)
    /// A file that a start removes.
    case leftOver(path: String)
    /// An index that can't be used, and the block of it that is damaged; nil: its head, or it is that of another segment.
    case index(path: String, block: Int?)

    /// Whether something is lost or may be, or a start would be refused.
    package var isSerious: Bool {
        switch self {
        case .refusal, .closed, .unreadable, .bytes, .header, .missing, .duplicate: true
        case .tail, .foreign, .unfinished, .leftOver, .index: false
        }
    }

    /// Whether a start fails because of it.
    package var stopsStart: Bool {
        switch self {
        case .refusal, .closed: true
        default: false
        }
    }
}

/// A record as a reading of the journal shows it, valid during the call.
package struct JournalRecord {
    package let buffer: RecordBuffer
    /// Where its header begins in the buffer.
    package let position: Int
    package let header: RecordFormat.Header
    /// Where it begins in the file.
    package let offset: Int

    /// Nil: a kind that this version does not know.
    package var kind: RecordKind? { RecordKind(rawValue: header.kind) }
    package var event: EventRecord? { EventRecord(buffer: buffer, offset: position) }

    package var payload: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: buffer.bytes + position + RecordFormat.headerBytes, count: header.length)
    }

    /// Whether what its checksum vouches for can be understood as well. JSON is judged where it is read.
    var isUnderstood: Bool {
        switch kind {
        case .event: event != nil
        case .progress: ProgressRecord(payload) != nil
        case .checkpoint: CheckpointRecord(payload) != nil
        case .floor: FloorRecord.ordinal(payload) != nil
        case .registration, .task: true
        case nil: false
        }
    }
}
