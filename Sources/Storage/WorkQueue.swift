import CLinuxShims
import Glibc

/// What threads put in and one thread of its own takes out, all that is there at a time.
package final class WorkQueue<Element: Sendable>: @unchecked Sendable {
    // `elements` and `isClosed` are read and written under `lock` alone.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var elements: [Element] = []
    private var isClosed = false

    package init() {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(lock)
        condition.deallocate()
        lock.deallocate()
    }

    /// - Returns: false if the queue is closed; the element is not taken then.
    @discardableResult
    package func put(_ element: Element) -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        if isClosed { return false }
        elements.append(element)
        if elements.count == 1 { pthread_cond_signal(condition) }
        return true
    }

    /// Waits for elements, and leaves them there. False once the queue is closed and empty.
    package func wait() -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while elements.isEmpty {
            if isClosed { return false }
            pthread_cond_wait(condition, lock)
        }
        return true
    }

    /// Waits for elements. Nil once the queue is closed and empty.
    package func takeAll() -> [Element]? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while elements.isEmpty {
            if isClosed { return nil }
            pthread_cond_wait(condition, lock)
        }
        defer { elements = [] }
        return elements
    }

    /// Elements that are there, without waiting for any.
    package func takeWaiting() -> [Element] {
        pthread_mutex_lock(lock)
        defer {
            elements = []
            pthread_mutex_unlock(lock)
        }
        return elements
    }

    /// Takes no more elements; those that are there are still handed out.
    package func close() {
        pthread_mutex_lock(lock)
        isClosed = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(lock)
    }

    package var isEmpty: Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return elements.isEmpty
    }

    /// Whether nothing waits in it and something may.
    package var isIdle: Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return elements.isEmpty && !isClosed
    }
}

/// A thread of its own for a loop that blocks in system calls.
package final class WorkThread: @unchecked Sendable {
    // Written once before the thread runs.
    private var handle = pthread_t()
    private let body: @Sendable () -> Void

    /// - Parameters:
    ///   - name: at most 15 characters; what `top -H` shows
    ///   - stackBytes: of address space
    package init(name: String, stackBytes: Int = 512 * 1024, _ body: @escaping @Sendable () -> Void) {
        self.body = {
            hookline_name_thread(name)
            // Signals are the main thread's matter.
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_BLOCK, &all, nil)
            body()
        }
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, stackBytes)
        let argument = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &handle, &attributes,
            { argument in
                guard let argument else { return nil }
                let thread = Unmanaged<WorkThread>.fromOpaque(argument).takeRetainedValue()
                thread.body()
                return nil
            }, argument)
        pthread_attr_destroy(&attributes)
        precondition(code == 0, "no thread to be had: \(String(cString: strerror(code)))")
    }

    /// Waits until the thread's body has returned. To be called once.
    package func join() {
        pthread_join(handle, nil)
    }
}
