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
    enum Command: Sendable {
        case completed(round: UInt64, Result<Void, EventStoreFailure>)
        case table(RegistrationTable)
        case settings(IngestSettings)
        case obstacle(EventIntake.Obstacle?)
        case forgetDuplicates(before: UInt64)
        case indexed(through: UInt64)
        case adopt(IDFilterGeneration?, isComplete: Bool)
        case emit(OperationalEvent, @Sendable (Bool) -> Void)
        case perform(@Sendable () -> Void)
        /// Ends the connections, and then the loop.
        case stop
    }

    /// Nil: nobody obeys any more.
    let commands = Mutex<[Command]?>([])
    let waker = Waker()
    let store: any EventStore
    let logger: Logger
    let counters = Mutex(IngestCounters())
    /// Wall clock in Unix milliseconds.
    let wall: @Sendable () -> Int64

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
    /// Ids of events up to this one are in index files.
    package func noteIndexed(through sequence: UInt64) { send(.indexed(through: sequence)) }
    /// Hands over ids of earlier runs' events; `isComplete` with the last of them.
    package func adopt(_ generation: IDFilterGeneration?, isComplete: Bool) {
        send(.adopt(generation, isComplete: isComplete))
    }
    /// Takes what producers have written, answers it, closes, and lets ``run(listener:intake:settings:)`` return.
    package func stop() { send(.stop) }

    package var statistics: IngestCounters { counters.withLock { $0 } }

    /// Has something done on the loop's thread, between two turns: must be quick. Where the loop has ended, or ends before it
    /// comes to that, it is done elsewhere.
    package func perform(_ body: @escaping @Sendable () -> Void) { send(.perform(body)) }

    func send(_ command: Command) {
        let waiting: Int? = commands.withLock {
            $0?.append(command)
            return $0?.count
        }
        guard let waiting else { return Self.refuse(command) }
        if waiting == 1 { waker.wake() }
    }

    /// Refuses whatever waits to be done or is asked for from now on: after ``run(listener:intake:settings:)``, or where it
    /// will never be called.
    package func end() {
        let left = commands.withLock { commands in
            defer { commands = nil }
            return commands ?? []
        }
        for command in left { Self.refuse(command) }
    }

    /// Tells whoever waits for a command that nothing comes of it.
    private static func refuse(_ command: Command) {
        switch command {
        case .emit(_, let completion): completion(false)
        case .perform(let body): body()
        default: return
        }
    }

    // MARK: The loop

    /// Runs on a thread of its own until ``stop()``.
    ///
    /// - Parameter listener: a listening, non-blocking Unix stream socket; it is not closed.
    package func run(listener: Int32, intake: EventIntake, settings: IngestSettings) {
        var loop = Loop(owner: self, listener: listener, intake: intake, settings: settings)
        loop.run()
        end()
    }

    static let listenerToken: UInt64 = 0
    static let wakerToken: UInt64 = 1

    /// The thread's own state.
    struct Loop {
        let owner: IngestLoop
        let listener: Int32
        var intake: EventIntake
        var settings: IngestSettings
        var poller = Poller()
        /// What the poller has told of and nobody has seen to.
        var ready: ArraySlice<Poller.Event> = []
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
        let begun = ContinuousClock.now
        var local = IngestCounters()
        var logRate = LogRate<LineKind>(perKind: 10, total: 200)

        init(owner: IngestLoop, listener: Int32, intake: EventIntake, settings: IngestSettings) {
            self.owner = owner
            self.listener = listener
            self.intake = intake
            self.settings = settings
            current = Round(number: 0, bytes: 0)
            input = .allocate(byteCount: Limits.readBytesPerTurn, alignment: 16)
            local.use(intake.catalogue)
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

    mutating func turn() {
        if unsyncedBytes > Limits.unsyncedBytes {
            waitForDisk()
            obeyCommands()
        } else if ready.isEmpty {
            ready = poller.wait(timeout: timeout())[...]
        } else {
            obeyCommands()
        }
        serveReady()
        submitRound()
        completeRounds()
        settleConnections()
        checkTimes()
        publishCounters()
    }

    /// Serves what is ready, until there is enough for the disk to work on while the rest is read.
    mutating func serveReady() {
        while unsyncedBytes <= Limits.unsyncedBytes, current.records.count < Limits.roundBytes,
            let event = ready.popFirst()
        {
            switch event.token {
            case IngestLoop.wakerToken: obeyCommands()
            case IngestLoop.listenerToken: acceptAll()
            default: serve(event)
            }
        }
    }

    /// So much is on its way to the disk that nothing more is read until some of it has arrived.
    func waitForDisk() {
        var waiting = pollfd(fd: owner.waker.descriptor, events: Int16(POLLIN), revents: 0)
        poll(&waiting, 1, 1000)
    }

    /// Milliseconds until something is due by time alone; -1 if nothing is.
    func timeout() -> Int32 {
        var due: ContinuousClock.Instant?
        func consider(_ time: ContinuousClock.Instant) { due = min(due ?? time, time) }
        if let acceptAgainAt { consider(acceptAgainAt) }
        for connection in stalled.values {
            if let since = connection.stalledSince { consider(since + Limits.unreadReplyTime) }
        }
        if let stopDeadline { consider(stopDeadline) }
        if let end = logRate.nextDue { consider(clock.now + (end - monotonic())) }
        guard let due else { return -1 }
        return Int32(clamping: max(0, (due - clock.now).milliseconds + 1))
    }

    mutating func obeyCommands() {
        owner.waker.clear()
        let commands = owner.commands.withLock { waiting in
            defer { waiting = [] }
            return waiting ?? []
        }
        for command in commands {
            switch command {
            case .completed(let number, let result):
                rounds.first { $0.number == number }?.result = result
            case .table(let table):
                local.use(table.catalogue)
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
            case .indexed(let sequence):
                intake.noteIndexed(through: sequence)
            case .adopt(let generation, let isComplete):
                intake.adopt(generation, isComplete: isComplete)
            case .emit(let event, let completion):
                emit(event, completion)
            case .perform(let body):
                body()
            case .stop:
                beginStop()
            }
        }
    }

    mutating func grantAnew() {
        for connection in connections.values {
            connection.grant = settings.rules.grant(
                to: connection.peer, groups: connection.groups, catalogue: intake.catalogue)
        }
    }

    mutating func publishCounters() {
        local.connections = connections.count
        (local.idsRemembered, local.idsForgotten) = intake.rememberedIDs
        let snapshot = local
        owner.counters.withLock { $0 = snapshot }
    }
}
