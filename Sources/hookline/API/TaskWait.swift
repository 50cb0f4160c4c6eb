import AdminAPI

/// Waits for what the daemon does in the background.
enum TaskWait {
    /// How long the daemon may be away (a restart goes on with its tasks).
    private static let absence: Duration = .seconds(30)

    /// Asks until a task is done.
    ///
    /// - Parameter answer: of the call that has begun it.
    /// - Returns: the task as it is in the end.
    static func untilDone(_ answer: JSONValue, _ client: APIClient) async throws(APIFailure) -> JSONValue {
        guard let number = answer["task"]?.integerValue else {
            throw .unexpected("the answer names no task: is the daemon another version than this command?")
        }
        var task = answer
        var wait: Duration = .milliseconds(20)
        var lastAnswer = ContinuousClock.now
        while task["status"] != "done" {
            do { try await Task.sleep(for: wait) } catch { return task }
            wait = min(wait * 2, .seconds(1))
            do throws(APIFailure) {
                task = try await client.call(.get, "/api/v1/tasks/\(number)")
                lastAnswer = .now
            } catch {
                guard case .refused = error else {
                    if ContinuousClock.now - lastAnswer < absence { continue }
                    throw error
                }
                throw error
            }
        }
        return task
    }
}
