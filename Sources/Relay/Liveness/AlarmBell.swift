import CLinuxShims
import Glibc
import RelayCore

/// Wakes one thread that waits, at the latest at a time of the monotonic clock: while the machine is suspended no time
/// passes, for systemd's watchdog neither.
final class AlarmBell: @unchecked Sendable {
    // `isRung` is read and written under `lock` alone.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isRung = false

    init() {
        pthread_mutex_init(lock, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(lock)
        condition.deallocate()
        lock.deallocate()
    }

    func ring() {
        pthread_mutex_lock(lock)
        isRung = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(lock)
    }

    /// Waits until it is rung, or was since the last waiting; nil: however long that takes.
    func wait(until due: MonotonicTime?) {
        pthread_mutex_lock(lock)
        defer {
            isRung = false
            pthread_mutex_unlock(lock)
        }
        guard let due else {
            while !isRung { pthread_cond_wait(condition, lock) }
            return
        }
        while !isRung, hookline_wait_until(condition, lock, due.nanoseconds) == 0 {}
    }
}
