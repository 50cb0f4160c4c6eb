import Foundation
import RelayCore
import Storage
import Synchronization
import Testing

/// What looking at a journal tells of each way in which its files can be damaged, missing, left over or in the way.
@Suite("Looking at a journal")
struct JournalInspectionTests {
    /// Three segments: events 1 and 2, then 3 to 5 and what became of 1, then 6, all for webhook 1.
    @discardableResult
    private static func make(in state: TemporaryState) throws -> OpenJournal {
        let run = try state.open()
        for sequence in 1...2 as ClosedRange<UInt64> { run.append(events: [sequence], for: [1]) }
        run.rotate()
        for sequence in 3...5 as ClosedRange<UInt64> { run.append(events: [sequence], for: [1]) }
        run.append(Fixture.progress(1, cursor: 2, settled: [1]), seen: 5)
        run.rotate()
        run.append(events: [6], for: [1])
        return run
    }

    private static func run(_ body: (TemporaryState) throws -> Void) throws {
        try TemporaryState.run { state in
            try make(in: state).close()
            try body(state)
        }
    }

    /// Bytes of each event's record.
    private static var recordBytes: Int {
        let buffer = RecordBuffer()
        Fixture.append(1, [1], to: buffer)
        return buffer.count
    }

    private static func start(_ record: Int) -> Int { SegmentHeader.dataOffset + record * recordBytes }

    // MARK: Healthy ones

    @Test("a healthy journal has no findings, and looking changes nothing")
    func healthy() throws {
        try Self.run { state in
            let before = try state.stamps()
            let (events, findings) = try state.inspect()
            #expect(events == [1, 2, 3, 4, 5, 6] && findings.isEmpty)
            #expect(try state.inspection().look().lanes[1] == nil, "no such webhook is registered")
            #expect(try state.inspection().look().recovered.state.lanes[1]?.pending == 5)
            #expect(try state.stamps() == before)
        }
    }

    @Test("one that is being written to, with its space taken beforehand")
    func growing() throws {
        try TemporaryState.run { state in
            let run = try Self.make(in: state)
            #expect(try state.inspect().findings.isEmpty)
            run.append(events: [7], for: [1])
            let (events, findings) = try state.inspect()
            #expect(events == [1, 2, 3, 4, 5, 6, 7] && findings.isEmpty)
            run.close()
        }
    }

    @Test("an empty journal, and none")
    func empty() throws {
        try TemporaryState.run { state in
            let (events, findings) = try state.inspect()
            #expect(events.isEmpty && findings.isEmpty)
            try FileManager.default.removeItem(atPath: state.journal)
            let error = #expect(throws: DiskError.self) { try state.inspect() }
            #expect(error?.isMissing == true)
        }
    }

    // MARK: Damaged records

    @Test("damage tells the events that can have been there", arguments: [0, 1, 2])
    func damagedEvent(record: Int) throws {
        try Self.run { state in
            let path = try state.segments[1]
            try state.change(path) { $0[Self.start(record) + 40] ^= 1 }
            let (events, findings) = try state.inspect()
            let lost = UInt64(3 + record)
            let range = Self.start(record)..<Self.start(record + 1)
            #expect(findings == [.bytes(path: path, range, events: lost...lost)])
            #expect(events == [1, 2, 3, 4, 5, 6].filter { $0 != lost })
        }
    }

    @Test("a damaged record of settlements costs no event")
    func damagedProgress() throws {
        try Self.run { state in
            let path = try state.segments[1]
            try state.change(path) { $0[Self.start(3) + 30] ^= 1 }
            let (events, findings) = try state.inspect()
            guard case .bytes(path, let range, events: nil)? = findings.first else {
                Issue.record("\(findings)")
                return
            }
            #expect(range.lowerBound == Self.start(3) && findings.count == 1 && events.count == 6)
        }
    }

    @Test("a sealed segment that is cut short, or zeros to its end, ends where the next one begins")
    func cutShort() throws {
        for isCut in [true, false] {
            try Self.run { state in
                let path = try state.segments[1]
                try state.change(path) { bytes in
                    if isCut {
                        bytes.removeSubrange(Self.start(1)...)
                    } else {
                        for index in Self.start(1)..<bytes.count { bytes[index] = 0 }
                    }
                }
                let (events, findings) = try state.inspect()
                #expect(events == [1, 2, 3, 6])
                guard case .bytes(path, let range, events: 4...5)? = findings.first else {
                    Issue.record("\(findings)")
                    return
                }
                #expect(range.lowerBound == Self.start(1) && findings.count == 1)
            }
        }
    }

    @Test("the last record is damaged: told, and no more than a start would say")
    func tail() throws {
        try Self.run { state in
            let path = try state.segments[2]
            try state.change(path) { $0[Self.start(0) + 40] ^= 1 }
            let (events, findings) = try state.inspect()
            #expect(findings == [.tail(path: path, Self.start(0)..<Self.start(1))])
            #expect(events == [1, 2, 3, 4, 5])
            #expect(findings.allSatisfy { !$0.isSerious })
        }
    }

    @Test("a record whose checksum is right and whose lengths are not")
    func misunderstood() throws {
        try Self.run { state in
            let path = try state.segments[1]
            let header = try SegmentHeader.find(in: [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))).header
            try state.change(path) { bytes in
                bytes[Self.start(1) + RecordFormat.headerBytes + 24] ^= 1  // Of the body's length.
                bytes.withUnsafeMutableBytes { (raw: UnsafeMutableRawBufferPointer) in
                    guard let base = raw.baseAddress else { return }
                    RecordFormat.seal(
                        base + Self.start(1), count: Self.recordBytes, seed: RecordFormat.seed(nonce: header.nonce))
                }
            }
            let findings = try state.inspect().findings
            let expected: [JournalFinding] = [.bytes(path: path, Self.start(1)..<Self.start(2), events: 4...4)]
            #expect(findings == expected)
        }
    }

    @Test("what the device can't read is told, and all around it is read")
    func unreadable() throws {
        try TemporaryState.run { state in
            let run = try state.open()
            for sequence in 1...200 as ClosedRange<UInt64> { run.append(events: [sequence], for: [1]) }
            run.rotate()
            run.append(events: [201], for: [1])
            run.close()
            let path = try state.segments[0]
            let bad = 16_384..<20_480
            let disk = ReadOnlyDisk { name throws(DiskError) in
                let file = try SystemDisk().open(name)
                return name == path ? BadFile(file: file, path: name, bad: bad) : file
            }
            let (events, findings) = try state.inspect(disk)
            #expect(
                findings.contains {
                    guard case .unreadable(let stretch) = $0 else { return false }
                    return stretch.path == path && stretch.range == bad
                })
            let lost = findings.compactMap { if case .bytes(_, _, let events) = $0 { events } else { nil } }
            #expect(lost.count == 1 && findings.count == 2)
            #expect(lost.first.map { events + Array($0) }.map { $0.sorted() } == Array(1...201))
        }
    }

    // MARK: Headers and files

    @Test("one copy of a header, both, another version, a wrong owner's mode")
    func headers() throws {
        try Self.run { state in
            let path = try state.segments[1]
            try state.change(path) { $0[20] ^= 1 }
            #expect(try state.inspect().findings == [.header(path: path)])
            try state.change(path) { $0[SegmentHeader.copyOffset + 20] ^= 1 }
            let (events, findings) = try state.inspect()
            #expect(events == [1, 2, 6])
            guard case .refusal(let refusal)? = findings.first else {
                Issue.record("\(findings)")
                return
            }
            #expect(refusal.path == path && refusal.reason.contains("mv \(path)"))
            #expect(findings.dropFirst() == [.missing(ordinals: 2...2, events: 1...5)], "at most")
            #expect(try state.inspection().look().recovered.directory.leftOut == [path])
        }
        try Self.run { state in
            let path = try state.segments[1]
            try state.change(path) { bytes in
                for copy in [0, SegmentHeader.copyOffset] { bytes[copy + 12] = 3 }
            }
            guard case .refusal(let refusal)? = try state.inspect().findings.first else {
                Issue.record("no refusal")
                return
            }
            #expect(refusal.reason.contains("format 3"))
        }
        try Self.run { state in
            let path = try state.segments[1]
            chmod(path, 0o640)
            let (events, findings) = try state.inspect()
            #expect(events == [1, 2, 3, 4, 5, 6], "it is read all the same")
            guard case .refusal(let refusal)? = findings.first, findings.count == 1 else {
                Issue.record("\(findings)")
                return
            }
            #expect(refusal.reason.contains("chmod 600 \(path)"))
            chmod(path, 0o600)
            chmod(state.journal, 0o755)
            #expect(try state.inspect().findings.map(\.stopsStart) == [true])
        }
    }

    @Test("a missing segment, and one of another journal")
    func missing() throws {
        try Self.run { state in
            try FileManager.default.removeItem(atPath: state.segments[1])
            let (events, findings) = try state.inspect()
            #expect(events == [1, 2, 6] && findings == [.missing(ordinals: 2...2, events: 1...5)])
        }
        try Self.run { state in
            try TemporaryState.run { other in
                let run = try other.open()
                for _ in 0..<4 { run.rotate() }
                run.append(events: [1], for: [1])
                run.close()
                let stranger = try #require(try other.segments.last)
                let path = state.journal + stranger.dropFirst(other.journal.count)
                try FileManager.default.copyItem(atPath: stranger, toPath: path)
                let (events, findings) = try state.inspect()
                #expect(events == [1, 2, 3, 4, 5, 6])
                guard case .refusal(let refusal)? = findings.first, findings.count == 1 else {
                    Issue.record("\(findings)")
                    return
                }
                #expect(refusal.path == path && refusal.reason.contains("another journal"))
            }
        }
    }

    @Test("left-over, unfinished and foreign files are told apart, and stay")
    func others() throws {
        try TemporaryState.run { state in
            let run = try Self.make(in: state)
            run.rotate()
            run.checkpoint([:], asOf: 6)
            let merged = try state.segments[1]
            let old = [UInt8](try Data(contentsOf: URL(fileURLWithPath: merged)))
            try run.journal.rewrite(1...2, keeping: .init(savedRevision: 0) { _ in true })
            run.close()
            func put(_ name: String, _ bytes: [UInt8]) throws -> String {
                let path = name.hasPrefix("/") ? name : "\(state.journal)/\(name)"
                try SystemDisk().create(path).write(bytes, at: 0)
                return path
            }
            let paths = [
                try put(merged, old), try put("0000000000000009-0000000000000009.seg", []),
                try put("notes.txt", [1]), try put("0000000000000001-0000000000000001.seg.new", [1]),
                try put("0000000000000077-0000000000000001.idx", [1]),
            ]
            let before = try state.names()
            let (events, findings) = try state.inspect()
            #expect(events == [1, 2, 3, 4, 5, 6])
            #expect(
                findings == [
                    .unfinished(path: paths[1]), .foreign(path: paths[2]), .leftOver(path: paths[0]),
                    .leftOver(path: paths[3]), .leftOver(path: paths[4]),
                ])
            #expect(try state.names() == before)
            // A start removes what is left over, and nothing else.
            _ = try state.open()
            let removed = Set([0, 3, 4].map { String(paths[$0].dropFirst(state.journal.count + 1)) })
            #expect(Set(before).subtracting(try state.names()) == removed)
        }
    }

    @Test("a second segment with the same number")
    func duplicate() throws {
        try Self.run { state in
            let path = "\(state.journal)/0000000000000002-0000000000000004.seg"
            let header = SegmentHeader(
                journal: try state.inspection().look().id, nonce: 7, ordinal: 2, firstSequence: 4, createdAt: 1,
                previousOrdinal: 1, previousBytes: 0)
            try SystemDisk().create(path).write(header.area, at: 0)
            #expect(try state.inspect().findings == [.duplicate(path: path)])
        }
    }

    @Test("indices are checked block by block")
    func indices() throws {
        try TemporaryState.run { state in
            let run = try Self.make(in: state)
            while try run.journal.indexNext() {}
            run.close()
            #expect(try state.inspect().findings.isEmpty)
            let path = String(try state.segments[1].dropLast(4)) + ".idx"
            try state.change(path) { $0[2 * SegmentIndexFormat.blockBytes + 3] ^= 1 }
            #expect(try state.inspect().findings == [.index(path: path, block: 2)])
            try state.change(path) { $0[3] ^= 1 }
            #expect(try state.inspect().findings == [.index(path: path, block: nil)])
        }
    }

    // MARK: Beside a running daemon

    @Test("a segment that is written anew or removed between listing and opening is looked for again")
    func changing() throws {
        try TemporaryState.run { state in
            let run = try Self.make(in: state)
            run.rotate()
            run.checkpoint([:], asOf: 6)
            let steps = Mutex(0)
            let second = try state.segments[1]
            let journal = run.journal
            let disk = ReadOnlyDisk { path throws(DiskError) in
                let isFirst = steps.withLock { steps in
                    if path == second { steps += 1 }
                    return path == second && steps == 1
                }
                if isFirst { try journal.rewrite(1...2, keeping: .init(savedRevision: 0) { _ in true }) }
                return try SystemDisk().open(path)
            }
            let (events, findings) = try state.inspect(disk)
            #expect(events == [1, 2, 3, 4, 5, 6] && findings.isEmpty, "\(findings)")
            run.close()
        }
    }

    @Test("a batch that is half-written while it is looked at is no finding")
    func halfWritten() throws {
        try TemporaryState.run { state in
            let run = try Self.make(in: state)
            let last = try state.segments[2]
            let opened = Mutex(0)
            let disk = ReadOnlyDisk { path throws(DiskError) in
                let file = try SystemDisk().open(path)
                guard path == last else { return file }
                let number = opened.withLock { count in
                    count += 1
                    return count
                }
                guard number == 1 else { return file }
                return TornFile(file: file, from: Self.start(0) + 100)
            }
            let (events, findings) = try state.inspect(disk)
            #expect(events == [1, 2, 3, 4, 5, 6] && findings.isEmpty, "\(findings)")
            #expect(opened.withLock { $0 } > 1)
            run.close()
        }
    }

    @Test("nothing can be changed through the disk that is looked through")
    func readOnly() throws {
        try Self.run { state in
            let disk = ReadOnlyDisk()
            let path = try state.segments[0]
            let before = try state.stamps()
            #expect(throws: DiskError.self) { try disk.create("\(state.journal)/new") }
            #expect(throws: DiskError.self) { try disk.remove(path) }
            #expect(throws: DiskError.self) { try disk.rename(path, to: path + "x") }
            let file = try disk.open(path)
            #expect(throws: DiskError.self) { try file.write([1], at: 0) }
            #expect(throws: DiskError.self) { try file.truncate(to: 1) }
            #expect(throws: DiskError.self) { try file.allocate(1) }
            #expect(throws: DiskError.self) { try file.sync() }
            #expect(try state.stamps() == before)
        }
    }
}

/// A file of which a stretch can't be read.
private struct BadFile: DiskFile {
    let file: any DiskFile
    let path: String
    let bad: Range<Int>

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        if bad.overlaps(offset..<offset + buffer.count) { throw DiskError("pread", path, EIO) }
        return try file.read(into: buffer, at: offset)
    }

    func write(_ parts: [UnsafeRawBufferPointer], at offset: Int) throws(DiskError) {}
    func sync() throws(DiskError) {}
    func allocate(_ bytes: Int) throws(DiskError) {}
    func truncate(to bytes: Int) throws(DiskError) {}
    func size() throws(DiskError) -> Int { try file.size() }
    func isInPlace() throws(DiskError) -> Bool { true }
}

/// A file in which a write has not arrived from an offset on.
private struct TornFile: DiskFile {
    let file: any DiskFile
    let from: Int

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        let count = try file.read(into: buffer, at: offset)
        for index in 0..<count where offset + index >= from { buffer[index] = 0 }
        return count
    }

    func write(_ parts: [UnsafeRawBufferPointer], at offset: Int) throws(DiskError) {}
    func sync() throws(DiskError) {}
    func allocate(_ bytes: Int) throws(DiskError) {}
    func truncate(to bytes: Int) throws(DiskError) {}
    func size() throws(DiskError) -> Int { try file.size() }
    func isInPlace() throws(DiskError) -> Bool { true }
}
