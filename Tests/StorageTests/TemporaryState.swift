import Foundation
import Logging
import RelayCore
import Storage

/// A state directory for one test, with a journal in it.
final class TemporaryState {
    let path: String
    var journal: String { "\(path)/journal" }

    private init() throws {
        path = NSTemporaryDirectory() + "hl-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: "\(path)/journal", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    static func run(_ body: (TemporaryState) throws -> Void) throws {
        let state = try TemporaryState()
        defer {
            // What can't be removed stays in the system's temporary directory.
            try? FileManager.default.removeItem(atPath: state.path)
        }
        try body(state)
    }

    func open(disk: any Disk = SystemDisk(), coding: RegistrationCoding = .plain) throws -> OpenJournal {
        let clock = TestClock()
        let recovered = try JournalOpener(
            directory: journal, disk: disk, segmentBytes: 1 << 20, logger: .silent, coding: coding
        ).open(
            eventsSince: 0, hooks: JournalHooks(wall: { Fixture.acceptedAt }, monotonic: { clock.now }),
            visit: { _, _ in })
        return OpenJournal(recovered, [], clock: clock)
    }

    func inspection(_ disk: ReadOnlyDisk = ReadOnlyDisk()) -> JournalInspection {
        JournalInspection(stateDirectory: path, logger: .silent, disk: disk)
    }

    /// What is found, and the sequences of the events that are read.
    func inspect(_ disk: ReadOnlyDisk = ReadOnlyDisk()) throws -> (events: [UInt64], findings: [JournalFinding]) {
        let inspection = inspection(disk)
        var events: [UInt64] = []
        let read = try inspection.readAll(inspection.look()) { record, _ in
            if record.kind == .event { events.append(record.header.sequence) }
        }
        return (events, read.findings)
    }

    // MARK: Files

    /// Segments, oldest first.
    var segments: [String] {
        get throws { try names().filter { $0.hasSuffix(".seg") }.map { "\(journal)/\($0)" } }
    }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: journal).sorted() }

    func change(_ path: String, _ body: (inout [UInt8]) -> Void) throws {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        body(&bytes)
        let file = try SystemDisk().open(path)
        try file.truncate(to: bytes.count)
        try file.write(bytes, at: 0)
    }

    /// Name, size, mode and time of change of all files.
    func stamps() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).sorted().map { name in
            var status = stat()
            lstat("\(path)/\(name)", &status)
            return "\(name) \(status.st_size) \(status.st_mode) \(status.st_mtim) \(status.st_ctim)"
        }
    }
}
