import Cryptography
import Foundation
import Testing

@testable import RelayCore
@testable import Storage

/// Answers that are to be given again after a restart.
@Suite("Answers on disk")
struct AnswerLogTests {
    private static func entry(_ index: Int, secret: String = "whsec_SECRET") -> AnswerMemory.Entry {
        AnswerMemory.Entry(
            id: "id\(index)", caller: "c", contents: "contents\(index)", at: Int64(index),
            answer: KeptAnswer(
                status: 201, contentType: "application/json", location: index == 0 ? nil : "/there/\(index)",
                body: Array("{\"secret\":\"\(secret)\"}\n".utf8)))
    }

    private static func log(_ directory: TemporaryJournal, _ coding: RegistrationCoding = .plain) -> AnswerLog {
        AnswerLog(stateDirectory: directory.path, disk: SystemDisk(), coding: coding)
    }

    private static func sealed(_ first: UInt8) throws -> RegistrationCoding {
        .sealed(try MasterKey([UInt8](first..<first + 32)))
    }

    /// Writes three, one after the other.
    private static func write(_ directory: TemporaryJournal, _ coding: RegistrationCoding = .plain) throws {
        let log = log(directory, coding)
        var all: [AnswerMemory.Entry] = []
        for index in 0..<3 {
            all.append(entry(index))
            try log.append(entry(index)) { all }
        }
    }

    @Test func theyComeBack() throws {
        try TemporaryJournal.run { directory in
            #expect(try Self.log(directory).read().isEmpty)
            try Self.write(directory)
            let read = try Self.log(directory).read()
            #expect(read == (0..<3).map { Self.entry($0) })
        }
    }

    @Test func withAKeyNoSecretIsInTheFile() throws {
        try TemporaryJournal.run { directory in
            let coding = try Self.sealed(1)
            try Self.write(directory, coding)
            let bytes = Data(try directory.read(AnswerLog.fileName))
            #expect(bytes.range(of: Data("SECRET".utf8)) == nil)
            #expect(bytes.range(of: Data(Base64.encode(Self.entry(0).answer.body).utf8)) == nil)
            #expect(try Self.log(directory, coding).read() == (0..<3).map { Self.entry($0) })
            // Another key, and none, open nothing and break nothing.
            #expect(try Self.log(directory, try Self.sealed(2)).read().isEmpty)
            #expect(try Self.log(directory).read().isEmpty)
        }
    }

    /// A sealed answer is one request's: moved to another it is none.
    @Test func anAnswerOfAnotherRequest() throws {
        try TemporaryJournal.run { directory in
            let coding = try Self.sealed(1)
            try Self.write(directory, coding)
            let text = String(decoding: try directory.read(AnswerLog.fileName), as: UTF8.self)
            let lines = text.split(separator: "\n").map(String.init)
            let moved = lines[0].dropFirst(9).replacing("\"id0\"", with: "\"id1\"")
            let checksum = Array(moved.utf8).withUnsafeBytes { Checksum.crc32c($0) }
            let line = String(format: "%08x ", checksum) + moved + "\n"
            try Data(line.utf8).write(to: URL(fileURLWithPath: "\(directory.path)/\(AnswerLog.fileName)"))
            #expect(try Self.log(directory, coding).read().isEmpty)
        }
    }

    /// Every byte of the file flipped, and the file cut at every place: the other lines stay.
    @Test func damage() throws {
        try TemporaryJournal.run { directory in
            try Self.write(directory)
            let url = URL(fileURLWithPath: "\(directory.path)/\(AnswerLog.fileName)")
            let good = try Data(contentsOf: url)
            let whole = (0..<3).map { Self.entry($0) }
            for place in good.indices {
                var bad = good
                bad[place] ^= 0x20
                try bad.write(to: url)
                let read = try Self.log(directory).read()
                // A line's end that is none joins two lines.
                #expect(read.count >= 1 && read.count < 3 || read == whole, "byte \(place)")
                #expect(read.allSatisfy { whole.contains($0) }, "byte \(place)")
                try good.prefix(place).write(to: url)
                let cut = try Self.log(directory).read()
                #expect(whole.starts(with: cut), "cut at \(place)")
            }
        }
    }

    @Test func underAnotherKey() throws {
        try TemporaryJournal.run { directory in
            let (old, new) = (try Self.sealed(1), try Self.sealed(2))
            let whole = (0..<3).map { Self.entry($0) }
            try Self.write(directory)
            for (from, to) in [(RegistrationCoding.plain, old), (old, new), (new, .plain)] {
                try AnswerLog.rewrite(stateDirectory: directory.path, disk: SystemDisk(), from: from, to: to)
                #expect(try Self.log(directory, to).read() == whole)
                let isPlain =
                    Data(try directory.read(AnswerLog.fileName))
                    .range(of: Data(Base64.encode(whole[0].answer.body).utf8)) != nil
                #expect(isPlain == (to.keyID == nil))
            }
        }
    }

    @Test func whatIsNotNeededGoes() throws {
        try TemporaryJournal.run { directory in
            let log = Self.log(directory)
            let large = String(repeating: "x", count: 100_000)
            for index in 0..<60 {
                try log.append(Self.entry(index, secret: large)) { [Self.entry(index, secret: large)] }
            }
            #expect(try directory.read(AnswerLog.fileName).count < 3 << 20)
            #expect(try Self.log(directory).read().last == Self.entry(59, secret: large))
        }
    }
}
