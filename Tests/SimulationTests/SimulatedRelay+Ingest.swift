import RelayCore
import Storage

/// The listener: lines become rounds, rounds become replies.
extension SimulatedRelay {
    final class Round {
        enum Kind {
            case accepted(offset: Int)
            case duplicate(EventRecord)
            case refused
        }

        let records = RecordBuffer(capacity: 4096)
        var answers: [(producer: Int, event: Int, kind: Kind)] = []
        var sequences: Range<UInt64> = 0..<0
        var isDone = false
        var failure: JournalFailure?

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

    /// Takes some of a producer's lines.
    func take(_ count: Int, from producer: Int) {
        for _ in 0..<count {
            guard let number = simulation.producers[producer].unsent.first else { break }
            simulation.producers[producer].unsent.removeFirst()
            simulation.producers[producer].unanswered.append(number)
            decide(simulation.events[number], of: producer)
        }
        submitRound()
    }

    private func decide(_ event: SimulatedProducer.Event, of producer: Int) {
        let (rounds, round, journal) = (rounds, current, journal)
        let sequence = intake.nextSequence
        let table = registrationsInForce
        let outcome = Array(event.line.utf8).withUnsafeBytes { line in
            _ = intake.read(line, grant: .everything)
            return intake.decide(
                from: PeerIdentity(uid: 1, gid: 1, pid: 1), grant: .everything, now: clock.wall,
                into: round.records,
                find: { sequence in
                    if let event = round.event(sequence) { return event }
                    for earlier in rounds where earlier.sequences.contains(sequence) { return earlier.event(sequence) }
                    return try? journal.event(sequence)
                },
                sealed: { try? journal.sealedIDs($0, among: $1) })
        }
        switch outcome {
        case .blank, nil:
            oracle.complain("a line is blank")
        case .accepted(let offset):
            if event.hasID { checkNoDuplicate(event) }
            let catalogue = table.catalogue
            let webhooks = catalogue.index(of: event.type).map { table.match(tenant: event.tenant, type: $0) } ?? []
            oracle.accepted(
                Oracle.Acceptance(sequence, event, at: clock.now, wall: clock.wall, for: webhooks.map(\.number)))
            if round.sequences.isEmpty { round.sequences = sequence..<sequence }
            round.sequences = round.sequences.lowerBound..<intake.nextSequence
            round.answers.append((producer, event.number, .accepted(offset: offset)))
        case .duplicate(let original):
            if oracle.acceptances[original.sequence]?.event.number != event.number {
                oracle.complain("event \(event.number) is taken for a duplicate of \(original.sequence)")
            }
            oracle.tally["duplicates", default: 0] += 1
            round.answers.append((producer, event.number, .duplicate(original)))
        case .refused(let refusal):
            oracle.tally["refused lines", default: 0] += 1
            if refusal.code != .backlogFull { oracle.complain("event \(event.number) is refused: \(refusal.code)") }
            round.answers.append((producer, event.number, .refused))
        }
    }

    /// As long as an event is there, and neither the clock nor the disk has made a fool of the relay, its id is known.
    private func checkNoDuplicate(_ event: SimulatedProducer.Event) {
        guard !simulation.isTroubled, !simulation.disk.isDown else { return }
        simulation.disk.isObserved = true
        defer { simulation.disk.isObserved = false }
        for older in oracle.acceptances(of: event.number) {
            guard older.status == .durable || older.status == .limbo, older.at > clock.jumpedAt,
                clock.wall - older.wall < simulation.terms.dedupeWindow.milliseconds
            else { continue }
            let isThere =
                rounds.contains { $0.sequences.contains(older.sequence) } || current.event(older.sequence) != nil
                || ((try? journal.event(older.sequence)) ?? nil) != nil
            if isThere {
                oracle.complain(
                    "event \(event.number) is accepted again as \(intake.nextSequence - 1), and is there as \(older.sequence), \(older.status)"
                        + condition)
            }
        }
    }

    private func submitRound() {
        guard !current.answers.isEmpty else { return }
        let round = current
        current = Round()
        rounds.append(round)
        guard !round.records.isEmpty else {
            round.isDone = true
            return
        }
        let pump = pumpInbox
        let isTaken = submit(
            round.records, .events, lastSequence: round.sequences.upperBound - 1, to: nil
        ) { [unowned self] result in
            // On the journal's thread: the pump hears of it first.
            switch result {
            case .success:
                for sequence in round.sequences { oracle.durable(sequence) }
                pump.post { [unowned self] in accepted(round.records) }
            case .failure:
                for sequence in round.sequences { oracle.refused(sequence) }
            }
            ingestInbox.post {
                round.isDone = true
                if case .failure(let failure) = result { round.failure = failure }
            }
        }
        if !isTaken { (round.isDone, round.failure) = (true, .closed) }
    }

    func workIngest() {
        ingestInbox.work()
        while let round = rounds.first, round.isDone {
            rounds.removeFirst()
            if round.failure != nil { takeBack(round) }
            for answer in round.answers { reply(answer, of: round) }
        }
        if rounds.isEmpty { lost = [] }
    }

    private func takeBack(_ round: Round) {
        lost.append(round.sequences)
        for answer in round.answers {
            guard case .accepted(let offset) = answer.kind,
                let event = EventRecord(buffer: round.records, offset: offset)
            else { continue }
            intake.forget(event)
        }
    }

    private func reply(_ answer: (producer: Int, event: Int, kind: Round.Kind), of round: Round) {
        let isAccepted: Bool
        switch answer.kind {
        case .accepted: isAccepted = round.failure == nil
        case .duplicate(let original): isAccepted = !lost.contains { $0.contains(original.sequence) }
        case .refused: isAccepted = false
        }
        if isAccepted, case .duplicate(let original) = answer.kind,
            oracle.acceptances[original.sequence]?.status != .durable
        {
            oracle.complain("event \(answer.event) is confirmed, and \(original.sequence) is not durable")
        }
        simulation.producers[answer.producer].answered(answer.event, isAccepted: isAccepted)
    }
}
