import Foundation
import Logging
import RelayCore
import Storage

/// A directory for one test, with a journal in it that is stepped rather than run by a thread.
final class TemporaryJournal {
    let path: String
    var wall: Int64 = 1_777_000_000_000

    private init() throws {
        path = NSTemporaryDirectory() + "hl-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    static func run(_ body: (TemporaryJournal) throws -> Void) throws {
        let directory = try TemporaryJournal()
        defer {
            // What can't be removed stays in the system's temporary directory.
            try? FileManager.default.removeItem(atPath: directory.path)
        }
        try body(directory)
    }

    func open(
        segmentBytes: Int = 1 << 20, disk: any Disk = SystemDisk(), clock: TestClock = TestClock()
    ) throws
        -> OpenJournal
    {
        var visited: [UInt64] = []
        let wall = wall
        let recovered = try JournalOpener(
            directory: path, disk: disk, segmentBytes: segmentBytes, logger: .silent
        ).open(
            eventsSince: 0,
            hooks: JournalHooks(
                wall: { wall }, monotonic: { clock.now }, onRotation: { clock.noteRotation() },
                onFailure: { clock.noteFailure($0) }),
            visit: { event, _ in visited.append(event.sequence) })
        return OpenJournal(recovered, visited, clock: clock)
    }

    // MARK: Its files

    /// Names of its segments, oldest first.
    func segmentNames() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".seg") }.sorted()
    }

    func names() throws -> Set<String> { Set(try FileManager.default.contentsOfDirectory(atPath: path)) }
    func file(_ name: String) -> String { "\(path)/\(name)" }
    func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: file(name)))) }

    /// Puts bytes in place of a file's, which keeps its mode.
    func write(_ bytes: [UInt8], to name: String) throws {
        let file: any DiskFile
        if FileManager.default.fileExists(atPath: self.file(name)) {
            file = try SystemDisk().open(self.file(name))
        } else {
            file = try SystemDisk().create(self.file(name))
        }
        try file.truncate(to: bytes.count)
        try file.write(bytes, at: 0)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: file(name)) }
}

extension Logger {
    static var silent: Logger {
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        return logger
    }
}
