import NIOCore
import RelayCore

extension EventLoop {
    /// Waits by this loop's clock; cancelled, it returns at once. `Task.sleep` would wake Swift's global executor:
    /// ``TaskThread``.
    func sleep(for duration: Duration) async {
        let timer = scheduleTask(in: .nanoseconds(duration.nanoseconds)) {}
        await withTaskCancellationHandler {
            // Fails where it was cancelled, or the loop has ended: there is nothing to wait for then.
            _ = try? await timer.futureResult.get()
        } onCancel: {
            timer.cancel()
        }
    }
}
