import Foundation
import RelayCore
import Storage
import Testing

/// Whom the state directory is left to, and what is made of leftovers in it.
@Suite("State directory")
struct StateDirectoryTests {
    private static func inTemporary(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "hl-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer {
            // What can't be removed stays in the system's temporary directory.
            try? FileManager.default.removeItem(atPath: path)
        }
        try body(path)
    }

    private static func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test("it is made with its parents, closed to others, and free again once it is let go of")
    func made() throws {
        try Self.inTemporary { base in
            for _ in 0..<2 {
                let state = try StateDirectory(base + "/a/b/state")
                #expect(try Self.mode(state.path) == 0o700)
                #expect(try Self.mode(state.journal) == 0o700)
                #expect(try Self.mode(state.path + "/lock") == 0o600)
            }
        }
    }

    @Test(
        "a strict directory that others may enter is refused, by the mode that it has",
        arguments: [
            (0o700, true), (0o500, true), (0o701, false), (0o710, false), (0o704, false), (0o770, false),
            (0o777, false),
        ])
    func modes(mode: Int, isTaken: Bool) throws {
        try Self.inTemporary { base in
            let path = base + "/d"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            if isTaken {
                try StateDirectory.make(path, isStrict: true)
            } else {
                let refusal = #expect(throws: StorageRefusal.self) { try StateDirectory.make(path, isStrict: true) }
                #expect(refusal?.path == path)
                #expect(refusal?.reason.contains("mode \(String(mode, radix: 8))") == true)
                try StateDirectory.make(path, isStrict: false)
            }
        }
    }

    @Test("a symbolic link is no strict directory, and a file is none at all")
    func noDirectory() throws {
        try Self.inTemporary { base in
            let target = base + "/target"
            try StateDirectory.make(target, isStrict: true)
            try FileManager.default.createSymbolicLink(atPath: base + "/link", withDestinationPath: target)
            #expect(throws: StorageRefusal.self) { try StateDirectory.make(base + "/link", isStrict: true) }
            try StateDirectory.make(base + "/link", isStrict: false)
            try Data().write(to: URL(fileURLWithPath: base + "/file"))
            for isStrict in [false, true] {
                #expect(throws: StorageRefusal.self) { try StateDirectory.make(base + "/file", isStrict: isStrict) }
                #expect(throws: StorageRefusal.self) {
                    try StateDirectory.make(base + "/file/below", isStrict: isStrict)
                }
            }
        }
    }

    @Test("a journal directory or a lock that is a link is refused")
    func links() throws {
        try Self.inTemporary { base in
            try StateDirectory.make(base + "/elsewhere", isStrict: true)
            for name in ["journal", "lock"] {
                let path = base + "/state-" + name
                try StateDirectory.make(path, isStrict: true)
                let target = name == "journal" ? base + "/elsewhere" : base + "/victim"
                try FileManager.default.createSymbolicLink(atPath: path + "/" + name, withDestinationPath: target)
                let refusal = #expect(throws: StorageRefusal.self) { try StateDirectory(path) }
                #expect(refusal?.path == path + "/" + name)
            }
            #expect(!FileManager.default.fileExists(atPath: base + "/victim"))
        }
    }

    @Test("a snapshot's leftover temporary file is replaced; a failed write leaves the old snapshot")
    func snapshotLeftovers() throws {
        try Self.inTemporary { base in
            let catalogue = EventCatalogue()
            let snapshot = RegistrationSnapshot(stateDirectory: base, disk: SystemDisk())
            try Data("half".utf8).write(to: URL(fileURLWithPath: snapshot.path + ".new"))
            try snapshot.write(RegistrationTable(catalogue: catalogue, revision: 1))
            #expect(try snapshot.read(catalogue: catalogue)?.revision == 1)
            #expect(!FileManager.default.fileExists(atPath: snapshot.path + ".new"))
            #expect(try Self.mode(snapshot.path) == 0o600)
            var call = 1
            var last: UInt64? = 1
            while true {
                let disk = FaultyDisk()
                disk.fail(Set(FaultyDisk.Call.allCases), code: 28, at: call, lasting: false)
                let faulty = RegistrationSnapshot(stateDirectory: base, disk: disk)
                let didWrite: Bool
                do {
                    try faulty.write(RegistrationTable(catalogue: catalogue, revision: UInt64(call) + 1))
                    didWrite = true
                } catch {
                    didWrite = false
                }
                let revision = try snapshot.read(catalogue: catalogue)?.revision
                // After the rename the new one is there even if its directory could not be synced.
                #expect(revision == UInt64(call) + 1 || (!didWrite && revision == last))
                last = revision
                guard disk.hasFailed else {
                    #expect(didWrite)
                    break
                }
                call += 1
            }
            #expect(call > 3)
        }
    }
}
