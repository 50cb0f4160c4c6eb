import Foundation
import RelayCore
import Storage
import Testing

/// Files of the journal that are gone, doubled, or somebody else's.
@Suite("Missing and foreign files of the journal")
struct MissingFilesTests {
    /// Four segments with two events each, for webhook 1.
    private static func make(in directory: TemporaryJournal) throws -> [String] {
        let run = try directory.open()
        for segment in 0..<4 as Range<UInt64> {
            if segment > 0 { run.rotate() }
            run.append(events: [segment * 2 + 1], for: [1])
            run.append(events: [segment * 2 + 2], for: [1])
        }
        run.close()
        return try directory.segmentNames()
    }

    @Test("a segment in the middle is missing: its events are, and the start says which")
    func middle() throws {
        try TemporaryJournal.run { directory in
            let names = try Self.make(in: directory)
            try directory.remove(names[1])
            try directory.remove(names[2])
            let again = try directory.open()
            #expect(again.visited == [1, 2, 7, 8])
            guard case .missing(let ordinals, let sequences)? = again.recovered.damage.first else {
                Issue.record("\(again.recovered.damage)")
                return
            }
            #expect(ordinals == 2...3 && sequences.contains(3) && sequences.upperBound == 7)
            #expect(again.recovered.damage.count == 1)
            #expect(again.append(events: [9], for: [1]))
        }
    }

    @Test("the first segment is missing, and nobody had said that it is not needed")
    func first() throws {
        try TemporaryJournal.run { directory in
            let names = try Self.make(in: directory)
            try directory.remove(names[0])
            let again = try directory.open()
            #expect(again.visited == [3, 4, 5, 6, 7, 8])
            #expect(again.append(events: [9], for: [1]))
        }
    }

    @Test("what was removed below the floor is not missing; what is missing above it is", arguments: [1, 2])
    func floor(removed: Int) throws {
        try TemporaryJournal.run { directory in
            let names = try Self.make(in: directory)
            let run = try directory.open()
            #expect(run.publish(floor: 2))
            run.close()
            for name in names.prefix(removed) { try directory.remove(name) }
            let again = try directory.open()
            #expect(again.visited == (removed == 1 ? [3, 4, 5, 6, 7, 8] : [5, 6, 7, 8]))
            #expect(again.recovered.damage.isEmpty == (removed == 1))
            if removed == 2 {
                #expect(again.recovered.damage == [.missing(ordinals: 2...2, sequences: 1..<5)])
            }
        }
    }

    @Test("a removal below the floor that was cut short is finished")
    func cutShortRemoval() throws {
        try TemporaryJournal.run { directory in
            let names = try Self.make(in: directory)
            let run = try directory.open()
            #expect(run.publish(floor: 3))
            run.close()
            // The second one is gone, the first one is still there.
            try directory.remove(names[1])
            let again = try directory.open()
            #expect(again.recovered.damage.isEmpty)
            #expect(!(try directory.names().contains(names[0])))
            #expect(try again.events(of: 1, through: 8) == [5, 6, 7, 8])
        }
    }

    @Test("a copy of a segment under another name is foreign, and counts for nothing")
    func copy() throws {
        try TemporaryJournal.run { directory in
            let names = try Self.make(in: directory)
            for name in ["copy.seg", "00000000000000ff-0000000000000001.seg", names[1] + "~"] {
                try directory.write(try directory.read(names[1]), to: name)
            }
            let again = try directory.open()
            #expect(again.visited == [1, 2, 3, 4, 5, 6, 7, 8])
            #expect(again.recovered.damage.isEmpty)
            #expect(
                Set(again.recovered.foreign) == ["copy.seg", "00000000000000ff-0000000000000001.seg", names[1] + "~"])
        }
    }

    @Test("any other file is left alone and named")
    func foreign() throws {
        try TemporaryJournal.run { directory in
            _ = try Self.make(in: directory)
            try directory.write(Array("notes".utf8), to: "notes.txt")
            let again = try directory.open()
            #expect(again.recovered.foreign == ["notes.txt"])
            #expect(try directory.read("notes.txt") == Array("notes".utf8))
        }
    }

    @Test("a segment of another journal is refused")
    func otherJournal() throws {
        try TemporaryJournal.run { directory in
            try TemporaryJournal.run { other in
                let names = try Self.make(in: directory)
                _ = try Self.make(in: other)
                let stranger = try #require(try other.segmentNames().last)
                try directory.remove(names[3])
                try directory.write(try other.read(stranger), to: stranger)
                let refusal = #expect(throws: StorageRefusal.self) { try directory.open() }
                #expect(refusal?.path == directory.file(stranger))
            }
        }
    }

    @Test("a segment in a newer format is refused by its number")
    func newerFormat() throws {
        try TemporaryJournal.run { directory in
            let name = try Self.make(in: directory)[1]
            var bytes = try directory.read(name)
            bytes[12] = 3
            bytes[SegmentHeader.copyOffset + 12] = 3
            try directory.write(bytes, to: name)
            let refusal = #expect(throws: StorageRefusal.self) { try directory.open() }
            #expect(refusal?.path == directory.file(name))
            #expect(refusal?.reason.contains("format 3") == true)
        }
    }

    // MARK: Who may read it

    @Test("a segment that is open to others, another one's, or a symbolic link is refused")
    func attributes() throws {
        try TemporaryJournal.run { directory in
            let name = try Self.make(in: directory)[1]
            let path = directory.file(name)
            func expectRefusal(_ text: String) {
                let refusal = #expect(throws: StorageRefusal.self) { try directory.open() }
                #expect(refusal?.path == path)
                #expect(refusal?.reason.contains(text) == true, "\(refusal?.reason ?? "")")
            }
            for mode in [0o640, 0o604, 0o660, 0o601] {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
                expectRefusal("chmod 600")
            }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            _ = try directory.open()
            if geteuid() == 0 {
                #expect(chown(path, 65_534, 65_534) == 0)
                expectRefusal("belongs to uid 65534")
                #expect(chown(path, 0, 0) == 0)
            }
            try FileManager.default.moveItem(atPath: path, toPath: directory.path + "/elsewhere")
            try FileManager.default.createSymbolicLink(
                atPath: path, withDestinationPath: directory.path + "/elsewhere")
            expectRefusal("no regular file")
        }
    }
}
