import NIOCore
package import NIOPosix
import RelayCore
import Synchronization

/// Names to addresses, as the hosts file and the name servers have them at the moment.
///
/// One look-up at a time for a name; what it found, or that it failed, is remembered for a short while. Names are
/// absolute: the search domains of resolv.conf(5) would make another host of a name that its owner has let go.
package final class Resolver: Sendable {
    enum Answer: Equatable, Sendable {
        case addresses([IPAddress])
        case failed(String)

        /// No name server has said anything in time.
        static let unanswered = Answer.failed("no answer from the name server")
    }

    private struct Entry {
        var answer: Answer?
        var until: NIODeadline = .distantPast
        var waiting: [@Sendable (Answer) -> Void] = []
    }

    private final class Names: Sendable {
        let entries = Mutex<[String: Entry]>([:])
    }

    private let names: Names
    private let lookUps: NameLookUpLoop

    /// Names that are remembered before those that are not being looked up are forgotten.
    private static let namesMax = 10_000

    /// - Parameter threads: lends a thread while there are look-ups.
    package init(threads: NIOThreadPool) {
        let names = Names()
        self.names = names
        lookUps = NameLookUpLoop(threads: threads) { Self.finish($0, $1, names) }
    }

    /// Calls `completion` with the answer: at once if it is remembered, else from another thread.
    func resolve(_ name: String, completion: @escaping @Sendable (Answer) -> Void) {
        var mustAsk = false
        var isSlow = false
        let known: Answer? = names.entries.withLock { entries in
            if let entry = entries[name] {
                if let answer = entry.answer, entry.until > .now() { return answer }
                if entry.answer == nil {
                    entries[name]?.waiting.append(completion)
                    return nil
                }
                isSlow = entry.answer == .unanswered
            }
            if entries.count > Self.namesMax { entries = entries.filter { $0.value.answer == nil } }
            entries[name] = Entry(waiting: [completion])
            mustAsk = true
            return nil
        }
        if let known { completion(known) }
        if mustAsk { lookUps.start(name, isSlow: isSlow) }
    }

    /// Ends all look-ups without an answer.
    func close() { lookUps.close() }

    private static func finish(_ name: String, _ answer: Answer, _ names: Names) {
        let time = if case .failed = answer { Limits.failedNameTime } else { Limits.resolvedNameTime }
        let waiting = names.entries.withLock { entries in
            let waiting = entries[name]?.waiting ?? []
            entries[name] = Entry(answer: answer, until: .now() + .nanoseconds(time.nanoseconds))
            return waiting
        }
        for completion in waiting { completion(answer) }
    }
}
