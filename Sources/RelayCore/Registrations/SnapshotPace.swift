/// How often the registration table is written whole: changes are durable without it, and one of 100,000 webhooks takes a while.
///
/// A write is followed by a rest of ten times as long, so that writing takes a tenth of one processor, whatever the table's
/// size: a small table is written moments after each change, a large one a few times a minute while changes go on.
package struct SnapshotPace: Sendable {
    private static let share = 10

    private var restUntil: MonotonicTime?

    package init() {}

    /// The table was written, or it was tried.
    package mutating func wrote(from begun: MonotonicTime, to ended: MonotonicTime) {
        restUntil = ended + (ended - begun) * Self.share
    }

    /// How long to wait with the next write; zero: it may begin.
    package func wait(at now: MonotonicTime) -> Duration {
        restUntil.map { max(.zero, $0 - now) } ?? .zero
    }
}
