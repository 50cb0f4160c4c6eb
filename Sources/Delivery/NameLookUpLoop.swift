import CCares
import CLinuxShims
import Glibc
import NIOCore
import NIOPosix
import RelayCore
import Synchronization

/// All look-ups of names on one thread that waits for none of them: a name whose server says nothing costs a socket for
/// ten seconds, and no other name any time.
///
/// The thread is borrowed while there are look-ups.
final class NameLookUpLoop: Sendable {
    typealias Report = @Sendable (_ name: String, _ answer: Resolver.Answer) -> Void

    private struct State {
        /// Names to look up; `slow` are those that had no answer the last time.
        var asked: [String] = []
        var slow: [String] = []
        var isRunning = false
        var isClosed = false
    }

    private let state = Mutex(State())
    private let threads: NIOThreadPool
    private let report: Report
    private let waker: Int32

    /// How long the thread waits at most before it looks at the servers' and the look-ups' time.
    private static let tick: Int32 = 50

    init(threads: NIOThreadPool, report: @escaping Report) {
        self.threads = threads
        self.report = report
        waker = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        precondition(waker >= 0, "no eventfd to be had: \(String(cString: strerror(errno)))")
        // Its state is the process's: a second call only counts.
        ares_library_init(ARES_LIB_INIT_ALL)
    }

    deinit {
        Glibc.close(waker)
    }

    /// Looks a name up; the answer is reported on the look-ups' thread.
    ///
    /// - Parameter isSlow: whether it had no answer the last time. Such names share half of the room.
    func start(_ name: String, isSlow: Bool) {
        let mustBegin = state.withLock { state in
            if state.isClosed { return false }
            if isSlow { state.slow.append(name) } else { state.asked.append(name) }
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustBegin {
            threads.submit { [self] _ in run() }
        } else {
            wake()
        }
    }

    /// Ends all look-ups without an answer.
    func close() {
        state.withLock { $0.isClosed = true }
        wake()
    }

    private func wake() {
        // Fails only where the counter is full: the thread is being woken then.
        _ = eventfd_write(waker, 1)
    }

    // MARK: The thread

    private func run() {
        let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        let round = Round(poller: descriptor)
        defer { Glibc.close(descriptor) }
        guard descriptor >= 0, round.watch(waker, readable: true, writable: false) else {
            return refuseAll("the name service can't be used: \(String(cString: strerror(errno)))")
        }
        while begin(round) {
            round.wait(tick: Self.tick, waker: waker)
            for (name, answer) in round.takeAnswers() { report(name, answer) }
        }
        round.closeAll()
    }

    private func refuseAll(_ reason: String) {
        let names = state.withLock { state in
            defer { state = State(isClosed: state.isClosed) }
            return state.asked + state.slow
        }
        for name in names { report(name, .failed(reason)) }
    }

    /// Begins what there is room for.
    ///
    /// - Returns: false when nothing is left to do.
    private func begin(_ round: Round) -> Bool {
        let taken: (fresh: [String], slow: [String])? = state.withLock { state in
            if state.isClosed { return nil }
            let fresh = Self.take(&state.asked, Limits.lookUps - round.count)
            let room = min(Limits.slowLookUps - round.slowCount, Limits.lookUps - round.count - fresh.count)
            let slow = Self.take(&state.slow, room)
            if fresh.isEmpty, slow.isEmpty, round.count == 0 {
                state.isRunning = false
                return nil
            }
            return (fresh, slow)
        }
        guard let taken else { return false }
        for (names, isSlow) in [(taken.fresh, false), (taken.slow, true)] {
            for name in names {
                if let answer = round.begin(name, isSlow: isSlow) { report(name, answer) }
            }
        }
        return true
    }

    private static func take(_ names: inout [String], _ count: Int) -> [String] {
        let taken = Array(names.prefix(max(0, count)))
        names.removeFirst(taken.count)
        return taken
    }
}

extension NameLookUpLoop {
    /// The look-ups that are under way; confined to the thread.
    private final class Round {
        private let poller: Int32
        private var active: [ObjectIdentifier: (lookUp: NameLookUp, isSlow: Bool)] = [:]
        private var sockets: [Int32: NameLookUp] = [:]
        private var ready = [epoll_event](repeating: epoll_event(), count: 256)
        private(set) var slowCount = 0
        private var lastTick = Round.now()

        var count: Int { active.count }

        init(poller: Int32) {
            self.poller = poller
        }

        /// - Returns: the answer, where there is one at once.
        func begin(_ name: String, isSlow: Bool) -> Resolver.Answer? {
            weak var owner: NameLookUp?
            let lookUp = NameLookUp(name, now: Self.now()) { [unowned self] descriptor, readable, writable in
                sockets[descriptor] = readable || writable ? owner : nil
                _ = watch(descriptor, readable: readable, writable: writable)
            }
            owner = lookUp
            if let answer = lookUp.begin() {
                lookUp.close()
                return answer
            }
            active[ObjectIdentifier(lookUp)] = (lookUp, isSlow)
            if isSlow { slowCount += 1 }
            return nil
        }

        /// - Returns: false where the kernel has no room.
        func watch(_ descriptor: Int32, readable: Bool, writable: Bool) -> Bool {
            let events = (readable ? EPOLLIN.rawValue : 0) | (writable ? EPOLLOUT.rawValue : 0)
            var event = epoll_event(events: UInt32(events), data: epoll_data_t(fd: descriptor))
            if events == 0 {
                epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, &event)
                return true
            }
            return epoll_ctl(poller, EPOLL_CTL_MOD, descriptor, &event) == 0
                || epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) == 0
        }

        func wait(tick: Int32, waker: Int32) {
            let events = epoll_wait(poller, &ready, Int32(ready.count), tick)
            let now = Self.now()
            for index in 0..<Int(max(0, events)) {
                let descriptor = ready[index].data.fd
                if descriptor == waker {
                    var calls: eventfd_t = 0
                    // Fails only where nobody has called.
                    _ = eventfd_read(waker, &calls)
                    continue
                }
                let bits = ready[index].events
                let readable = bits & UInt32(EPOLLIN.rawValue | EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
                sockets[descriptor]?.process(
                    descriptor, readable: readable, writable: bits & UInt32(EPOLLOUT.rawValue) != 0, now: now)
            }
            guard (now - lastTick).milliseconds >= Int64(tick) else { return }
            lastTick = now
            for (lookUp, _) in active.values { lookUp.process(-1, readable: false, writable: false, now: now) }
        }

        func takeAnswers() -> [(String, Resolver.Answer)] {
            let now = Self.now()
            var answers: [(String, Resolver.Answer)] = []
            for (key, (lookUp, isSlow)) in active {
                guard let answer = lookUp.answer(at: now) else { continue }
                active[key] = nil
                if isSlow { slowCount -= 1 }
                lookUp.close()
                answers.append((lookUp.name, answer))
            }
            return answers
        }

        func closeAll() {
            for (lookUp, _) in active.values { lookUp.close() }
            active.removeAll()
        }

        private static func now() -> MonotonicTime {
            MonotonicTime(nanoseconds: Int64(NIODeadline.now().uptimeNanoseconds))
        }
    }
}
