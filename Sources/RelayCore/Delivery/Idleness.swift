/// How much of its time a loop has nothing to do, from the moments at which it does something.
package struct Idleness: Sendable {
    private var last = MonotonicTime(nanoseconds: 0)
    private var begun = MonotonicTime(nanoseconds: 0)
    /// Nanoseconds since `begun`.
    private var idle: Int64 = 0
    private var busyUntil = MonotonicTime(nanoseconds: 0)
    /// Whether it was hardly idle when it was looked at last, or shortly before: one gap is not yet a quiet time.
    package private(set) var isBusy = false

    package init() {}

    /// Takes note of a moment before or after a piece of work.
    package mutating func noteActivity(at now: MonotonicTime) {
        let gap = now.nanoseconds - last.nanoseconds
        if gap > Limits.idleGap.nanoseconds { idle += gap }
        last = now
        let looked = now.nanoseconds - begun.nanoseconds
        guard looked >= Limits.idleLook.nanoseconds else { return }
        if Double(idle) < Double(looked) * Limits.idleShare {
            isBusy = true
            busyUntil = now + .nanoseconds(Limits.busyMemory.nanoseconds)
        } else if now >= busyUntil {
            isBusy = false
        }
        (begun, idle) = (now, 0)
    }
}
