import CLinuxShims
import Glibc

/// epoll(7), level-triggered.
struct Poller {
    struct Event {
        let token: UInt64
        let events: UInt32
    }

    static let readable = UInt32(EPOLLIN.rawValue)
    static let writable = UInt32(EPOLLOUT.rawValue)

    private let descriptor: Int32
    private var ready = [epoll_event](repeating: epoll_event(), count: 256)

    init() {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        precondition(descriptor >= 0, "no epoll instance to be had: \(String(cString: strerror(errno)))")
    }

    func close() {
        Glibc.close(descriptor)
    }

    /// Watches a descriptor for `events` instead of `before`; 0 is not at all.
    func watch(_ fd: Int32, token: UInt64, for events: UInt32, before: UInt32) {
        guard events != before else { return }
        var event = epoll_event(events: events, data: epoll_data_t(u64: token))
        let operation = before == 0 ? EPOLL_CTL_ADD : (events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD)
        let done = epoll_ctl(descriptor, operation, fd, &event)
        precondition(done == 0, "epoll_ctl: \(String(cString: strerror(errno)))")
    }

    /// Waits for events; none when `timeout` (milliseconds, -1 for ever) has passed.
    mutating func wait(timeout: Int32) -> [Event] {
        let count = epoll_wait(descriptor, &ready, Int32(ready.count), timeout)
        guard count > 0 else { return [] }
        return ready.prefix(Int(count)).map { Event(token: $0.data.u64, events: $0.events) }
    }
}

/// Wakes a thread that waits in a poller: eventfd(2).
final class Waker: Sendable {
    let descriptor: Int32

    init() {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        precondition(descriptor >= 0, "no eventfd to be had: \(String(cString: strerror(errno)))")
    }

    deinit {
        close(descriptor)
    }

    func wake() {
        // Fails only where the counter is full: the thread is being woken then.
        _ = eventfd_write(descriptor, 1)
    }

    func clear() {
        var count: eventfd_t = 0
        // Fails only where nobody has called.
        _ = eventfd_read(descriptor, &count)
    }
}
