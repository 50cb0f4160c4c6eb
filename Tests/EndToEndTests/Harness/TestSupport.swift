import Foundation
import Synchronization
import Testing

/// All tests of the executable: one after the other, as several of them measure time or memory.
@Suite(.serialized) enum EndToEnd {}

/// What a test can't go on without.
struct Unmet: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Waits for something that happens by itself.
///
/// - Throws: ``Unmet`` when the time is up.
func eventually(
    _ what: String, within limit: Duration = .seconds(10), _ condition: () throws -> Bool
) throws {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
        guard ContinuousClock.now < deadline else { throw Unmet("not within \(limit): \(what)") }
        usleep(5_000)
    }
}

/// Checks that something stays as it is for a while.
func throughout(_ time: Duration, _ what: String, _ condition: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + time
    while ContinuousClock.now < deadline {
        guard try condition() else { throw Unmet("no longer so: \(what)") }
        usleep(10_000)
    }
}

/// Work on a thread of its own.
final class Background<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)

    init(_ body: @escaping @Sendable () throws -> Value) {
        Thread.detachNewThread { [self] in
            let outcome = Result { try body() }
            result.withLock { $0 = outcome }
        }
    }

    var isDone: Bool { result.withLock { $0 != nil } }

    /// Waits for the end.
    func value(within limit: Duration = .seconds(30)) throws -> Value {
        try eventually("a background thread ends", within: limit) { isDone }
        guard let outcome = result.withLock({ $0 }) else { throw Unmet("no outcome") }
        return try outcome.get()
    }
}

/// The package's files.
enum Package {
    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The executable under test.
    static let executable = variable("HOOKLINE_EXECUTABLE") ?? "\(directory)/.build-debug/debug/hookline"

    /// A Python that has `standardwebhooks`.
    static let python = variable("HOOKLINE_TEST_PYTHON") ?? "\(directory)/.venv-tests/bin/python"

    static func receiver(_ name: String) -> String { "\(directory)/Tests/EndToEndTests/receivers/\(name)" }
}
