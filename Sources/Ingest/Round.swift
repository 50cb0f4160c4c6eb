import RelayCore

/// Lines that were read together and become durable together, with the replies that are due then.
final class Round {
    /// What a line is answered, in the order of a connection's lines.
    struct Answer {
        enum Kind {
            /// Its record begins here in the round's batch.
            case accepted(offset: Int)
            case duplicate(EventRecord)
            case refused(Refusal)
        }

        let line: Int
        let kind: Kind
    }

    /// Answers to one connection.
    struct Group {
        let connection: Connection
        var answers: [Answer]
    }

    let number: UInt64
    let records: RecordBuffer
    var groups: [Group] = []
    /// Of events that the relay made itself.
    var completions: [@Sendable (Bool) -> Void] = []
    /// The first sequence in it, and the one behind its last.
    var sequences: Range<UInt64> = 0..<0
    /// Nil: on the way to the disk.
    var result: Result<Void, EventStoreFailure>?

    /// - Parameter bytes: how large it gets, about.
    init(number: UInt64, bytes: Int) {
        self.number = number
        records = RecordBuffer(capacity: min(max(bytes, 4096), 1 << 20))
    }

    /// Adds an answer; a connection's lines come one after the other.
    func add(_ answer: Answer, for connection: Connection) {
        if let last = groups.indices.last, groups[last].connection === connection {
            groups[last].answers.append(answer)
        } else {
            groups.append(Group(connection: connection, answers: [answer]))
        }
    }

    /// The event in it with a sequence.
    func event(_ sequence: UInt64) -> EventRecord? {
        guard sequences.contains(sequence) else { return nil }
        var offset = 0
        while offset < records.count {
            let header = RecordFormat.Header(at: records.bytes + offset)
            if header.sequence == sequence { return EventRecord(buffer: records, offset: offset) }
            offset += header.totalBytes
        }
        return nil
    }
}
