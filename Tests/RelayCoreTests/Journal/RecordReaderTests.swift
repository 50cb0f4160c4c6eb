import RelayCore
import Testing

/// Reading on behind damage: one way to damage a segment after the other.
@Suite("Record reader")
struct RecordReaderTests {
    private static let seed = RecordFormat.seed(nonce: 42)

    /// What a reader made of some bytes.
    private struct Reading: Equatable {
        var sequences: [UInt64] = []
        var damage: [Range<Int>] = []
        var end: Int?
        var incomplete: Int?
    }

    private static func records(_ count: UInt64 = 4, seed: UInt32 = seed) -> (bytes: [UInt8], starts: [Int]) {
        let buffer = RecordBuffer()
        var starts: [Int] = []
        for sequence in 1...count {
            starts.append(
                EventFixture.append(
                    sequence, id: "id-\(sequence)", data: "{\"n\":\"\(String(repeating: "x", count: Int(sequence)))\"}",
                    to: buffer))
        }
        RecordFormat.seal(buffer.bytes, count: buffer.count, seed: seed)
        return (Array(buffer.contents), starts + [buffer.count])
    }

    private static func read(_ bytes: [UInt8], isLast: Bool = true) -> Reading {
        let buffer = RecordBuffer(capacity: bytes.count)
        buffer.append(bytes)
        var reader = RecordReader(buffer.contents, seed: seed, isLast: isLast)
        var reading = Reading()
        while true {
            switch reader.next() {
            case .record(_, let header): reading.sequences.append(header.sequence)
            case .damage(let range): reading.damage.append(range)
            case .incomplete(let offset, let needed):
                #expect(needed > bytes.count - offset)
                reading.incomplete = offset
                return reading
            case .end(let offset):
                reading.end = offset
                return reading
            }
        }
    }

    @Test("a hole of any size, ended by any byte of the word behind it", arguments: 0..<8)
    func holes(byte: Int) {
        let (bytes, starts) = Self.records()
        for words in [1, 2, 3, 4, 5, 100] {
            var rest = [UInt8](repeating: 0, count: 8)
            rest[byte] = 1
            let hole = [UInt8](repeating: 0, count: words * 8) + rest
            let reading = Self.read(Array(bytes[..<starts[2]]) + hole + bytes[starts[2]...])
            #expect(reading.sequences == [1, 2, 3, 4], "\(words) words")
            #expect(reading.damage == [starts[2]..<starts[2] + hole.count], "\(words) words")
            // Right behind the zeros there is a record.
            let short = Self.read(Array(bytes[..<starts[2]] + hole[..<(words * 8)] + bytes[starts[2]...]))
            #expect(short.sequences == [1, 2, 3, 4] && short.damage == [starts[2]..<starts[2] + words * 8])
        }
    }

    @Test("a large hole costs no more than reading it", .timeLimit(.minutes(1)))
    func largeHole() {
        let (bytes, starts) = Self.records()
        let hole = [UInt8](repeating: 0, count: 8 << 20)
        let reading = Self.read(Array(bytes[..<starts[1]]) + hole + bytes[starts[1]...])
        #expect(reading.sequences == [1, 2, 3, 4])
    }

    @Test("clean records, with and without preallocated zeros behind them")
    func clean() {
        let (bytes, _) = Self.records()
        for zeros in [0, 8, 16, 24, 32, 4096] {
            let reading = Self.read(bytes + [UInt8](repeating: 0, count: zeros))
            #expect(reading == Reading(sequences: [1, 2, 3, 4], end: bytes.count), "\(zeros) zeros")
        }
        #expect(Self.read([]) == Reading(end: 0))
        #expect(Self.read([UInt8](repeating: 0, count: 64)) == Reading(end: 0))
    }

    @Test("a tail torn at every byte costs the torn record alone")
    func tornTail() {
        let (bytes, starts) = Self.records()
        for cut in starts[3]..<bytes.count {
            let exact = Self.read(Array(bytes[..<cut]))
            // Padding is not covered by the checksum, but is a part of the record all the same.
            #expect(exact.sequences == [1, 2, 3])
            #expect(exact.damage == (cut == starts[3] ? [] : [starts[3]..<cut]))
            // The same in preallocated space: the rest is zeros.
            let zeroed = Self.read(Array(bytes[..<cut]) + [UInt8](repeating: 0, count: bytes.count - cut + 64))
            let isWhole = bytes[cut...].allSatisfy { $0 == 0 }
            #expect(zeroed.sequences == (isWhole ? [1, 2, 3, 4] : [1, 2, 3]), "cut at \(cut)")
            #expect(zeroed.end != nil)
        }
    }

    @Test("every single flipped bit costs the record that it hits and no other")
    func bitFlips() {
        let (bytes, starts) = Self.records()
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let hit = starts.lastIndex { $0 <= bit / 8 } ?? 0
            let others = (0..<4).filter { $0 != hit }.map { UInt64($0 + 1) }
            let reading = Self.read(damaged)
            let header = bytes.withUnsafeBytes { raw in
                Int(raw.loadUnaligned(fromByteOffset: starts[hit] + 4, as: UInt32.self).littleEndian)
            }
            let isPadding = bit / 8 >= starts[hit] + RecordFormat.headerBytes + header
            guard reading.sequences == (isPadding ? [1, 2, 3, 4] : others),
                reading.damage == (isPadding ? [] : [starts[hit]..<starts[hit + 1]])
            else {
                Issue.record("bit \(bit): \(reading)")
                return
            }
        }
    }

    @Test("a zeroed stretch costs what it covers")
    func zeroedStretch() {
        let (bytes, starts) = Self.records(40)
        for (from, to) in [(0, 1), (3, 7), (0, 39), (10, 11), (39, 40)] {
            var damaged = bytes
            for index in starts[from]..<starts[to] { damaged[index] = 0 }
            let reading = Self.read(damaged)
            #expect(reading.sequences == (0..<40).filter { $0 < from || $0 >= to }.map { UInt64($0 + 1) })
            #expect(reading.damage == (to == 40 ? [] : [starts[from]..<starts[to]]))
        }
        // Not aligned to records.
        var damaged = bytes
        for index in starts[5] + 16..<starts[8] + 40 { damaged[index] = 0 }
        #expect(Self.read(damaged).sequences == (1...40).filter { $0 < 6 || $0 > 9 })
    }

    @Test("a record of another segment is no record, in a payload or in a recycled block")
    func foreignRecords() {
        let foreign = Self.records(seed: RecordFormat.seed(nonce: 43)).bytes
        #expect(Self.read(foreign).sequences.isEmpty)

        // A payload that holds whole records, its own record's header damaged: reading goes on through the payload.
        for (inner, isForeign) in [(foreign, true), (Self.records().bytes, false)] {
            let buffer = RecordBuffer()
            EventFixture.append(8, to: buffer)
            let start = buffer.beginRecord(.registration, sequence: 9)
            buffer.append(inner)
            buffer.endRecord(at: start)
            EventFixture.append(10, to: buffer)
            RecordFormat.seal(buffer.bytes, count: buffer.count, seed: Self.seed)
            var bytes = Array(buffer.contents)
            #expect(Self.read(bytes).sequences == [8, 9, 10])
            bytes[start] ^= 1
            // The second case only shows that the first one tests something.
            #expect(Self.read(bytes).sequences == (isForeign ? [8, 10] : [8, 1, 2, 3, 4, 10]))
        }
    }

    @Test("a length beyond every bound is damage, not a reason to read for ever")
    func wildLength() {
        let (clean, starts) = Self.records()
        for length in [UInt32.max, UInt32(Limits.recordBytes) + 1, UInt32(Limits.recordBytes), 0] {
            var bytes = clean
            bytes.withUnsafeMutableBytes {
                $0.storeBytes(of: length.littleEndian, toByteOffset: starts[1] + 4, as: UInt32.self)
            }
            #expect(Self.read(bytes).sequences == [1, 3, 4], "\(length)")
            #expect(Self.read(bytes).damage == [starts[1]..<starts[2]])
        }
    }

    @Test("reading in chunks of every size finds the same records and the same damage")
    func chunks() {
        var (bytes, starts) = Self.records(6)
        for isDamaged in [false, true] {
            if isDamaged { bytes[starts[2] + 30] ^= 4 }
            let whole = Self.read(bytes)
            for size in stride(from: 1, through: bytes.count + 8, by: 1) {
                var reading = Reading()
                var position = 0
                var wanted = size
                chunks: while true {
                    let count = min(wanted, bytes.count - position)
                    let buffer = RecordBuffer(capacity: count)
                    buffer.append(Array(bytes[position..<position + count]))
                    var reader = RecordReader(buffer.contents, seed: Self.seed, isLast: position + count == bytes.count)
                    while true {
                        switch reader.next() {
                        case .record(_, let header): reading.sequences.append(header.sequence)
                        case .damage(let range):
                            reading.damage.append(range.lowerBound + position..<range.upperBound + position)
                        case .incomplete(let offset, let needed):
                            position += offset
                            wanted = max(needed, size)
                            continue chunks
                        case .end(let offset):
                            reading.end = offset + position
                            break chunks
                        }
                    }
                }
                #expect(reading == whole, "chunks of \(size)")
            }
        }
    }

    @Test("at every cut of a buffer that goes on, nothing is called damaged that may be whole")
    func incomplete() {
        let (bytes, starts) = Self.records()
        for cut in 0..<bytes.count {
            let reading = Self.read(Array(bytes[..<cut]), isLast: false)
            let whole = starts.lastIndex { $0 <= cut } ?? 0
            #expect(reading.sequences == (0..<whole).map { UInt64($0 + 1) })
            #expect(reading.damage.isEmpty && reading.end == nil && reading.incomplete == starts[whole])
        }
    }
}
