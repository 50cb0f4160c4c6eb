/// Reads the records of a part of a segment, one after the other, and finds the way on behind damage.
package struct RecordReader {
    package enum Item: Equatable, Sendable {
        /// A record that its checksum vouches for; `offset` is from the buffer's start.
        case record(offset: Int, header: RecordFormat.Header)
        /// These bytes are no record: skipped up to the next one that is.
        case damage(Range<Int>)
        /// The buffer ends inside of what may be a record of this many bytes: read on from `offset`.
        case incomplete(offset: Int, needed: Int)
        /// Nothing but zeros, or nothing at all, from here on.
        case end(offset: Int)
    }

    private let bytes: UnsafeRawBufferPointer
    private let seed: UInt32
    /// Whether what follows the buffer's end is known to be nothing.
    private let isLast: Bool
    package private(set) var offset: Int

    /// - Parameters:
    ///   - bytes: from a multiple of 8 of the segment, aligned to 8.
    ///   - isLast: whether the segment ends where the buffer does.
    package init(_ bytes: UnsafeRawBufferPointer, seed: UInt32, isLast: Bool, offset: Int = 0) {
        self.bytes = bytes
        self.seed = seed
        self.isLast = isLast
        self.offset = offset
    }

    package mutating func next() -> Item {
        switch look(at: offset) {
        case .record(let header):
            defer { offset += header.totalBytes }
            return .record(offset: offset, header: header)
        case .short(let needed) where !isLast:
            return .incomplete(offset: offset, needed: needed)
        case .zero where restIsZero(from: offset):
            return .end(offset: offset)
        case .short where restIsZero(from: offset):
            return .end(offset: offset)
        case .short, .zero, .none:
            return skipDamage()
        }
    }

    private enum Sight {
        case record(RecordFormat.Header)
        case short(needed: Int)
        case zero
        case none
    }

    private func look(at offset: Int) -> Sight {
        guard let base = bytes.baseAddress, offset + RecordFormat.headerBytes <= bytes.count else {
            return bytes.count - offset <= 0 && isLast ? .zero : .short(needed: RecordFormat.headerBytes)
        }
        let header = RecordFormat.Header(at: base + offset)
        if header.length == 0, header.checksum == 0, header.kind == 0 { return .zero }
        guard header.length <= Limits.recordBytes, RecordKind(rawValue: header.kind) != nil else { return .none }
        guard offset + header.totalBytes <= bytes.count else { return .short(needed: header.totalBytes) }
        let checksum = RecordFormat.checksum(at: base + offset, length: header.length, seed: seed)
        return checksum == header.checksum ? .record(header) : .none
    }

    private mutating func skipDamage() -> Item {
        let start = offset
        var candidate = offset + RecordFormat.alignment
        while candidate < bytes.count {
            switch look(at: candidate) {
            case .record:
                offset = candidate
                return .damage(start..<candidate)
            case .zero:
                guard let next = firstNonZero(from: candidate) else {
                    offset = candidate
                    return .damage(start..<candidate)
                }
                // What begins so far before it that its header is zeros is none. A hole is passed at once, however large.
                candidate = max(candidate, next - RecordFormat.headerBytes) + RecordFormat.alignment
            // A length that reaches beyond the buffer may be a damaged one: it does not stop the search.
            case .short, .none:
                candidate += RecordFormat.alignment
            }
        }
        // What follows may hold the rest of a record that begins in here.
        guard isLast else { return .incomplete(offset: start, needed: (bytes.count - start) * 2) }
        offset = bytes.count
        return .damage(start..<bytes.count)
    }

    /// Preallocated space is zero to its end; what was not read yet can't be judged and counts as zero.
    private func restIsZero(from offset: Int) -> Bool { firstNonZero(from: offset) == nil }

    /// Where the next eight bytes begin that are not all zero, counted from an offset on; nil: there are none.
    private func firstNonZero(from offset: Int) -> Int? {
        guard offset < bytes.count else { return nil }
        var index = offset
        while index + 8 <= bytes.count {
            if bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) != 0 { return index }
            index += 8
        }
        return bytes[index...].allSatisfy { $0 == 0 } ? nil : index
    }
}
