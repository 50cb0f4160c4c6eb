import Logging
package import RelayCore
import Synchronization

/// A file of the journal, as readers see it.
package final class Segment: Sendable {
    /// A record now and then: where to begin reading for a sequence.
    struct IndexEntry {
        let sequence: UInt64
        let offset: Int
    }

    private struct State {
        var validBytes: Int
        var index: [IndexEntry] = []
        var isIndexed: Bool
        var sidecar: SegmentIndex?
        var hasLostIndex = false
    }

    /// Bytes between index entries.
    private static let indexInterval = 32 * 1024

    package let header: SegmentHeader
    package let path: String
    let file: any DiskFile
    let seed: UInt32
    /// How many bytes a later header says that it has; nil: none has said.
    let sealedBytes: Int?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - validBytes: how much of the file counts.
    ///   - sealedBytes: how much of it a later header says that there is.
    ///   - isIndexed: whether the index grows with what is written; else it is made when it is needed.
    init(
        header: SegmentHeader, path: String, file: any DiskFile, validBytes: Int, sealedBytes: Int? = nil,
        isIndexed: Bool
    ) {
        self.header = header
        self.path = path
        self.file = file
        self.sealedBytes = sealedBytes
        seed = RecordFormat.seed(nonce: header.nonce)
        state = Mutex(State(validBytes: validBytes, isIndexed: isIndexed))
    }

    /// Where its index is, if it has one.
    package var indexPath: String { path.dropLast(".seg".utf8.count) + ".idx" }

    /// Bytes that are durable, from the file's start.
    package var validBytes: Int { state.withLock { $0.validBytes } }

    /// Its index file; nil for the segment that is written to, and until there is one.
    package var index: SegmentIndex? { state.withLock { $0.sidecar } }

    /// Whether its index lacks what is written today.
    var hasOldIndex: Bool { index.map { !$0.isCurrent } ?? false }

    /// Whether nobody else knows its ids, and it has no index: it had one that turned out to be damaged, or it was written
    /// anew.
    var hasLostIndex: Bool { state.withLock { $0.hasLostIndex } }

    func noteLostIndex() { state.withLock { $0.hasLostIndex = true } }

    func use(_ index: SegmentIndex?) {
        state.withLock {
            $0.sidecar = index
            guard index != nil else { return }
            $0.hasLostIndex = false
            // The file knows better; the memory is worth more elsewhere.
            $0.index = []
            $0.isIndexed = false
        }
    }

    /// An index that can't be read is not asked again: the segment is scanned until another one has been made.
    ///
    /// - Throws: if the disk failed, rather than the file.
    func dropIndex(because fault: IndexFault, _ logger: Logger) throws(DiskError) {
        if case .disk(let error) = fault, !error.isMissing { throw error }
        state.withLock {
            $0.sidecar = nil
            $0.hasLostIndex = true
        }
        logger.warning("an index of the journal is damaged: it is made anew", metadata: ["error": "\(fault)"])
    }

    /// The event whose record begins at an offset; nil if it is damaged.
    func event(at offset: Int) throws(IndexFault) -> EventRecord? {
        var found: EventRecord?
        do throws(DiskError) {
            try forEachRecord(from: offset, chunkBytes: 16 * 1024) { place, _, at in
                if at == offset { found = EventRecord(buffer: place.buffer, offset: place.offset) }
                return false
            }
        } catch {
            throw .disk(error)
        }
        return found
    }

    package var holdsRecords: Bool { validBytes > SegmentHeader.dataOffset }
    /// Whether events may be in it.
    package var holdsEvents: Bool { state.withLock { !$0.isIndexed || !$0.index.isEmpty } }

    /// `0000000000000001-00000000000000a7.seg`: ordinal, and the first event that can be in it.
    static func name(ordinal: UInt64, firstSequence: UInt64) -> String {
        func hexadecimal(_ word: UInt64) -> String {
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return "\(hexadecimal(ordinal))-\(hexadecimal(firstSequence)).seg"
    }

    /// Makes records that were written and synced visible to readers.
    func publish(through validBytes: Int, index entries: [IndexEntry]) {
        state.withLock {
            $0.validBytes = validBytes
            for entry in entries where entry.offset - ($0.index.last?.offset ?? .min / 2) >= Self.indexInterval {
                $0.index.append(entry)
            }
        }
    }

    /// An offset at or before the record of an event, or of the next one if there is none of that sequence.
    func offset(for sequence: UInt64) throws(DiskError) -> Int {
        if let index {
            do throws(IndexFault) {
                return try index.firstOffset(atOrAfter: sequence) ?? validBytes
            } catch {
                // Whoever reads by the index finds the same, and drops it.
                if case .disk(let error) = error { throw error }
            }
        }
        if !state.withLock({ $0.isIndexed }) { try buildIndex() }
        return state.withLock { state in
            var low = 0
            var high = state.index.count
            while low < high {
                let middle = (low + high) / 2
                if state.index[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
            }
            return low == 0 ? SegmentHeader.dataOffset : state.index[low - 1].offset
        }
    }

    private func buildIndex() throws(DiskError) {
        var entries: [IndexEntry] = []
        try forEachRecord { _, header, offset in
            guard header.kind == RecordKind.event.rawValue else { return true }
            if offset - (entries.last?.offset ?? .min / 2) >= Self.indexInterval {
                entries.append(IndexEntry(sequence: header.sequence, offset: offset))
            }
            return true
        }
        state.withLock {
            guard !$0.isIndexed else { return }
            $0.index = entries
            $0.isIndexed = true
        }
    }

    /// Reads records from an offset on.
    ///
    /// - Parameters:
    ///   - offset: of a record; nil is the first one.
    ///   - chunkBytes: how much is read at a time.
    ///   - onChunk: told of every chunk that was read.
    ///   - onDamage: gets each damaged stretch of the file, in order with the records around it.
    ///   - body: gets a buffer that is used again, the record's header with its offset in the buffer in front of it, and
    ///     its offset in the file; false ends the reading.
    /// - Returns: stretches of the file that are damaged, and the offset behind the last record read.
    @discardableResult
    func forEachRecord(
        from offset: Int? = nil, chunkBytes: Int = 1 << 20, onChunk: () -> Void = {},
        onDamage: (Range<Int>) -> Void = { _ in },
        _ body: (_ at: (buffer: RecordBuffer, offset: Int), _ header: RecordFormat.Header, _ fileOffset: Int) -> Bool
    ) throws(DiskError) -> (damage: [Range<Int>], end: Int) {
        let validBytes = validBytes
        var position = offset ?? SegmentHeader.dataOffset
        var damage: [Range<Int>] = []
        var wanted = chunkBytes
        // Zeros up to a chunk's end may be the end of what was written, or a hole: what comes behind them decides.
        var zeros: Int?
        while position < validBytes {
            let count = min(wanted, validBytes - position)
            let buffer = RecordBuffer(capacity: count)
            let target = UnsafeMutableRawBufferPointer(start: buffer.reserve(count), count: count)
            let read = try file.read(into: target, at: position)
            buffer.advance(by: read)
            onChunk()
            let isLast = position + read >= validBytes || read < count
            var reader = RecordReader(buffer.contents, seed: seed, isLast: isLast)
            chunk: while true {
                switch reader.next() {
                case .record(let at, let header):
                    if let start = zeros {
                        damage.append(start..<position + at)
                        onDamage(start..<position + at)
                    }
                    zeros = nil
                    guard body((buffer, at), header, position + at) else {
                        return (damage, position + at + header.totalBytes)
                    }
                case .damage(let range):
                    let start = zeros ?? range.lowerBound + position
                    zeros = nil
                    damage.append(start..<range.upperBound + position)
                    onDamage(start..<range.upperBound + position)
                    if range.upperBound == buffer.count { return (damage, start) }
                case .incomplete(let at, let needed):
                    position += at
                    wanted = max(needed, chunkBytes)
                    break chunk
                case .end(let at):
                    let start = zeros ?? position + at
                    if isLast { return (damage, start) }
                    zeros = start
                    position += buffer.count / RecordFormat.alignment * RecordFormat.alignment
                    wanted = chunkBytes
                    break chunk
                }
            }
        }
        return (damage, zeros ?? position)
    }
}
