import CLinuxShims
import DequeModule
import Glibc
package import Logging
package import RelayCore
import Synchronization

/// The thread that listens on `events.sock`: accepts connections, reads lines, and answers them when they are durable.
///
/// One thread owns all connections. What it reads in one turn goes to the store as one batch (a ``Round``); rounds end in
/// the order in which they began, and so does every connection get its replies. While rounds are on the way to the disk
/// it reads on, up to ``Limits/unsyncedBytes``.
package final class IngestLoop: Sendable {
    private enum Command: Sendable {
        case completed(round: UInt64, Result<Void, EventStoreFailure>)
        case table(RegistrationTable)
        case settings(IngestSettings)
        case obstacle(EventIntake.Obstacle?)
        case forgetDuplicates(before: UInt64)
        /// Ends the connections, and then the loop.
        case stop
    }

    private let commands = Mutex<[Command]>([])
    private let waker = Waker()
    private let store: any EventStore
    private let logger: Logger
    private let counters = Mutex(IngestCounters())
    private let turns = Atomic<UInt64>(0)
    private let isWaiting = Atomic<Bool>(false)
    /// Wall clock in Unix milliseconds.
    private let wall: @Sendable () -> Int64

    package init(store: any EventStore, wall: @escaping @Sendable () -> Int64, logger: Logger) {
        self.store = store
        self.wall = wall
        self.logger = logger
    }

    // MARK: From any thread

    package func use(_ table: RegistrationTable) { send(.table(table)) }
    package func use(_ settings: IngestSettings) { send(.settings(settings)) }
    /// Refuses events from now on, or takes them again.
    package func setObstacle(_ obstacle: EventIntake.Obstacle?) { send(.obstacle(obstacle)) }
    package func forgetDuplicates(before sequence: UInt64) { send(.forgetDuplicates(before: sequence)) }
    /// Takes what producers have written, answers it, closes, and lets ``run(listener:intake:settings:)`` return.
    package func stop() { send(.stop) }

    package var statistics: IngestCounters { counters.withLock { $0 } }

    /// What a watchdog looks at: whether it only waits for something to happen, and how many turns it has made.
    package var progress: (isIdle: Bool, turns: UInt64) {
        (isWaiting.load(ordering: .acquiring), turns.load(ordering: .acquiring))
    }

    private func send(_ command: Command) {
        let isFirst = commands.withLock {
            $0.append(command)
            return $0.count == 1
        }
        if isFirst { waker.wake() }
    }

    // MARK: The loop

    /// Runs on a thread of its own until ``stop()``.
    ///
    /// - Parameter listener: a listening, non-blocking Unix stream socket; it is not closed.
    package func run(listener: Int32, intake: EventIntake, settings: IngestSettings) {
        var loop = Loop(owner: self, listener: listener, intake: intake, settings: settings)
        loop.run()
    }

    fileprivate static let listenerToken: UInt64 = 0
    fileprivate static let wakerToken: UInt64 = 1

    /// The thread's own state.
    fileprivate struct Loop {
        let owner: IngestLoop
        let listener: Int32
        var intake: EventIntake
        var settings: IngestSettings
        var poller = Poller()
        var connections: [UInt64: Connection] = [:]
        /// Accepted, but their user has his share of the connections already.
        var parked = Deque<Connection>()
        var connectionsOfUser: [UInt32: Int] = [:]
        var nextToken: UInt64 = 2
        var tokens: [ObjectIdentifier: UInt64] = [:]
        var memory = LineMemory()
        var memoryWaiters: [Connection] = []
        var listenerWatched: UInt32 = 0
        var acceptAgainAt: ContinuousClock.Instant?

        var rounds = Deque<Round>()
        /// Sequences of rounds that did not reach the disk, until no round is under way that may repeat one.
        var lost: [Range<UInt64>] = []
        var current: Round
        var nextRound: UInt64 = 1
        var unsyncedBytes = 0
        var replyBytes = 0
        /// Connections whose peers take no replies at present.
        var stalled: [ObjectIdentifier: Connection] = [:]
        /// Connections that got replies or lost input in this turn.
        var touched: [ObjectIdentifier: Connection] = [:]

        var isStopping = false
        var stopDeadline: ContinuousClock.Instant?
        let input: UnsafeMutableRawBufferPointer
        let clock = ContinuousClock()
        var local = IngestCounters()

        init(owner: IngestLoop, listener: Int32, intake: EventIntake, settings: IngestSettings) {
            self.owner = owner
            self.listener = listener
            self.intake = intake
            self.settings = settings
            current = Round(number: 0)
            input = .allocate(byteCount: Limits.readBytesPerTurn, alignment: 16)
            local.accepted = Array(repeating: 0, count: intake.catalogue.names.count)
        }
    }
}

extension IngestLoop.Loop {
    mutating func run() {
        poller.watch(owner.waker.descriptor, token: IngestLoop.wakerToken, for: Poller.readable, before: 0)
        watchListener()
        while !(isStopping && connections.isEmpty && rounds.isEmpty) {
            turn()
        }
        for connection in parked { close(connection.descriptor) }
        poller.close()
        input.deallocate()
    }

    private mutating func turn() {
        if unsyncedBytes > Limits.unsyncedBytes {
            waitForDisk()
            obeyCommands()
        } else {
            owner.isWaiting.store(true, ordering: .releasing)
            let events = poller.wait(timeout: timeout())
            owner.isWaiting.store(false, ordering: .releasing)
            for event in events {
                switch event.token {
                case IngestLoop.wakerToken: obeyCommands()
                case IngestLoop.listenerToken: acceptAll()
                default: serve(event)
                }
            }
        }
        submitRound()
        completeRounds()
        settleConnections()
        checkTimes()
        publishCounters()
        owner.turns.wrappingAdd(1, ordering: .releasing)
    }

    /// So much is on its way to the disk that nothing more is read until some of it has arrived.
    private func waitForDisk() {
        var waiting = pollfd(fd: owner.waker.descriptor, events: Int16(POLLIN), revents: 0)
        owner.isWaiting.store(true, ordering: .releasing)
        poll(&waiting, 1, 1000)
        owner.isWaiting.store(false, ordering: .releasing)
    }

    /// Milliseconds until something is due by time alone; -1 if nothing is.
    private func timeout() -> Int32 {
        var due: ContinuousClock.Instant?
        func consider(_ time: ContinuousClock.Instant) { due = min(due ?? time, time) }
        if let acceptAgainAt { consider(acceptAgainAt) }
        for connection in stalled.values {
            if let since = connection.stalledSince { consider(since + Limits.unreadReplyTime) }
        }
        if let stopDeadline { consider(stopDeadline) }
        guard let due else { return -1 }
        return Int32(clamping: max(0, (due - clock.now).milliseconds + 1))
    }

    private mutating func obeyCommands() {
        owner.waker.clear()
        let commands = owner.commands.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for command in commands {
            switch command {
            case .completed(let number, let result):
                rounds.first { $0.number == number }?.result = result
            case .table(let table):
                let types = table.catalogue.names.count
                if types != local.accepted.count { local.accepted = Array(repeating: 0, count: types) }
                intake.replaceTable(table)
                grantAnew()
            case .settings(let settings):
                self.settings = settings
                grantAnew()
                unpark()
                watchListener()
            case .obstacle(let obstacle):
                if intake.obstacle != .shuttingDown { intake.obstacle = obstacle }
            case .forgetDuplicates(let sequence):
                intake.forgetDuplicates(before: sequence)
            case .stop:
                beginStop()
            }
        }
    }

    private mutating func grantAnew() {
        for connection in connections.values {
            connection.grant = settings.rules.grant(
                to: connection.peer, groups: connection.groups, catalogue: intake.catalogue)
        }
    }

    private mutating func publishCounters() {
        local.connections = connections.count
        let snapshot = local
        owner.counters.withLock { $0 = snapshot }
    }
}

// MARK: - Connections

extension IngestLoop.Loop {
    private mutating func watchListener() {
        let room = connections.count < settings.maxConnections && parked.count < settings.maxConnections
        let wanted = room && acceptAgainAt == nil && !isStopping ? Poller.readable : 0
        poller.watch(listener, token: IngestLoop.listenerToken, for: wanted, before: listenerWatched)
        listenerWatched = wanted
    }

    private mutating func acceptAll() {
        while connections.count < settings.maxConnections, parked.count < settings.maxConnections, !isStopping {
            let descriptor = hookline_accept(listener)
            guard descriptor >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                if errno == EAGAIN { break }
                // Descriptors or memory ran out: the connections wait in the backlog.
                owner.logger.error(
                    "events.sock: no connection can be accepted",
                    metadata: ["error": "\(String(cString: strerror(errno)))"])
                acceptAgainAt = clock.now + .milliseconds(100)
                break
            }
            guard let connection = makeConnection(descriptor) else {
                close(descriptor)
                continue
            }
            admit(connection)
        }
        watchListener()
    }

    private func makeConnection(_ descriptor: Int32) -> Connection? {
        var peer = hookline_peer()
        guard hookline_peer_credentials(descriptor, &peer) == 0 else { return nil }
        var groups = [gid_t](repeating: 0, count: 64)
        var count = hookline_peer_groups(descriptor, &groups, groups.count)
        if count > groups.count {
            groups = [gid_t](repeating: 0, count: count)
            count = hookline_peer_groups(descriptor, &groups, groups.count)
        }
        groups.removeLast(groups.count - max(0, min(count, groups.count)))
        let identity = PeerIdentity(uid: peer.uid, gid: peer.gid, pid: peer.pid)
        return Connection(
            descriptor: descriptor, peer: identity, groups: groups,
            grant: settings.rules.grant(to: identity, groups: groups, catalogue: intake.catalogue))
    }

    private mutating func admit(_ connection: Connection) {
        let uid = connection.peer.uid
        guard connectionsOfUser[uid, default: 0] < max(1, settings.maxConnections / 2) else {
            parked.append(connection)
            return
        }
        connectionsOfUser[uid, default: 0] += 1
        let token = nextToken
        nextToken += 1
        connections[token] = connection
        tokens[ObjectIdentifier(connection)] = token
        rewatch(connection)
        if isStopping { shutdown(connection.descriptor, Int32(SHUT_RD)) }
    }

    private mutating func unpark() {
        guard !parked.isEmpty, connections.count < settings.maxConnections else { return }
        let waiting = parked
        parked.removeAll()
        for connection in waiting { admit(connection) }
    }

    /// Watches for what can be done with it: reading unless something must be waited for, writing if replies wait.
    private mutating func rewatch(_ connection: Connection) {
        guard let token = tokens[ObjectIdentifier(connection)] else { return }
        var wanted: UInt32 = 0
        if mayRead(connection) { wanted |= Poller.readable }
        if connection.waitingReplyBytes > 0 { wanted |= Poller.writable }
        poller.watch(connection.descriptor, token: token, for: wanted, before: connection.watched)
        connection.watched = wanted
    }

    private func mayRead(_ connection: Connection) -> Bool {
        guard !connection.inputEnded, !connection.waitsForMemory else { return false }
        guard connection.waitingReplyBytes > 0 else { return true }
        return connection.waitingReplyBytes < Limits.replyBytesPerConnection && replyBytes < Limits.replyBytesTotal
    }

    private mutating func serve(_ event: Poller.Event) {
        guard let connection = connections[event.token] else { return }
        if event.events & Poller.writable != 0 || connection.waitingReplyBytes > 0 {
            replyBytes -= connection.flush(now: clock.now)
        }
        if event.events & ~Poller.writable != 0, mayRead(connection) { read(connection) }
        touched[ObjectIdentifier(connection)] = connection
    }

    /// Ends, watches or forgets what this turn has changed.
    private mutating func settleConnections() {
        let changed = touched.values
        touched.removeAll(keepingCapacity: true)
        for connection in changed {
            if connection.isDone {
                end(connection)
                continue
            }
            let id = ObjectIdentifier(connection)
            stalled[id] = connection.stalledSince == nil ? nil : connection
            rewatch(connection)
        }
    }

    private mutating func end(_ connection: Connection) {
        let id = ObjectIdentifier(connection)
        guard let token = tokens.removeValue(forKey: id) else { return }
        connections[token] = nil
        stalled[id] = nil
        poller.watch(connection.descriptor, token: token, for: 0, before: connection.watched)
        connection.watched = 0
        replyBytes -= connection.waitingReplyBytes
        close(connection.descriptor)
        let uid = connection.peer.uid
        connectionsOfUser[uid, default: 1] -= 1
        if connectionsOfUser[uid] == 0 { connectionsOfUser[uid] = nil }
        unpark()
        watchListener()
    }

    private mutating func checkTimes() {
        guard acceptAgainAt != nil || !stalled.isEmpty || stopDeadline != nil else { return }
        let now = clock.now
        if let time = acceptAgainAt, time <= now {
            acceptAgainAt = nil
            watchListener()
        }
        for connection in stalled.values {
            guard let since = connection.stalledSince, since + Limits.unreadReplyTime <= now else { continue }
            replyBytes -= connection.giveUpOutput()
            local.unreadReplyPeers += 1
            owner.logger.warning(
                "a producer takes no replies: it gets no more on this connection",
                metadata: ["uid": "\(connection.peer.uid)", "pid": "\(connection.peer.pid)"])
            touched[ObjectIdentifier(connection)] = connection
        }
        if let deadline = stopDeadline, deadline <= now {
            stopDeadline = now + .seconds(1)
            forceStop()
        }
        if !touched.isEmpty { settleConnections() }
    }

    private mutating func beginStop() {
        guard !isStopping else { return }
        isStopping = true
        stopDeadline = clock.now + .seconds(10)
        watchListener()
        for connection in parked { close(connection.descriptor) }
        parked.removeAll()
        // What a producer has written is read to its end; what it writes from now on fails at its side.
        for connection in connections.values {
            shutdown(connection.descriptor, Int32(SHUT_RD))
            touched[ObjectIdentifier(connection)] = connection
        }
    }

    /// Who still has lines to take after the deadline is refused them; who doesn't take the replies loses them.
    private mutating func forceStop() {
        if intake.obstacle == .shuttingDown {
            for connection in connections.values where !connection.outputGivenUp {
                replyBytes -= connection.giveUpOutput()
                touched[ObjectIdentifier(connection)] = connection
            }
        }
        intake.obstacle = .shuttingDown
    }
}

// MARK: - Lines

extension IngestLoop.Loop {
    private mutating func read(_ connection: Connection) {
        let count = Glibc.read(connection.descriptor, input.baseAddress, input.count)
        if count > 0 {
            take(UnsafeRawBufferPointer(rebasing: input[..<count]), of: connection)
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            endInput(of: connection)
        }
    }

    private mutating func take(_ bytes: UnsafeRawBufferPointer, of connection: Connection) {
        guard let base = bytes.baseAddress else { return }
        let now = owner.wall()
        var position = 0
        while position < bytes.count {
            let rest = bytes.count - position
            guard let found = memchr(base + position, 0x0A, rest) else {
                keep(UnsafeRawBufferPointer(start: base + position, count: rest), of: connection)
                return
            }
            let length = UnsafeRawPointer(found) - (base + position)
            let part = UnsafeRawBufferPointer(start: base + position, count: length)
            position += length + 1
            if connection.isSkipping {
                connection.isSkipping = false
            } else if connection.unfinished.isEmpty {
                connection.lines += 1
                if length > settings.maxLineBytes {
                    refuseTooLong(connection)
                } else {
                    decide(part, of: connection, now: now)
                }
            } else {
                finish(with: part, of: connection, now: now)
            }
        }
    }

    /// Ends the line that was begun in an earlier turn.
    private mutating func finish(with part: UnsafeRawBufferPointer, of connection: Connection, now: Int64) {
        let unfinished = connection.unfinished.count
        if unfinished + part.count > settings.maxLineBytes {
            refuseTooLong(connection)
        } else {
            connection.unfinished.append(contentsOf: part)
            let line = connection.unfinished
            line.withUnsafeBytes { decide($0, of: connection, now: now) }
        }
        dropUnfinished(of: connection, counted: unfinished)
    }

    /// Keeps the beginning of a line until the rest of it comes.
    private mutating func keep(_ part: UnsafeRawBufferPointer, of connection: Connection) {
        guard !connection.isSkipping else { return }
        if connection.unfinished.isEmpty { connection.lines += 1 }
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

    private mutating func dropUnfinished(of connection: Connection, counted: Int) {
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

    private mutating func endInput(of connection: Connection) {
        connection.inputEnded = true
        connection.waitsForMemory = false
        if !connection.unfinished.isEmpty {
            let line = connection.unfinished
            line.withUnsafeBytes { decide($0, of: connection, now: owner.wall(), isLast: true) }
            dropUnfinished(of: connection, counted: line.count)
        }
        memoryWaiters.removeAll { $0 === connection }
    }

    private mutating func refuseTooLong(_ connection: Connection) {
        answer(
            .refused(Refusal(.lineTooLong, "a line may have \(settings.maxLineBytes) bytes (ingest.max-line-bytes)")),
            to: connection)
    }

    private mutating func decide(
        _ line: UnsafeRawBufferPointer, of connection: Connection, now: Int64, isLast: Bool = false
    ) {
        let rounds = rounds
        let round = current
        let store = owner.store
        let sequence = intake.nextSequence
        let outcome = intake.take(
            line, isLast: isLast, from: connection.peer, grant: connection.grant, now: now, into: round.records
        ) { sequence in
            if let event = round.event(sequence) { return event }
            for earlier in rounds where earlier.sequences.contains(sequence) { return earlier.event(sequence) }
            return store.event(sequence)
        }
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

    private mutating func answer(_ kind: Round.Answer.Kind, to connection: Connection) {
        if case .refused(let refusal) = kind { local.refused[refusal.code, default: 0] += 1 }
        let groups = current.groups.count
        current.add(Round.Answer(line: connection.lines, kind: kind), for: connection)
        if current.groups.count > groups { connection.roundsDue += 1 }
    }
}

// MARK: - Rounds

extension IngestLoop.Loop {
    /// Sends what this turn has read on its way to the disk.
    private mutating func submitRound() {
        guard !current.groups.isEmpty else { return }
        let round = current
        current = Round(number: nextRound)
        nextRound += 1
        rounds.append(round)
        guard !round.records.isEmpty else {
            round.result = .success(())
            return
        }
        unsyncedBytes += round.records.count
        let owner = owner
        let number = round.number
        let isTaken = owner.store.append(round.records, lastSequence: round.sequences.upperBound - 1) { result in
            owner.send(.completed(round: number, result))
        }
        if !isTaken {
            round.result = .failure(EventStoreFailure(message: "the journal is closed", isLackOfSpace: false))
        }
    }

    /// Answers the lines of rounds that have ended, as far as none before them is still on its way.
    private mutating func completeRounds() {
        var answered: [ObjectIdentifier: Connection] = [:]
        while let round = rounds.first, let result = round.result {
            rounds.removeFirst()
            unsyncedBytes -= round.records.count
            let isLost = if case .failure = result { true } else { false }
            if isLost { takeBack(round) }
            for group in round.groups {
                let connection = group.connection
                connection.roundsDue -= 1
                let before = connection.replies.count
                if !connection.outputGivenUp { encode(group.answers, of: round, result, to: connection) }
                replyBytes += connection.replies.count - before
                answered[ObjectIdentifier(connection)] = connection
            }
            if !isLost { count(round) }
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

    private func encode(
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

    private func isLost(_ event: EventRecord) -> Bool {
        lost.contains { $0.contains(event.sequence) }
    }

    private func refuse(_ failure: EventStoreFailure, _ event: EventRecord?, line: Int, _ connection: Connection) {
        let id = event.flatMap { $0.hasProducersID ? String(decoding: $0.producersID, as: UTF8.self) : nil }
        let code: RefusalCode = failure.isLackOfSpace ? .backlogFull : .storageError
        ReplyEncoder.append(
            Refusal(code, failure.message, id: id, retryAfterMilliseconds: 1000), line: line, to: &connection.replies)
    }

    /// A round did not reach the disk: its ids are free again.
    private mutating func takeBack(_ round: Round) {
        lost.append(round.sequences)
        for group in round.groups {
            for answer in group.answers {
                guard case .accepted(let offset) = answer.kind else { continue }
                local.refused[.storageError, default: 0] += 1
                if let event = EventRecord(buffer: round.records, offset: offset) { intake.forget(event) }
            }
        }
    }

    private mutating func count(_ round: Round) {
        var offset = 0
        while offset < round.records.count {
            let header = RecordFormat.Header(at: round.records.bytes + offset)
            if let event = EventRecord(buffer: round.records, offset: offset),
                let type = intake.catalogue.index(of: event.type)
            {
                local.accepted[type] += 1
                local.acceptedTotal += 1
            }
            offset += header.totalBytes
        }
    }
}
