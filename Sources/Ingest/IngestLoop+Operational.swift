import Glibc
package import RelayCore

/// Events that the relay makes itself. Sequences are given out by this thread alone, so they come by here.
extension IngestLoop {
    /// Makes an event durable for the webhooks that want it; where there are none, there is no event.
    ///
    /// - Parameter completion: called when it is on disk, or is not wanted (true), or could not be written (false).
    package func emit(_ event: OperationalEvent, completion: @escaping @Sendable (Bool) -> Void) {
        send(.emit(event, completion))
    }
}

extension IngestLoop.Loop {
    mutating func emit(_ event: OperationalEvent, _ completion: @escaping @Sendable (Bool) -> Void) {
        let sequence = intake.nextSequence
        let relay = PeerIdentity(uid: geteuid(), gid: getegid(), pid: getpid())
        guard intake.append(event, from: relay, now: owner.wall(), to: current.records) else { return completion(true) }
        if current.sequences.isEmpty { current.sequences = sequence..<sequence }
        current.sequences = current.sequences.lowerBound..<intake.nextSequence
        current.completions.append(completion)
    }
}
