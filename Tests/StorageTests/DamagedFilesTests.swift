import Foundation
import RelayCore
import Storage
import Testing

/// One test for each way a file of the journal can be damaged: it costs what it hits and nothing else.
@Suite("Damaged files of the journal")
struct DamagedFilesTests {
    /// Three segments: events 1 and 2, then 3 to 5, then 6, all for webhook 1.
    private static func make(in directory: TemporaryJournal) throws -> [String] {
        let run = try directory.open()
        run.append(events: [1], for: [1])
        run.append(events: [2], for: [1])
        run.rotate()
        for sequence in 3...5 as ClosedRange<UInt64> { run.append(events: [sequence], for: [1]) }
        run.rotate()
        run.append(events: [6], for: [1])
        run.close()
        return try directory.segmentNames()
    }

    /// Bytes of each event's record.
    private static var recordBytes: Int {
        let buffer = RecordBuffer()
        Fixture.append(1, [1], to: buffer)
        return buffer.count
    }

    /// - Returns: what a start finds after a change to one segment.
    private static func found(
        changing index: Int, _ change: (inout [UInt8]) -> Void
    ) throws -> (events: [UInt64], damage: [JournalDamage]) {
        var result: (events: [UInt64], damage: [JournalDamage]) = ([], [])
        try TemporaryJournal.run { directory in
            let name = try make(in: directory)[index]
            var bytes = try directory.read(name)
            change(&bytes)
            try directory.write(bytes, to: name)
            let again = try directory.open()
            result = (again.visited, again.recovered.damage)
            #expect(try again.events(of: 1, through: 6) == again.visited)
            #expect(again.recovered.state.lanes[1]?.pending == again.visited.count)
        }
        return result
    }

    // MARK: Records

    @Test("the tail is cut short at any byte of the last record", arguments: [1, 8, 23, 24, 25, 100])
    func cutTail(length: Int) throws {
        let found = try Self.found(changing: 2) { $0 = Array($0.prefix(SegmentHeader.dataOffset + length)) }
        #expect(found.events == [1, 2, 3, 4, 5])
        guard case .tail(_, let range)? = found.damage.first else {
            Issue.record("no damage of the tail: \(found.damage)")
            return
        }
        #expect(range.lowerBound == SegmentHeader.dataOffset && found.damage.count == 1)
    }

    @Test("the last write has arrived in part, in space that was taken beforehand", arguments: [8, 24, 100, 200])
    func tornTail(length: Int) throws {
        let found = try Self.found(changing: 2) { bytes in
            for index in SegmentHeader.dataOffset + length..<bytes.count { bytes[index] = 0 }
            bytes += [UInt8](repeating: 0, count: 1 << 16)
        }
        #expect(found.events == [1, 2, 3, 4, 5])
        guard case .tail(_, let range)? = found.damage.first else {
            Issue.record("no damage of the tail: \(found.damage)")
            return
        }
        #expect(range.lowerBound == SegmentHeader.dataOffset && found.damage.count == 1)
    }

    @Test("what a crash left of a write is told by one start, and does not count from then on")
    func tornTailOnce() throws {
        try TemporaryJournal.run { directory in
            let name = try Self.make(in: directory)[2]
            var bytes = try directory.read(name)
            for index in SegmentHeader.dataOffset + 100..<bytes.count { bytes[index] = 0 }
            try directory.write(bytes + [UInt8](repeating: 0, count: 1 << 16), to: name)
            let first = try directory.open()
            #expect(first.recovered.damage.count == 1)
            first.append(events: [7], for: [1])
            first.close()
            let second = try directory.open()
            #expect(second.recovered.damage.isEmpty, "\(second.recovered.damage)")
            #expect(try second.events(of: 1, through: 7) == [1, 2, 3, 4, 5, 7])
        }
    }

    @Test("a sealed segment is cut short")
    func cutInTheMiddle() throws {
        let found = try Self.found(changing: 1) { $0 = Array($0.dropLast(1)) }
        #expect(found.events == [1, 2, 3, 4, 6])
        #expect(found.damage.count == 1)
    }

    @Test(
        "a bit flips in a record's checksum, length, sequence, kind or payload", arguments: [0, 5, 8, 16, 17, 40, 200])
    func flippedBit(offset: Int) throws {
        let start = SegmentHeader.dataOffset + Self.recordBytes
        let found = try Self.found(changing: 1) { $0[start + offset] ^= 0x10 }
        #expect(found.events == [1, 2, 3, 5, 6])
        guard case .bytes(_, let range)? = found.damage.first else {
            Issue.record("no damaged bytes: \(found.damage)")
            return
        }
        #expect(range == start..<start + Self.recordBytes && found.damage.count == 1)
    }

    @Test("a page of zeros in place of records")
    func zeroedPage() throws {
        let found = try Self.found(changing: 1) { bytes in
            for index in SegmentHeader.dataOffset..<SegmentHeader.dataOffset + 2 * Self.recordBytes { bytes[index] = 0 }
        }
        #expect(found.events == [1, 2, 5, 6])
        #expect(found.damage.count == 1)
    }

    @Test("a whole segment's records are zeros: those in front and behind are there")
    func zeroedSegment() throws {
        let found = try Self.found(changing: 1) { bytes in
            for index in SegmentHeader.dataOffset..<bytes.count { bytes[index] = 0 }
        }
        #expect(found.events == [1, 2, 6])
        #expect(found.damage.count == 1, "zeros are what is damaged: the next header says that records were there")
    }

    // MARK: Headers

    @Test("one copy of a header is damaged: nothing is lost", arguments: [0, SegmentHeader.copyOffset])
    func oneHeaderCopy(copy: Int) throws {
        for offset in [0, 9, 13, 20, 35, 95] {
            let found = try Self.found(changing: 1) { $0[copy + offset] ^= 0x10 }
            #expect(found.events == [1, 2, 3, 4, 5, 6])
            guard case .headerCopy? = found.damage.first, found.damage.count == 1 else {
                Issue.record("byte \(offset) of the copy at \(copy): \(found.damage)")
                continue
            }
        }
    }

    @Test("the page with one copy is zeros: nothing is lost", arguments: [0, SegmentHeader.copyOffset])
    func zeroedHeaderPage(copy: Int) throws {
        let found = try Self.found(changing: 1) { bytes in for index in copy..<copy + 4096 { bytes[index] = 0 } }
        #expect(found.events == [1, 2, 3, 4, 5, 6] && found.damage.count == 1)
    }

    @Test("both copies are damaged: the start says which file it is and what to do")
    func bothHeaderCopies() throws {
        try TemporaryJournal.run { directory in
            let name = try Self.make(in: directory)[1]
            var bytes = try directory.read(name)
            bytes[20] ^= 1
            bytes[SegmentHeader.copyOffset + 20] ^= 1
            try directory.write(bytes, to: name)
            let refusal = #expect(throws: StorageRefusal.self) { try directory.open() }
            #expect(refusal?.path == directory.file(name))
            #expect(refusal?.reason.contains("mv \(directory.file(name))") == true)
            // The way out that it names works, and costs that segment alone.
            try FileManager.default.moveItem(atPath: directory.file(name), toPath: directory.file(name + ".damaged"))
            let again = try directory.open()
            #expect(again.visited == [1, 2, 6])
            #expect(again.recovered.foreign == [name + ".damaged"])
        }
    }

    @Test("a header of zeros over records is no unfinished file")
    func zeroedHeader() throws {
        try TemporaryJournal.run { directory in
            let name = try Self.make(in: directory)[1]
            var bytes = try directory.read(name)
            for index in 0..<SegmentHeader.dataOffset { bytes[index] = 0 }
            try directory.write(bytes, to: name)
            let refusal = #expect(throws: StorageRefusal.self) { try directory.open() }
            #expect(refusal?.path == directory.file(name))
        }
    }
}
