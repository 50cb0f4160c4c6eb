import Dispatch
import Glibc

/// The live screen: keys, signals, samples and the time, one after the other, and the screen drawn anew after each.
struct TopSession {
    private enum Event: Sendable {
        case bytes([UInt8])
        /// Nobody is at the keyboard any more.
        case closed
        case signal(Int32)
        case tick
        case sample(TopSample, TopModel.Order)
        case lost(String)
        case done(Result<String, Trouble>)
        case counted(Int64, isExact: Bool, TopWebhook)
    }

    private struct Trouble: Error {
        let text: String
    }

    let sampler: TopSampler
    private let style: TextStyle
    private let terminal: RawTerminal
    private let interval: Duration
    private var model: TopModel
    private var keys = TopKeyReader()
    private var isLooking = false
    private var isLookWanted = false
    /// Keys that have come since the last tick.
    private var hasKeys = false

    /// - Parameter first: the look that has shown that the daemon is there.
    init(
        sampler: TopSampler, order: TopModel.Order, interval: Duration, first: TopSample, style: TextStyle
    ) throws(SystemProblem) {
        self.sampler = sampler
        self.interval = interval
        self.style = style
        let size = Screen.size ?? (80, 24)
        model = TopModel(
            width: size.columns, height: size.lines, order: order, interval: Double(interval.milliseconds) / 1000)
        model.take(first, order: order)
        terminal = try RawTerminal()
    }

    /// Runs until somebody ends it.
    ///
    /// - Returns: the signal that ended it; nil: a key.
    mutating func run() async -> Int32? {
        defer { terminal.leave() }
        let (events, sink) = AsyncStream.makeStream(of: Event.self)
        let sources = Self.sources(sink)
        defer { for source in sources { source.cancel() } }
        let interval = interval
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Cancelled, it ends.
                while (try? await Task.sleep(for: interval)) != nil { sink.yield(.tick) }
            }
            defer {
                terminal.leave()
                group.cancelAll()
            }
            guard draw() else { return SIGHUP }
            for await event in events {
                switch event {
                case .signal(SIGWINCH), .signal(SIGCONT): takeSize()
                case .signal(let number): return number
                case .closed: return SIGHUP
                default: break
                }
                for action in take(event) {
                    switch action {
                    case .quit: return nil
                    case .look: look(&group, sink)
                    case .suspend: suspend()
                    case .redraw: terminal.forget()
                    default: start(action, &group, sink)
                    }
                }
                guard draw() else { return SIGHUP }
            }
            return nil
        }
    }

    // MARK: Events

    private mutating func take(_ event: Event) -> [TopModel.Action] {
        model.tick(sampler.now)
        switch event {
        case .bytes(let bytes):
            hasKeys = true
            return keys.take(bytes).flatMap { model.press($0) }
        case .tick:
            defer { hasKeys = false }
            return (hasKeys ? [] : keys.pause()).flatMap { model.press($0) } + [.look]
        case .sample(let sample, let order):
            isLooking = false
            model.take(sample, order: order)
            return isLookWanted ? [.look] : []
        case .lost(let reason):
            isLooking = false
            model.fail(reason, at: sampler.now)
        case .done(.success(let text)):
            model.tell(text)
            return [.look]
        case .done(.failure(let trouble)): model.tell(trouble.text, isTrouble: true)
        case .counted(let count, let isExact, let webhook): model.counted(count, isExact: isExact, of: webhook)
        case .signal, .closed: break
        }
        return []
    }

    /// One look at a time: a daemon that is slow is not asked more for that.
    private mutating func look(
        _ group: inout TaskGroup<Void>, _ sink: AsyncStream<Event>.Continuation
    ) {
        isLookWanted = isLooking
        guard !isLooking else { return }
        isLooking = true
        let (sampler, wish) = (sampler, model.wish)
        group.addTask {
            do throws(APIFailure) {
                sink.yield(.sample(try await sampler.look(wish), wish.order))
            } catch {
                sink.yield(.lost("\(error)"))
            }
        }
    }

    private func start(
        _ action: TopModel.Action, _ group: inout TaskGroup<Void>, _ sink: AsyncStream<Event>.Continuation
    ) {
        let sampler = sampler
        group.addTask {
            do throws(APIFailure) {
                if case .countReplay(let webhook) = action {
                    let (count, isExact) = try await sampler.countReplay(webhook)
                    sink.yield(.counted(count, isExact: isExact, webhook))
                } else {
                    sink.yield(.done(.success(try await sampler.perform(action))))
                }
            } catch {
                sink.yield(.done(.failure(Trouble(text: "\(error)"))))
            }
        }
    }

    // MARK: The terminal

    private mutating func takeSize() {
        if let size = Screen.size { model.resize(width: size.columns, height: size.lines) }
        terminal.forget()
    }

    private func draw() -> Bool {
        let wall = WallClock.milliseconds()
        let time = String(WallClock.localTime(wall).prefix(8))
        return terminal.draw(model.lines(wall: (wall, time)).map { $0.rendered(style) })
    }

    /// Ctrl-Z: the shell gets its terminal until it lets this process go on.
    private mutating func suspend() {
        terminal.leave()
        // SIGSTOP, because the threads of tasks block what can be blocked; to this thread, so that the process has stopped
        // before the next line.
        raise(SIGSTOP)
        do throws(SystemProblem) {
            try terminal.enter()
        } catch {
            // The terminal has gone: the next drawing finds out.
        }
        takeSize()
    }

    private static func sources(_ sink: AsyncStream<Event>.Continuation) -> [any DispatchSourceProtocol] {
        var sources: [any DispatchSourceProtocol] = []
        for number in [SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT] {
            // The default action would end the process before the source sees the signal.
            if number != SIGWINCH && number != SIGCONT { signal(number, SIG_IGN) }
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { sink.yield(.signal(number)) }
            sources.append(source)
        }
        let input = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: .global())
        input.setEventHandler {
            var bytes = [UInt8](repeating: 0, count: 1024)
            let count = read(STDIN_FILENO, &bytes, bytes.count)
            if count > 0 {
                sink.yield(.bytes(Array(bytes.prefix(count))))
            } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
                input.cancel()
                sink.yield(.closed)
            }
        }
        sources.append(input)
        for source in sources { source.resume() }
        return sources
    }
}
