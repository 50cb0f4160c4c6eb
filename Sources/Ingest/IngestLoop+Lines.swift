import DequeModule
import Glibc
import RelayCore

/// Lines: bytes from connections become lines, and each line an answer of the present round.
extension IngestLoop.Loop {
    mutating func read(_ connection: Connection) {
        let count = Glibc.read(connection.descriptor, input.baseAddress, input.count)
        if count > 0 {
            take(UnsafeRawBufferPointer(rebasing: input[..<count]), of: connection)
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            endInput(of: connection)
        }
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer, of connection: Connection) {
        guard let base = bytes.baseAddress else { return }
        let now = owner.wall()
        var position = 0
        while position < bytes.count {
            let rest = bytes.count - position
            guard let found = memchr(base + position, 0x0A, rest) else {
                decide(of: connection, now: now)
                keep(UnsafeRawBufferPointer(start: base + position, count: rest), of: connection)
                return
            }
            let length = UnsafeRawPointer(found) - (base + position)
            let part = UnsafeRawBufferPointer(start: base + position, count: length)
            position += length + 1
            if connection.isSkipping {
                connection.isSkipping = false
            } else if !connection.unfinished.isEmpty {
                finish(with: part, of: connection, now: now)
            } else if length > settings.maxLineBytes {
                decide(of: connection, now: now)
                refuseTooLong(connection)
            } else if !intake.read(part, grant: connection.grant) {
                decide(of: connection, now: now)
            }
        }
        decide(of: connection, now: now)
    }

    /// Ends the line that was begun in an earlier turn.
    mutating func finish(with part: UnsafeRawBufferPointer, of connection: Connection, now: Int64) {
        let unfinished = connection.unfinished.count
        if unfinished + part.count > settings.maxLineBytes {
            refuseTooLong(connection)
        } else {
            connection.unfinished.append(contentsOf: part)
            decideUnfinished(of: connection, now: now)
        }
        dropUnfinished(of: connection, counted: unfinished)
    }

    /// Keeps the beginning of a line until the rest of it comes.
    mutating func keep(_ part: UnsafeRawBufferPointer, of connection: Connection) {
        guard !connection.isSkipping else { return }
        let length = connection.unfinished.count + part.count
        if length > settings.maxLineBytes {
            let counted = connection.unfinished.count
            refuseTooLong(connection)
            connection.isSkipping = true
            dropUnfinished(of: connection, counted: counted)
            return
        }
        // What was read can't be given back to the socket: it is kept, and the connection waits for the room it took.
        connection.unfinished.append(contentsOf: part)
        if !memory.take(part.count, for: connection) {
            connection.waitsForMemory = true
            connection.memoryOwed += part.count
            memoryWaiters.append(connection)
        }
    }

    mutating func dropUnfinished(of connection: Connection, counted: Int) {
        memory.giveBack(counted - connection.memoryOwed, of: connection)
        connection.memoryOwed = 0
        if connection.unfinished.capacity > 4096 {
            connection.unfinished = []
        } else {
            connection.unfinished.removeAll(keepingCapacity: true)
        }
        guard !memoryWaiters.isEmpty else { return }
        let waiting = memoryWaiters
        memoryWaiters = []
        for connection in waiting where connection.waitsForMemory {
            if memory.take(connection.memoryOwed, for: connection) {
                connection.waitsForMemory = false
                connection.memoryOwed = 0
                touched[ObjectIdentifier(connection)] = connection
            } else {
                memoryWaiters.append(connection)
            }
        }
    }

    mutating func endInput(of connection: Connection) {
        connection.inputEnded = true
        connection.waitsForMemory = false
        if !connection.unfinished.isEmpty {
            let count = connection.unfinished.count
            decideUnfinished(of: connection, now: owner.wall(), isLast: true)
            dropUnfinished(of: connection, counted: count)
        }
        memoryWaiters.removeAll { $0 === connection }
    }

    mutating func refuseTooLong(_ connection: Connection) {
        connection.lines += 1
        answer(
            .refused(Refusal(.lineTooLong, "a line may have \(settings.maxLineBytes) bytes (ingest.max-line-bytes)")),
            to: connection)
    }

    mutating func decideUnfinished(of connection: Connection, now: Int64, isLast: Bool = false) {
        let line = connection.unfinished
        line.withUnsafeBytes {
            _ = intake.read($0, isLast: isLast, grant: connection.grant)
            decide(of: connection, now: now)
        }
    }

    /// Decides about the lines that were read, all of one connection.
    mutating func decide(of connection: Connection, now: Int64) {
        let rounds = rounds
        let round = current
        let store = owner.store
        while true {
            let sequence = intake.nextSequence
            let outcome = intake.decide(
                from: connection.peer, grant: connection.grant, now: now, into: round.records,
                find: { sequence in
                    if let event = round.event(sequence) { return event }
                    for earlier in rounds where earlier.sequences.contains(sequence) { return earlier.event(sequence) }
                    return store.event(sequence)
                },
                sealed: { store.sealedIDs($0, among: $1) })
            guard let outcome else { return }
            connection.lines += 1
            switch outcome {
            case .blank:
                local.blankLines += 1
            case .accepted(let offset):
                if round.sequences.isEmpty { round.sequences = sequence..<sequence }
                round.sequences = round.sequences.lowerBound..<intake.nextSequence
                answer(.accepted(offset: offset), to: connection)
            case .duplicate(let original):
                local.duplicates += 1
                answer(.duplicate(original), to: connection)
            case .refused(let refusal):
                answer(.refused(refusal), to: connection)
            }
        }
    }

    mutating func answer(_ kind: Round.Answer.Kind, to connection: Connection) {
        if case .refused(let refusal) = kind { local.refuse(refusal.code, at: owner.wall()) }
        let groups = current.groups.count
        current.add(Round.Answer(line: connection.lines, kind: kind), for: connection)
        if current.groups.count > groups { connection.roundsDue += 1 }
    }
}
