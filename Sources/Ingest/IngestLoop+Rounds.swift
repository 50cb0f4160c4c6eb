import DequeModule
import RelayCore

/// Rounds: on their way to the disk, and back to the connections as replies.
extension IngestLoop.Loop {
    /// Sends what this turn has read on its way to the disk.
    mutating func submitRound() {
        guard !current.groups.isEmpty || !current.records.isEmpty else { return }
        let round = current
        current = Round(number: nextRound, bytes: round.records.count * 5 / 4)
        nextRound += 1
        rounds.append(round)
        guard !round.records.isEmpty else {
            round.result = .success(())
            return
        }
        unsyncedBytes += round.records.count
        let owner = owner
        let number = round.number
        // A few events with nothing before them on the way are at the disk sooner without a change of threads, and there
        // is little to read meanwhile; what comes is the next round.
        let mayWait = rounds.count == 1 && round.records.count <= Limits.roundBytesToWaitFor
        let isTaken = owner.store.append(
            round.records, lastSequence: round.sequences.upperBound - 1, mayWait: mayWait
        ) { result in
            owner.send(.completed(round: number, result))
        }
        if mayWait { obeyCommands() }
        if !isTaken {
            round.result = .failure(EventStoreFailure(message: "the journal is closed", isLackOfSpace: false))
        }
    }

    /// Answers the lines of rounds that have ended, as far as none before them is still on its way.
    mutating func completeRounds() {
        var answered: [ObjectIdentifier: Connection] = [:]
        while let round = rounds.first, let result = round.result {
            rounds.removeFirst()
            unsyncedBytes -= round.records.count
            var isLost = false
            if case .failure(let failure) = result {
                isLost = true
                takeBack(round, failure)
            }
            for group in round.groups {
                let connection = group.connection
                connection.roundsDue -= 1
                let before = connection.replies.count
                if !isLost { count(group.answers, of: round) }
                if !connection.outputGivenUp { encode(group.answers, of: round, result, to: connection) }
                replyBytes += connection.replies.count - before
                answered[ObjectIdentifier(connection)] = connection
            }
            for completion in round.completions { completion(!isLost) }
        }
        // Only a line that was read before its original was lost can still mean it.
        if rounds.isEmpty { lost.removeAll() }
        guard !answered.isEmpty else { return }
        let now = clock.now
        for (id, connection) in answered {
            replyBytes -= connection.flush(now: now)
            touched[id] = connection
        }
    }

    func encode(
        _ answers: [Round.Answer], of round: Round, _ result: Result<Void, EventStoreFailure>, to connection: Connection
    ) {
        let journal = owner.store.journalID
        for answer in answers {
            switch (answer.kind, result) {
            case (.refused(let refusal), _):
                ReplyEncoder.append(refusal, line: answer.line, to: &connection.replies)
            case (.accepted(let offset), .success):
                guard let event = EventRecord(buffer: round.records, offset: offset) else { continue }
                ReplyEncoder.appendAcceptance(of: event, isDuplicate: false, journal: journal, to: &connection.replies)
            case (.duplicate(let original), _) where !isLost(original):
                ReplyEncoder.appendAcceptance(
                    of: original, isDuplicate: true, journal: journal, to: &connection.replies)
            case (.accepted(let offset), .failure(let failure)):
                let event = EventRecord(buffer: round.records, offset: offset)
                refuse(failure, event, line: answer.line, connection)
            case (.duplicate(let original), _):
                let failure = EventStoreFailure(message: "the event could not be stored", isLackOfSpace: false)
                refuse(failure, original, line: answer.line, connection)
            }
        }
    }

    func isLost(_ event: EventRecord) -> Bool {
        lost.contains { $0.contains(event.sequence) }
    }

    func refuse(_ failure: EventStoreFailure, _ event: EventRecord?, line: Int, _ connection: Connection) {
        let id = event.flatMap { $0.hasProducersID ? String(decoding: $0.producersID, as: UTF8.self) : nil }
        ReplyEncoder.append(
            Refusal(failure.code, failure.message, id: id, retryAfterMilliseconds: 1000), line: line,
            to: &connection.replies)
    }

    /// A round did not reach the disk: its ids are free again.
    mutating func takeBack(_ round: Round, _ failure: EventStoreFailure) {
        lost.append(round.sequences)
        for group in round.groups {
            for answer in group.answers {
                guard case .accepted(let offset) = answer.kind else { continue }
                local.refuse(failure.code, at: owner.wall())
                if let event = EventRecord(buffer: round.records, offset: offset) { intake.forget(event) }
            }
        }
    }

    /// Counts events that are accepted for good, each just before its reply is made from the same bytes.
    mutating func count(_ answers: [Round.Answer], of round: Round) {
        let catalogue = intake.catalogue
        for answer in answers {
            guard case .accepted(let offset) = answer.kind,
                let event = EventRecord(buffer: round.records, offset: offset),
                let type = catalogue.index(of: event.type)
            else { continue }
            local.accepted[type] += 1
            local.acceptedTotal += 1
        }
    }
}

extension EventStoreFailure {
    fileprivate var code: RefusalCode { isLackOfSpace ? .backlogFull : .storageError }
}
