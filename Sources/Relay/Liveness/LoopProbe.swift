import RelayCore

/// How the supervisor looks at one loop.
struct LoopProbe: Sendable {
    let loop: CriticalLoop
    /// Asks for a sign of life; never waits.
    let ask: @Sendable () -> Void
    /// The last sign; never waits.
    let sign: @Sendable () -> LoopSign
    /// Makes the loop hang for good: for tests.
    let hang: @Sendable () -> Void

    /// A loop that answers.
    ///
    /// - Parameters:
    ///   - pass: hands something to the loop to be done; at once if the loop has ended.
    ///   - steps: counts what it does besides.
    init(
        _ loop: CriticalLoop, bell: AlarmBell, steps: @escaping @Sendable () -> UInt64 = { 0 },
        hang: (@Sendable () -> Void)? = nil,
        pass: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        let pulse = Pulse { bell.ring() }
        self.loop = loop
        ask = { pulse.ask(pass) }
        sign = { pulse.sign(steps: steps()) }
        self.hang = hang ?? { pass { FaultSwitch.standStill() } }
    }

    /// A loop whose state shows whether it is alive.
    init(
        _ loop: CriticalLoop, ask: @escaping @Sendable () -> Void = {}, sign: @escaping @Sendable () -> LoopSign,
        hang: @escaping @Sendable () -> Void
    ) {
        self.loop = loop
        self.ask = ask
        self.sign = sign
        self.hang = hang
    }
}
